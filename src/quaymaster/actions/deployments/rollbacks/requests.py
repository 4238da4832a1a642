"""Rolling an environment back: by the names of one dialect, by the ids of the other."""

from collections.abc import Awaitable, Callable

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import deciding
from quaymaster.actions.deployments.rollbacks import rolling_back
from quaymaster.actions.deployments.rollbacks.rolling_back import Environment, RollbackRequest
from quaymaster.actions.repositories import repositories
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import NotFound
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.release_versions import CandidateVersion
from quaymaster.domain.rollbacks import Rollback
from quaymaster.store.deployments import environment_deployments, freezes
from quaymaster.store.deployments.environment_deployments import EnvironmentDeployment
from quaymaster.store.postgres.database import Connection

Find = Callable[[Connection], Awaitable[Scene]]


def named(call: Call, project: str, environment: str) -> Find:
    """The environment by its own name and that of its definition."""
    return lambda connection: repositories.scene(connection, call, project, environment)


def numbered(call: Call, definition: int, environment: int) -> Find:
    """The environment by its id and that of its definition."""
    return lambda connection: repositories.numbered(connection, call, definition, environment)


async def roll_back(
    call: Call, find: Find, request: RollbackRequest, to: CandidateVersion | None = None
) -> EnvironmentDeployment:
    """Go back to what ran before, or to a version. Raises what `rolling_back.roll_back` raises."""
    async with deciding(call) as connection:
        found = await find(connection)
        if to:
            release = (await repositories.candidate(connection, found, str(to))).release
            request = _to(request, release)
        stage = await rolling_back.roll_back(connection, call, place(found), request)
        made = await environment_deployments.newest_of_stage(connection, stage)
        if made is None:
            raise NotFound("deployment", stage)
        return made


def _to(request: RollbackRequest, release: ReleaseId) -> RollbackRequest:
    return RollbackRequest(release, request.override, request.comment, request.holds)


async def planned(call: Call, find: Find) -> tuple[Rollback, EnvironmentDeployment]:
    """What a rollback would do now, and the deployment it would repeat.

    Raises NotFound when there is nothing to go back to, Forbidden (view releases).
    """
    async with call.database.read() as connection:
        found = await find(connection)
        found.require(Permission.VIEW_RELEASES)
        plan = await rolling_back.planned(connection, place(found))
        target = await environment_deployments.one(connection, found.environment.id, plan.target.id)
        if target is None:
            raise NotFound("deployment", plan.target.id)
        return plan, target


async def resume(call: Call, find: Find) -> None:
    """End the hold that a rollback left: what waited for that starts by itself.

    Raises NotFound, Forbidden (manage deployments).
    """
    async with deciding(call) as connection:
        found = await find(connection)
        found.require(Permission.MANAGE_DEPLOYMENTS)
        await freezes.close_door(connection, found.definition.definition_id)
        await freezes.resume(connection, found.environment.id)
        await rolling_back.look_again(connection, call, place(found))


def place(found: Scene) -> Environment:
    """The environment as a rollback needs it."""
    environment = found.environment
    return Environment(
        environment.id, found.definition.definition_id, environment.name, found.stage_token
    )

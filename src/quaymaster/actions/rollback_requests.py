"""Rolling an environment back by the names of its definition and itself (AVIATOR 3)."""

from quaymaster.actions import repository_definitions as repositories
from quaymaster.actions import rolling_back
from quaymaster.actions.call import Call
from quaymaster.actions.repository_definitions import Scene
from quaymaster.actions.rolling_back import Environment, RollbackRequest
from quaymaster.domain.errors import NotFound
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.release_versions import CandidateVersion
from quaymaster.store import repository_definitions as rows
from quaymaster.store.database import Connection
from quaymaster.store.repository_definitions import EnvironmentDeployment


async def roll_back(
    call: Call,
    project: str,
    environment: str,
    *,
    override: str = "",
    to: CandidateVersion | None = None,
    comment: str = "",
) -> EnvironmentDeployment:
    """Go back to what ran before, or to a version. Raises what `rolling_back.roll_back` raises."""
    async with call.database.transaction() as connection:
        found = await repositories.scene(connection, call, project, environment)
        target = await _target(connection, found, to)
        request = RollbackRequest(target, override, comment)
        stage = await rolling_back.roll_back(connection, found.call, place(found), request)
        made = await rows.newest_of_stage(connection, stage)
        if made is None:
            raise NotFound("deployment", stage)
        return made


def place(found: Scene) -> Environment:
    """The environment as a rollback needs it."""
    environment = found.environment
    return Environment(
        environment.id, found.definition.definition_id, environment.name, found.stage_token
    )


async def _target(
    connection: Connection, found: Scene, to: CandidateVersion | None
) -> ReleaseId | None:
    if to is None:
        return None
    return (await repositories.candidate(connection, found, str(to))).release

"""The freezes of one environment by the names of its definition and itself (AVIATOR 7)."""

from dataclasses import replace

from quaymaster.actions.call import Call
from quaymaster.actions.deployments import freezing
from quaymaster.actions.repositories import repositories
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.domain.access import Permission
from quaymaster.domain.freezes import Freeze
from quaymaster.domain.release import PersonId
from quaymaster.store.people import people
from quaymaster.store.postgres.database import Connection


async def listed(call: Call, project: str, environment: str) -> list[Freeze]:
    """Those set for it alone that are not over, each with what people know its author by.

    Raises NotFound, Forbidden (view releases).
    """
    async with call.database.read() as connection:
        found = await repositories.scene(connection, call, project, environment)
        found.require(Permission.VIEW_RELEASES)
        here = await freezing.of_environment(connection, found.call, found.environment.id)
        known = await people.get_many(
            connection, [one.created_by for one in here if one.created_by]
        )
    names = {one.id: one.address for one in known.values()}
    return [replace(one, created_by=names.get(PersonId(one.created_by or ""))) for one in here]


async def put(call: Call, project: str, environment: str, freeze: Freeze) -> None:
    """Freeze it in the place of whatever was set before. Raises Invalid, NotFound, Forbidden."""
    freezing.check(freeze, call.now)
    async with call.database.transaction() as connection:
        found = await repositories.scene(connection, call, project, environment)
        await freezing.set_for_environment(
            connection, found.call, _here(found, freeze), found.stage_token
        )


async def lift(call: Call, project: str, environment: str) -> None:
    """End them. Raises NotFound, Forbidden."""
    async with call.database.transaction() as connection:
        found = await repositories.scene(connection, call, project, environment)
        found.require(Permission.MANAGE_DEPLOYMENTS)
        await _lift(connection, found)


async def _lift(connection: Connection, found: Scene) -> None:
    set_here = await freezing.of_environment(connection, found.call, found.environment.id)
    await freezing.lift_within(connection, found.call, set_here, found.stage_token)


def _here(found: Scene, freeze: Freeze) -> Freeze:
    return replace(
        freeze,
        project_id=str(found.definition.project_id),
        definition_id=found.definition.definition_id,
        environment_id=found.environment.id,
    )

"""Favorites of a person or a group in a project: only their own, and those of their groups."""

from collections.abc import Sequence
from uuid import UUID

from quaymaster.actions.call import Call
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import Forbidden, Invalid, Refused
from quaymaster.store.people import favorites
from quaymaster.store.people.favorites import Favorite

MOST = 1000
LONGEST_SCOPE = 256


async def listed(call: Call, scope: str, owner: str) -> list[Favorite]:
    """The favorites of `owner` ("": the caller's own) in a scope.

    Raises Forbidden for anybody but the caller and their groups.
    """
    async with call.database.read() as connection:
        project, whose = _place(call, scope, owner)
        return await favorites.listed(connection, project, whose, scope.casefold())


async def add(call: Call, scope: str, owner: str, items: Sequence[Favorite]) -> list[Favorite]:
    """Mark items, replacing those of the same id. Raises Refused beyond what is kept."""
    project, whose = _place(call, scope, owner)
    async with call.database.transaction() as connection:
        await favorites.put(connection, project, whose, scope.casefold(), items, call.now)
        kept = await favorites.listed(connection, project, whose, scope.casefold())
        if len(kept) > MOST:
            raise Refused(f"At most {MOST} favorites of a scope are kept; remove some.")
        wanted = {item.id for item in items}
        return [item for item in kept if item.id in wanted]


async def remove(call: Call, scope: str, owner: str, ids: Sequence[UUID]) -> None:
    """Unmark items, whether they are marked or not."""
    project, whose = _place(call, scope, owner)
    async with call.database.transaction() as connection:
        await favorites.remove(connection, project, whose, scope.casefold(), ids)


def _place(call: Call, scope: str, owner: str) -> tuple[UUID, str]:
    if call.project_id is None or call.caller is None:
        raise Invalid("Favorites belong to a person in a project; name the project.")
    if len(scope) > LONGEST_SCOPE:
        raise Invalid(f"The scope is longer than {LONGEST_SCOPE} characters.")
    call.require(Permission.VIEW_RELEASE_DEFINITION, str(call.project_id), "the project")
    whose = owner or call.caller.id
    if whose != call.caller.id and whose not in call.caller.groups:
        raise Forbidden("Only your own favorites and those of your groups are yours to use.")
    return call.project_id, whose

"""Folders of release or build definitions: make, describe, move and delete them (SEMANTICS 22.7).

`kind` says which of the two trees is meant.
"""

from collections.abc import Mapping
from uuid import UUID

from quaymaster.actions.builds.definitions import build_definitions
from quaymaster.actions.call import Call
from quaymaster.actions.definitions import definitions
from quaymaster.domain.access import Permission, definition_token
from quaymaster.domain.build_access import BuildPermission
from quaymaster.domain.errors import Invalid
from quaymaster.store.definitions import folders
from quaymaster.store.definitions.folders import BUILD, RELEASE, Folder
from quaymaster.store.people import people
from quaymaster.store.people.people import Identity
from quaymaster.store.postgres.paging import ROOT

LONGEST_PATH = 400
UNUSABLE = frozenset('<>|:$@";*?+%')


async def listed(
    call: Call, path: str, kind: str = RELEASE
) -> tuple[list[Folder], Mapping[str, Identity]]:
    """The folder and all below it, as far as the caller may view pipelines there, with the people
    who made them."""
    async with call.database.read() as connection:
        found = await folders.listed(connection, _project(call), path, kind)
        found = [folder for folder in found if _may_view(call, folder.path, kind)]
        named = {who for folder in found for who in (folder.created_by, folder.modified_by) if who}
        return found, await people.get_many(connection, list(named))


async def create(call: Call, path: str, description: str, kind: str = RELEASE) -> Folder:
    """Make a folder. Raises Invalid for a name that cannot be one, Conflict, Forbidden."""
    project = _project(call)
    _check(path)
    _require_editing(call, path, kind)
    async with call.database.transaction() as connection:
        return await folders.create(connection, project, path, description, call.by, call.now, kind)


async def update(
    call: Call, path: str, to: str, description: str | None, kind: str = RELEASE
) -> Folder:
    """Rename or move a folder with all that is in it, and change what is said about it.

    `to` "" leaves it where it is, `description` None as it is. Raises NotFound, Conflict,
    Refused, Forbidden (edit release pipeline in both places).
    """
    project = _project(call)
    target = folders.normalised(to) if to else folders.normalised(path)
    _check(target)
    for place in (path, target):
        _require_editing(call, place, kind)
    async with call.database.transaction() as connection:
        if target != folders.normalised(path):
            above = target.rpartition(ROOT)[0]
            await folders.make_way(connection, project, above, call.by, call.now, kind)
            await folders.move(connection, project, path, target, kind)
        if description is None:
            description = (await folders.get(connection, project, target, kind)).description
        return await folders.describe(
            connection, project, target, description, call.by, call.now, kind
        )


async def delete(call: Call, path: str, kind: str = RELEASE) -> None:
    """Delete a folder, those below it and every definition in them, or nothing of it.

    Raises Refused while a release of one of them is being deployed, NotFound, Forbidden.
    """
    project = _project(call)
    _require_deleting(call, path, kind)
    if folders.normalised(path) == ROOT:
        raise Invalid("The root folder cannot be deleted.")
    async with call.database.transaction() as connection:
        await folders.get(connection, project, path, kind, locked=True)
        for definition in await folders.definitions_in(connection, project, path, kind):
            if kind == BUILD:
                await build_definitions.delete_within(connection, call, definition)
            else:
                await definitions.delete_within(
                    connection, call, definition, f"The folder {path} was deleted.", force=False
                )
        await folders.remove(connection, project, path, kind)


def _project(call: Call) -> UUID:
    return call.required_project("that the folder belongs to")


def _may_view(call: Call, path: str, kind: str) -> bool:
    token, _ = _place(call, path)
    if kind == BUILD:
        return call.may_build(BuildPermission.VIEW_BUILD_DEFINITION, token)
    return call.may(Permission.VIEW_RELEASE_DEFINITION, token)


def _require_editing(call: Call, path: str, kind: str) -> None:
    token, on = _place(call, path)
    if kind == BUILD:
        call.require_build(BuildPermission.EDIT_BUILD_DEFINITION, token, on)
    else:
        call.require(Permission.EDIT_RELEASE_DEFINITION, token, on)


def _require_deleting(call: Call, path: str, kind: str) -> None:
    token, on = _place(call, path)
    if kind == BUILD:
        call.require_build(BuildPermission.DELETE_BUILD_DEFINITION, token, on)
    else:
        call.require(Permission.DELETE_RELEASE_DEFINITION, token, on)


def _place(call: Call, path: str) -> tuple[str, str]:
    folder = folders.normalised(path)
    return definition_token(str(_project(call)), folder, 0), f"folder {folder}"


def _check(path: str) -> None:
    if len(path) > LONGEST_PATH:
        raise Invalid(f"A folder's path can have at most {LONGEST_PATH} characters.")
    for part in folders.normalised(path).split("\\")[1:]:
        bad = sorted(c for c in set(part) if c in UNUSABLE or not c.isprintable())
        if bad or part != part.strip() or part.endswith("."):
            raise Invalid(
                f"The folder name {part!r} cannot be used. It must not begin or end with a space, "
                f"end with a dot, or hold control characters or any of {''.join(sorted(UNUSABLE))}"
            )

"""Folders of definitions: paths such as `\\A\\B`, found ignoring case; the root always exists.

Release and build definitions have a tree of folders each: `kind` says which.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from quaymaster.domain.errors import Conflict, NotFound, Refused
from quaymaster.domain.release import PersonId
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import ROOT, Where, add_folder, folder_key

RELEASE = "release"
BUILD = "build"
COLUMNS = "path, description, created_by, created_at, modified_by, modified_at"

# Held until the transaction ends: nobody deletes a folder while something goes into it.
HOLD = """
SELECT path_key FROM folders
WHERE project_id = $1 AND kind = $2 AND path_key = ANY($3::text[]) FOR KEY SHARE
"""
MAKE = """
INSERT INTO folders (project_id, kind, path, path_key, created_by, created_at)
SELECT $1, $2, made.path, made.path_key, $5, $6
FROM unnest($3::text[], $4::text[]) AS made (path, path_key)
ON CONFLICT DO NOTHING
"""

# Everything in the folder and below moves along; the parts below it are kept as written. Parts are
# counted, not letters: a name and the same name in another case need not be of one length.
MOVE = """
UPDATE {table} SET path = concat_ws('\\', $4::text, {rest_of_path}),
  path_key = concat_ws('\\', $3::text, {rest_of_key})
WHERE project_id = $1 AND kind = $6 AND (path_key = $2 OR starts_with(path_key, $2 || '\\'))
"""
REST = "nullif(array_to_string((string_to_array({column}, '\\'))[$5::integer:], '\\'), '')"


def _move(table: str) -> str:
    return MOVE.format(
        table=table,
        rest_of_path=REST.format(column="path"),
        rest_of_key=REST.format(column="path_key"),
    )


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as it was made, by somebody or for a definition that was saved in it."""

    path: str
    description: str
    created_by: PersonId | None
    created_at: datetime
    modified_by: PersonId | None
    modified_at: datetime | None


def normalised(path: str) -> str:
    """The path with one leading backslash, none behind, and single ones between; `\\` the root."""
    return ROOT + ROOT.join(part for part in path.replace("/", ROOT).split(ROOT) if part)


async def listed(
    connection: Connection, project: UUID, path: str = ROOT, kind: str = RELEASE
) -> list[Folder]:
    """The folder and all below it, by path; the root lists all of them."""
    where = Where()
    where.add("project_id = {} AND kind = {}", project, kind)
    add_folder(where, path, "path_key")
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM folders {where} ORDER BY path_key", *where.parameters
    )
    return [Folder(**row) for row in rows]


async def get(
    connection: Connection, project: UUID, path: str, kind: str = RELEASE, *, locked: bool = False
) -> Folder:
    """One folder; `locked` lets nothing else go into it meanwhile. Raises NotFound."""
    lock = " FOR UPDATE" if locked else ""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM folders WHERE project_id = $1 AND path_key = $2 AND kind = $3"
        f"{lock}",
        project,
        folder_key(path),
        kind,
    )
    return _folder(row, normalised(path))


async def make_way(
    connection: Connection,
    project: UUID,
    path: str,
    by: PersonId | None,
    at: datetime,
    kind: str = RELEASE,
) -> None:
    """Make the folder and those that it stands in, if they are not there (SEMANTICS 22.7)."""
    wanted = _way_to(path)
    if not wanted:
        return
    keys = [folder_key(one) for one in wanted]
    held = await connection.fetch(HOLD, project, kind, keys)
    if len(held) < len(keys):
        await connection.execute(MAKE, project, kind, wanted, keys, by, at)


def _way_to(path: str) -> list[str]:
    """`\\A`, `\\A\\B` and so on down to the path itself; nothing for the root."""
    parts = [part for part in normalised(path).split(ROOT) if part]
    return [ROOT + ROOT.join(parts[: number + 1]) for number in range(len(parts))]


async def create(
    connection: Connection,
    project: UUID,
    path: str,
    description: str,
    by: PersonId | None,
    at: datetime,
    kind: str = RELEASE,
) -> Folder:
    """Make a folder, and those that it stands in. Raises Conflict when it exists, Refused for the
    root.
    """
    wanted = normalised(path)
    if wanted == ROOT:
        raise Refused("The root folder always exists.")
    await make_way(connection, project, wanted.rpartition(ROOT)[0], by, at, kind)
    try:
        row = await connection.fetchrow(
            "INSERT INTO folders (project_id, path, path_key, description, created_by, created_at,"
            f" kind) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING {COLUMNS}",
            project,
            wanted,
            folder_key(wanted),
            description,
            by,
            at,
            kind,
        )
    except asyncpg.UniqueViolationError as error:
        raise Conflict(f"The folder {wanted} already exists.") from error
    return _folder(row, wanted)


async def describe(
    connection: Connection,
    project: UUID,
    path: str,
    description: str,
    by: PersonId | None,
    at: datetime,
    kind: str = RELEASE,
) -> Folder:
    """Change what is said about a folder. Raises NotFound."""
    row = await connection.fetchrow(
        "UPDATE folders SET description = $3, modified_by = $4, modified_at = $5"
        f" WHERE project_id = $1 AND path_key = $2 AND kind = $6 RETURNING {COLUMNS}",
        project,
        folder_key(path),
        description,
        by,
        at,
        kind,
    )
    return _folder(row, path)


async def move(
    connection: Connection, project: UUID, path: str, to: str, kind: str = RELEASE
) -> None:
    """Rename or move a folder with everything in it (SEMANTICS 22.7).

    Raises NotFound, Conflict when the target or a definition of the same name is there already,
    Refused for the root or a folder moved into itself.
    """
    old, new = normalised(path), normalised(to)
    if ROOT in (old, new) or folder_key(new).startswith(folder_key(old) + ROOT):
        raise Refused(f"The folder {old} cannot be moved to {new}.")
    first_part_below = old.count(ROOT) + 2
    values = (project, folder_key(old), folder_key(new), new, first_part_below, kind)
    try:
        done = await connection.execute(_move("folders"), *values)
        await connection.execute(_move("definitions"), *values)
    except asyncpg.UniqueViolationError as error:
        raise Conflict(
            f"{new} already has a folder or a pipeline of the same name as {old}."
        ) from error
    if done == "UPDATE 0":
        raise NotFound("folder", old)


async def remove(connection: Connection, project: UUID, path: str, kind: str = RELEASE) -> None:
    """Forget the folder and those below it; the definitions in it are the caller's to delete."""
    where = Where()
    where.add("project_id = {} AND kind = {}", project, kind)
    add_folder(where, path, "path_key")
    await connection.execute(f"DELETE FROM folders {where}", *where.parameters)


async def definitions_in(
    connection: Connection, project: UUID, path: str, kind: str = RELEASE
) -> list[int]:
    """The live definitions in this folder and below."""
    where = Where()
    where.add("project_id = {} AND NOT is_deleted AND kind = {}", project, kind)
    add_folder(where, path, "path_key")
    rows = await connection.fetch(
        f"SELECT id FROM definitions {where} ORDER BY id", *where.parameters
    )
    return [row["id"] for row in rows]


def _folder(row: asyncpg.Record | None, path: str) -> Folder:
    if row is None:
        raise NotFound("folder", path)
    return Folder(**row)

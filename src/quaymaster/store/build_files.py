"""Builds as versions of an artifact: which are meant, and the stored files that they have."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from quaymaster.store.database import Connection

FILES = """
WITH held AS (
  SELECT id, name, btrim(regexp_replace(data, '^#/[^/]*', ''), '/') AS root
  FROM build_artifacts WHERE build_id = $1 AND lower(type) = 'container'
)
SELECT held.name, held.root, f.path, f.byte_count, f.sha256,
  (SELECT coalesce(array_agg(p.object_key ORDER BY p.first_byte), '{}')
   FROM container_pieces p WHERE p.file_id = f.id) AS keys
FROM held JOIN container_files f ON f.build_id = $1 AND f.is_complete
  AND (lower(f.path) = lower(held.root) OR starts_with(lower(f.path), lower(held.root) || '/'))
ORDER BY held.id, f.path
"""

PROJECT = """
SELECT p.id FROM projects own JOIN projects p ON p.organization_id = own.organization_id
WHERE own.id = $1 AND (p.id::text = lower($2) OR lower(p.name) = lower($2))
ORDER BY (p.id::text = lower($2)) DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class BuildFile:
    """A file of a build's artifact: its place, size, SHA-256 in hex ("" unknown), its objects."""

    path: str
    byte_count: int
    sha256: str
    keys: list[str]


async def stored(connection: Connection, build_id: int) -> list[BuildFile]:
    """The files of the artifacts that lie in the build's container, below the artifacts' names."""
    return [
        BuildFile(
            f"{row['name']}/{row['path'][len(row['root']) :].lstrip('/')}".rstrip("/"),
            row["byte_count"],
            row["sha256"],
            list(row["keys"]),
        )
        for row in await connection.fetch(FILES, build_id)
    ]


async def project_beside(connection: Connection, project: UUID, named: str) -> UUID | None:
    """The project of the same organization that an id or a name means."""
    found: UUID | None = await connection.fetchval(PROJECT, project, named)
    return found


async def definitions_named(
    connection: Connection, project: UUID, named: Sequence[str]
) -> list[int]:
    """The build definitions of a project that ids or names mean."""
    rows = await connection.fetch(
        "SELECT id FROM definitions WHERE project_id = $1 AND kind = 'build' AND NOT is_deleted"
        " AND (id::text = ANY($2::text[]) OR lower(name) = ANY($3::text[])) ORDER BY id",
        project,
        list(named),
        [one.lower() for one in named],
    )
    return [row["id"] for row in rows]


async def build_named(connection: Connection, definitions: Sequence[int], named: str) -> int | None:
    """The build of these definitions with this id, or else with this number."""
    found: int | None = await connection.fetchval(
        "SELECT id FROM builds WHERE definition_id = ANY($1::bigint[])"
        " AND (id::text = $2 OR lower(number) = lower($2)) ORDER BY (id::text = $2) DESC, id DESC"
        " LIMIT 1",
        list(definitions),
        named,
    )
    return found


async def default_branch(connection: Connection, definition_id: int) -> str:
    """The default branch of a build definition's repository as its document has it."""
    found: str | None = await connection.fetchval(
        "SELECT b.body::json -> 'repository' ->> 'defaultBranch' FROM definitions d"
        " JOIN documents b ON b.digest = d.document_digest WHERE d.id = $1",
        definition_id,
    )
    return found or ""


async def between(connection: Connection, definition_id: int, after: int, up_to: int) -> list[int]:
    """The builds of a definition after one and up to another, newest first."""
    rows = await connection.fetch(
        "SELECT id FROM builds WHERE definition_id = $1 AND id > $2 AND id <= $3 AND NOT is_deleted"
        " ORDER BY id DESC",
        definition_id,
        after,
        up_to,
    )
    return [row["id"] for row in rows]

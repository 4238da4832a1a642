"""Builds as versions of an artifact: which are meant, and the stored files that they have."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import name_key

FILES = """
WITH held AS (
  SELECT id, name, btrim(regexp_replace(data, '^#/[^/]*', ''), '/') AS root
  FROM build_artifacts WHERE build_id = $1 AND lower(type) = 'container'
)
SELECT held.name, held.root, f.path, f.byte_count, f.sha256,
  (SELECT coalesce(array_agg(p.object_key ORDER BY p.first_byte), '{}')
   FROM container_pieces p WHERE p.file_id = f.id) AS keys
FROM held JOIN container_files f ON f.build_id = $1 AND f.is_complete
  AND (held.root = '' OR lower(f.path) = lower(held.root)
    OR starts_with(lower(f.path), lower(held.root) || '/'))
ORDER BY held.id, f.path
"""

PROJECT = """
SELECT p.id FROM projects own JOIN projects p ON p.organization_id = own.organization_id
WHERE own.id = $1 AND (p.id::text = lower($2) OR lower(p.name) = lower($2))
ORDER BY (p.id::text = lower($2)) DESC LIMIT 1
"""

MEANT = """
SELECT w.word, d.id, d.name
FROM unnest($2::text[], $3::text[]) AS w(word, word_key) JOIN definitions d
  ON d.project_id = $1 AND d.kind = 'build' AND NOT d.is_deleted
  AND (d.id::text = w.word OR d.name_key = w.word_key)
ORDER BY d.id
"""

WAITED_FOR = """
SELECT DISTINCT d.id FROM definitions b JOIN projects own ON own.id = b.project_id
JOIN definition_artifacts a ON a.build_words <> '{}'
  AND a.build_words && ARRAY[upper(b.name), b.id::text]
JOIN definitions d ON d.id = a.definition_id AND NOT d.is_deleted
JOIN projects p ON p.id = d.project_id AND p.organization_id = own.organization_id
WHERE b.id = $1 AND b.kind = 'build' AND NOT b.is_deleted
  AND NOT (upper(format('BUILD:%s:%s', b.project_id, b.id))
    = ANY(a.further_keys || a.source_key))
ORDER BY d.id
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


async def definitions_meant(
    connection: Connection, project: UUID, named: Sequence[str]
) -> dict[str, list[tuple[int, str]]]:
    """(id, name) of the build definitions of a project that each id or name means; a number is
    an id first. A name that several folders have means all of them."""
    rows = await connection.fetch(MEANT, project, list(named), [name_key(one) for one in named])
    meant: dict[str, list[tuple[int, str]]] = {word: [] for word in named}
    by_id = {row["word"] for row in rows if str(row["id"]) == row["word"]}
    for row in rows:
        if row["word"] not in by_id or str(row["id"]) == row["word"]:
            meant[row["word"]].append((row["id"], row["name"]))
    return meant


async def definitions_named(
    connection: Connection, project: UUID, named: Sequence[str]
) -> list[int]:
    """The build definitions of a project that ids or names mean."""
    meant = await definitions_meant(connection, project, named)
    return sorted({number for found in meant.values() for number, _ in found})


async def is_build_definition(connection: Connection, project: UUID, definition_id: int) -> bool:
    """Whether the project has this build definition, and has not deleted it."""
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM definitions WHERE id = $2 AND project_id = $1"
            " AND kind = 'build' AND NOT is_deleted)",
            project,
            definition_id,
        )
    )


async def waited_for(connection: Connection, definition_id: int) -> list[int]:
    """The release definitions of the same organization that may mean this build definition by
    its id or name and were not found to when they were saved."""
    rows = await connection.fetch(WAITED_FOR, definition_id)
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

"""What people change about a release that no rule looks at: tags, deletion, its own snapshot."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from quaymaster.domain.errors import NotFound
from quaymaster.domain.release import PersonId
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage import bodies

SET_TAGS = "UPDATE releases SET tags = $2, tag_keys = $3 WHERE id = $1"

KEEP_REVISION = """
INSERT INTO release_revisions
  (release_id, revision, document_digest, changed_by, changed_at, comment)
SELECT id, snapshot_revision, document_digest, coalesce($2, modified_by), $3, $4
FROM releases WHERE id = $1 ON CONFLICT DO NOTHING
"""

# The history remembers with what a release was deleted: what is restored is never guessed.
DELETE_WITH_DEFINITION = """
WITH gone AS (
  UPDATE releases SET is_deleted = true, modified_by = $2, modified_at = $3
  WHERE definition_id = $1 AND NOT is_deleted RETURNING id)
INSERT INTO history (release_id, at, by, kind, details, comment)
SELECT id, $3, $2, 'Deleted', '{"with": "definition"}', $4 FROM gone ORDER BY id
"""
RESTORE_WITH_DEFINITION = """
WITH back AS (
  UPDATE releases r SET is_deleted = false, modified_by = $2, modified_at = $3
  WHERE r.definition_id = $1 AND r.is_deleted AND (
    SELECT h.details ->> 'with' FROM history h
    WHERE h.release_id = r.id AND h.kind IN ('Deleted', 'Undeleted')
    ORDER BY h.id DESC LIMIT 1) = 'definition'
  RETURNING r.id)
INSERT INTO history (release_id, at, by, kind, details, comment)
SELECT id, $3, $2, 'Undeleted', '{"with": "definition"}', $4 FROM back ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class SnapshotRevision:
    """One edit of a release's own snapshot (SEMANTICS 6.2); the first is its creation."""

    revision: int
    changed_by: PersonId | None
    changed_at: datetime
    comment: str


async def tags(connection: Connection, release_id: int) -> tuple[str, ...]:
    """The tags of a release in the order in which they were added."""
    found = await connection.fetchval("SELECT tags FROM releases WHERE id = $1", release_id)
    return tuple(found or ())


async def tags_of_project(connection: Connection, project: UUID) -> list[tuple[str, str, int]]:
    """Each tag in use with the folder and id of a definition whose releases have it."""
    rows = await connection.fetch(
        "SELECT DISTINCT unnest(r.tags) AS tag, f.path, f.id FROM releases r"
        " JOIN definitions f ON f.id = r.definition_id"
        " WHERE r.project_id = $1 AND NOT r.is_deleted AND r.tag_keys <> '{}'",
        project,
    )
    return [(row["tag"], row["path"], row["id"]) for row in rows]


async def add_tags(
    connection: Connection, release_id: int, added: Sequence[str]
) -> tuple[str, ...]:
    """Add those that are not there in any case of letters (SEMANTICS 6.9); all tags afterwards."""
    now = await _locked_tags(connection, release_id)
    for tag in added:
        now.setdefault(tag.casefold(), tag)
    return await _set_tags(connection, release_id, now)


async def remove_tag(connection: Connection, release_id: int, tag: str) -> tuple[str, ...]:
    """Take a tag away if it is there, in any case of letters; all tags afterwards."""
    now = await _locked_tags(connection, release_id)
    now.pop(tag.casefold(), None)
    return await _set_tags(connection, release_id, now)


async def _locked_tags(connection: Connection, release_id: int) -> dict[str, str]:
    found = await connection.fetchval(
        "SELECT tags FROM releases WHERE id = $1 FOR NO KEY UPDATE", release_id
    )
    if found is None:
        raise NotFound("release", release_id)
    return {tag.casefold(): tag for tag in found}


async def _set_tags(
    connection: Connection, release_id: int, now: dict[str, str]
) -> tuple[str, ...]:
    await connection.execute(SET_TAGS, release_id, list(now.values()), list(now))
    return tuple(now.values())


async def set_deleted(
    connection: Connection, release_id: int, *, deleted: bool, by: PersonId | None, at: datetime
) -> bool:
    """Delete softly, or bring back (SEMANTICS 6.4); whether that changed anything."""
    done = await connection.fetchval(
        "UPDATE releases SET is_deleted = $2, modified_by = $3, modified_at = $4"
        " WHERE id = $1 AND is_deleted <> $2 RETURNING id",
        release_id,
        deleted,
        by,
        at,
    )
    return bool(done)


async def delete_with_definition(
    connection: Connection, definition_id: int, by: PersonId | None, at: datetime, comment: str
) -> None:
    """Delete softly all releases of a definition that still are there (SEMANTICS 6.5)."""
    await connection.execute(DELETE_WITH_DEFINITION, definition_id, by, at, comment)


async def restore_with_definition(
    connection: Connection, definition_id: int, by: PersonId | None, at: datetime, comment: str
) -> None:
    """Bring back the releases that were deleted with their definition, and only those."""
    await connection.execute(RESTORE_WITH_DEFINITION, definition_id, by, at, comment)


async def has_definition(connection: Connection, definition_id: int) -> bool:
    """Whether the definition is there; it cannot be deleted until the transaction ends."""
    return bool(
        await connection.fetchval(
            "SELECT NOT is_deleted FROM definitions WHERE id = $1 FOR SHARE", definition_id
        )
    )


async def revise_snapshot(
    connection: Connection,
    release_id: int,
    document: str,
    by: PersonId | None,
    at: datetime,
    comment: str = "",
) -> int:
    """Give a release, which the caller has locked, the next revision of its snapshot; its number.

    The plan that follows from the document is saved with the release itself (`releases.save`).
    """
    created_at = await connection.fetchval(
        "SELECT created_at FROM releases WHERE id = $1", release_id
    )
    if created_at is None:
        raise NotFound("release", release_id)
    await connection.execute(KEEP_REVISION, release_id, None, created_at, "")
    digest = await bodies.put_document(connection, document)
    revision: int = await connection.fetchval(
        "UPDATE releases SET document_digest = $2, snapshot_revision = snapshot_revision + 1,"
        " modified_by = $3, modified_at = $4 WHERE id = $1 RETURNING snapshot_revision",
        release_id,
        digest,
        by,
        at,
    )
    await connection.execute(KEEP_REVISION, release_id, by, at, comment)
    return revision


async def snapshot_of(connection: Connection, release_id: int) -> str:
    """The document that a release runs now. Raises NotFound."""
    body: str | None = await connection.fetchval(
        "SELECT b.body FROM releases r JOIN documents b ON b.digest = r.document_digest"
        " WHERE r.id = $1",
        release_id,
    )
    if body is None:
        raise NotFound("release", release_id)
    return body


async def snapshot_revisions(connection: Connection, release_id: int) -> list[SnapshotRevision]:
    """All edits of a release's snapshot, oldest first; none when it was never edited."""
    rows = await connection.fetch(
        "SELECT revision, changed_by, changed_at, comment FROM release_revisions"
        " WHERE release_id = $1 ORDER BY revision",
        release_id,
    )
    return [SnapshotRevision(**row) for row in rows]


async def snapshot_at(connection: Connection, release_id: int, revision: int) -> str:
    """The snapshot's document as it was at a revision. Raises NotFound."""
    body: str | None = await connection.fetchval(
        "SELECT b.body FROM documents b WHERE b.digest = coalesce("
        "(SELECT document_digest FROM releases WHERE id = $1 AND snapshot_revision = $2),"
        "(SELECT document_digest FROM release_revisions WHERE release_id = $1 AND revision = $2))",
        release_id,
        revision,
    )
    if body is None:
        raise NotFound("revision", revision)
    return body

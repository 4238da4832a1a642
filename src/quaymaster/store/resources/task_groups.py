"""Task groups of a project with their versions, and what releases took of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.errors import Conflict
from quaymaster.domain.release import PersonId
from quaymaster.domain.task_groups import Groups
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage import bodies

VERSIONS = """
SELECT g.id, g.project_id, g.name, g.parent_id, g.is_deleted, g.created_by, g.created_at,
  v.major, v.minor, v.patch, v.revision, v.is_preview, v.is_disabled, v.document, v.comment,
  v.modified_by, v.modified_at
FROM task_groups g JOIN task_group_versions v ON v.group_id = g.id
"""

PUT = """
INSERT INTO task_group_versions (group_id, major, minor, patch, revision, is_preview, is_disabled,
  document, comment, modified_by, modified_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (group_id, major) DO UPDATE SET minor = excluded.minor, patch = excluded.patch,
  revision = excluded.revision, is_preview = excluded.is_preview,
  is_disabled = excluded.is_disabled, document = excluded.document, comment = excluded.comment,
  modified_by = excluded.modified_by, modified_at = excluded.modified_at
"""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GroupVersion:
    """One version of a task group; of a draft, `parent_id` is the group that it will become."""

    id: UUID
    project_id: UUID
    name: str
    parent_id: UUID | None
    is_deleted: bool
    created_by: PersonId | None
    created_at: datetime
    major: int
    minor: int
    patch: int
    revision: int
    is_preview: bool
    is_disabled: bool
    document: Document
    comment: str
    modified_by: PersonId | None
    modified_at: datetime

    @property
    def version(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, slots=True)
class GroupRevision:
    """One save of a version of a group."""

    group_id: UUID
    major: int
    revision: int
    document: Document
    change_type: str
    changed_by: PersonId | None
    changed_at: datetime
    comment: str


async def listed(
    connection: Connection, project: UUID, group: UUID | None = None, *, deleted: bool = False
) -> list[GroupVersion]:
    """The versions of the project's groups, or of one, the newest group and version first."""
    rows = await connection.fetch(
        f"{VERSIONS} WHERE g.project_id = $1 AND ($2::uuid IS NULL OR g.id = $2)"
        " AND ($3 OR NOT g.is_deleted) ORDER BY g.created_at DESC, g.id, v.major DESC",
        project,
        group,
        deleted,
    )
    return [_version(row) for row in rows]


async def locked(connection: Connection, project: UUID, group: UUID) -> list[GroupVersion]:
    """All versions of a group, deleted or not, which nobody else changes until we are done."""
    await connection.execute(
        "SELECT FROM task_groups WHERE project_id = $1 AND id = $2 FOR NO KEY UPDATE",
        project,
        group,
    )
    return await listed(connection, project, group, deleted=True)


async def documents(connection: Connection, project: UUID, groups: Iterable[str]) -> Groups:
    """What the usable versions of these groups are expanded to, by id and version."""
    rows = await connection.fetch(
        f"{VERSIONS} WHERE g.project_id = $1 AND g.id::text = ANY($2::text[])"
        " AND NOT g.is_deleted AND NOT v.is_disabled",
        project,
        list(groups),
    )
    found: dict[str, dict[str, Document]] = {}
    for version in map(_version, rows):
        document = {**version.document, "name": version.name, "revision": version.revision}
        found.setdefault(str(version.id), {})[version.version] = document
    return found


async def create(
    connection: Connection,
    project: UUID,
    name: str,
    parent: UUID | None,
    by: PersonId | None,
    at: datetime,
) -> UUID:
    """A new group without a version; its id. Raises Conflict for a taken name."""
    try:
        made: UUID = await connection.fetchval(
            "INSERT INTO task_groups (project_id, name, name_key, parent_id, created_by,"
            " created_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
            project,
            name,
            name.casefold(),
            parent,
            by,
            at,
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken(name) from error
    return made


async def put(connection: Connection, saved: GroupVersion, change_type: str) -> None:
    """Store a version, new or changed, and the group's name. Raises Conflict for a taken name."""
    try:
        await connection.execute(
            "UPDATE task_groups SET name = $2, name_key = $3, is_deleted = $4 WHERE id = $1",
            saved.id,
            saved.name,
            saved.name.casefold(),
            saved.is_deleted,
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken(saved.name) from error
    await connection.execute(
        PUT,
        saved.id,
        saved.major,
        saved.minor,
        saved.patch,
        saved.revision,
        saved.is_preview,
        saved.is_disabled,
        _json(saved.document),
        saved.comment,
        saved.modified_by,
        saved.modified_at,
    )
    await connection.execute(
        "INSERT INTO task_group_revisions (group_id, major, revision, document, change_type,"
        " changed_by, changed_at, comment) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        saved.id,
        saved.major,
        saved.revision,
        _json(saved.document),
        change_type,
        saved.modified_by,
        saved.modified_at,
        saved.comment,
    )


async def revisions(connection: Connection, group: UUID) -> list[GroupRevision]:
    """All saves of a group, oldest first."""
    rows = await connection.fetch(
        "SELECT group_id, major, revision, document, change_type, changed_by, changed_at, comment"
        " FROM task_group_revisions WHERE group_id = $1 ORDER BY id",
        group,
    )
    return [
        GroupRevision(**{**row, "document": msgspec.json.decode(row["document"])}) for row in rows
    ]


async def remove(connection: Connection, group: UUID) -> None:
    """Forget a draft that was published."""
    await connection.execute("DELETE FROM task_groups WHERE id = $1", group)


# ---- what a release took ----------------------------------------------------------------------


async def keep_for_release(connection: Connection, release_id: int, taken: Groups) -> None:
    """Remember the documents that a release's plan was expanded from."""
    rows = [
        (release_id, UUID(group), version, await bodies.put_document(connection, _json(document)))
        for group, versions in taken.items()
        for version, document in versions.items()
    ]
    if rows:
        await connection.executemany(
            "INSERT INTO release_task_groups (release_id, group_id, version, document_digest)"
            " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            rows,
        )


async def of_release(connection: Connection, release_id: int) -> Groups:
    """The documents that a release took, by group and version."""
    rows = await connection.fetch(
        "SELECT g.group_id::text AS id, g.version, d.body FROM release_task_groups g"
        " JOIN documents d ON d.digest = g.document_digest WHERE g.release_id = $1",
        release_id,
    )
    found: dict[str, dict[str, Document]] = {}
    for row in rows:
        found.setdefault(row["id"], {})[row["version"]] = msgspec.json.decode(row["body"])
    return found


def _version(row: asyncpg.Record) -> GroupVersion:
    return GroupVersion(**{**row, "document": msgspec.json.decode(row["document"])})


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _taken(name: str) -> Conflict:
    return Conflict(f"A task group named {name!r} is there already in this project.")

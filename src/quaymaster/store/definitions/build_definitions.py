"""Build definitions: rows of `definitions` of the kind build, with what lists filter by beside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.build_plan import BuildPlan
from quaymaster.domain.errors import Conflict
from quaymaster.domain.release import PersonId
from quaymaster.store.definitions import build_plans
from quaymaster.store.definitions.definitions import (
    INSERT_REVISION,
    LOCK,
    Content,
    columns_of,
    draw_id,
    owner,
)
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage import bodies
from quaymaster.store.storage.vault import Vault

__all__ = ["draw_id"]

GET = """
SELECT d.id, d.project_id, o.name AS project_name, d.name, d.path, d.revision,
  d.secrets, d.tags, d.is_deleted, d.comment,
  d.created_by, d.created_at, d.modified_by, d.modified_at, b.body AS document, p.body AS plan,
  x.quality, x.draft_of, x.queue_status, x.properties, x.latest_build_id,
  x.latest_completed_build_id
FROM definitions d JOIN documents b ON b.digest = d.document_digest
JOIN plans p ON p.digest = d.plan_digest JOIN build_definitions x ON x.definition_id = d.id
JOIN projects o ON o.id = d.project_id
WHERE d.id = $1 AND d.kind = 'build' AND ($2::uuid IS NULL OR d.project_id = $2)
"""

INSERT = """
INSERT INTO definitions (id, kind, project_id, name, name_key, path, path_key, revision,
  document_digest, plan_digest, summary, secrets, tags, tag_keys, comment, created_by, created_at,
  modified_by, modified_at)
VALUES ($1, 'build', $2, $3, $4, $5, $6, 1, $7, $8, $9, $10, $11, $12, $13, $14, $15, $14, $15)
"""

UPDATE = """
UPDATE definitions SET name = $2, name_key = $3, path = $4, path_key = $5, revision = revision + 1,
  document_digest = $6, plan_digest = $7, summary = $8, secrets = $9, tags = $10, tag_keys = $11,
  comment = $12, modified_by = $13, modified_at = $14
WHERE id = $1
"""

PUT_FILTERED = """
INSERT INTO build_definitions (definition_id, quality, draft_of, queue_status, process_type,
  yaml_key, repository_type_key, repository_key, task_ids, properties)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (definition_id) DO UPDATE SET quality = excluded.quality,
  queue_status = excluded.queue_status, process_type = excluded.process_type,
  yaml_key = excluded.yaml_key, repository_type_key = excluded.repository_type_key,
  repository_key = excluded.repository_key, task_ids = excluded.task_ids,
  properties = excluded.properties
"""


@dataclass(frozen=True, slots=True)
class BuildContent(Content):
    """Everything about a build definition that its author decides."""

    plan: BuildPlan
    quality: str = "definition"
    draft_of: int | None = None
    queue_status: str = "enabled"
    task_ids: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuildDefinition:
    """A build definition as it is stored now."""

    id: int
    project_id: UUID
    project_name: str
    name: str
    path: str
    revision: int
    document: str
    plan: BuildPlan
    secrets: Mapping[str, str] = field(repr=False)
    tags: tuple[str, ...]
    is_deleted: bool
    comment: str
    created_by: PersonId | None
    created_at: datetime
    modified_by: PersonId | None
    modified_at: datetime
    quality: str
    draft_of: int | None
    queue_status: str
    properties: Mapping[str, Any]
    latest_build_id: int | None
    latest_completed_build_id: int | None


async def get(
    connection: Connection,
    vault: Vault | None,
    project: UUID | None,
    definition_id: int,
    *,
    locked: bool = False,
) -> BuildDefinition | None:
    """A build definition, deleted or not, of this project (None: of any).

    `locked` keeps others from changing it until the transaction ends. Without a vault its secrets
    stay closed and are left out, as those of `definitions.get`.
    """
    if locked:
        await connection.execute(LOCK, definition_id)
    row = await connection.fetchrow(GET, definition_id, project)
    if row is None:
        return None
    values: dict[str, Any] = dict(row)
    values["secrets"] = vault.unseal(owner(row["id"]), row["secrets"]) if vault else {}
    values["plan"] = build_plans.decode(row["plan"])
    values["tags"] = tuple(row["tags"])
    values["properties"] = msgspec.json.decode(row["properties"])
    return BuildDefinition(**values)


async def create(
    connection: Connection,
    vault: Vault,
    definition_id: int,
    project: UUID,
    content: BuildContent,
    by: PersonId | None,
    at: datetime,
) -> None:
    """Store a new definition under a drawn id, as revision 1.

    Raises Conflict when a build definition of that name exists in the folder.
    """
    columns = await _columns(connection, vault, definition_id, content)
    try:
        await connection.execute(INSERT, definition_id, project, *columns, by, at)
    except asyncpg.UniqueViolationError as error:
        raise _name_taken(content) from error
    await _put_filtered(connection, definition_id, content)
    await connection.execute(INSERT_REVISION, definition_id, "add", content.api_version)


async def update(
    connection: Connection,
    vault: Vault,
    definition_id: int,
    content: BuildContent,
    by: PersonId | None,
    at: datetime,
) -> None:
    """Store the next revision of a definition that was got `locked`. Raises Conflict."""
    columns = await _columns(connection, vault, definition_id, content)
    try:
        await connection.execute(UPDATE, definition_id, *columns, by, at)
    except asyncpg.UniqueViolationError as error:
        raise _name_taken(content) from error
    await _put_filtered(connection, definition_id, content)
    await connection.execute(INSERT_REVISION, definition_id, "update", content.api_version)


async def set_tags(connection: Connection, definition_id: int, tags: list[str]) -> None:
    """Replace the tags; that is no new revision."""
    await connection.execute(
        "UPDATE definitions SET tags = $2, tag_keys = $3 WHERE id = $1",
        definition_id,
        tags,
        [tag.casefold() for tag in tags],
    )


async def set_properties(
    connection: Connection, definition_id: int, properties: Mapping[str, Any]
) -> None:
    """Replace the properties; that is no new revision."""
    await connection.execute(
        "UPDATE build_definitions SET properties = $2 WHERE definition_id = $1",
        definition_id,
        msgspec.json.encode(properties).decode(),
    )


async def _columns(
    connection: Connection, vault: Vault, definition_id: int, content: BuildContent
) -> list[object]:
    """The columns that INSERT and UPDATE share, in their order."""
    document = await bodies.put_document(connection, content.document)
    plan = await build_plans.put(connection, content.plan)
    return [
        *columns_of(vault, definition_id, content, document, plan),
        content.comment,
    ]


async def _put_filtered(connection: Connection, definition_id: int, content: BuildContent) -> None:
    plan = content.plan
    await connection.execute(
        PUT_FILTERED,
        definition_id,
        content.quality,
        content.draft_of,
        content.queue_status,
        int(plan.process),
        yaml_key(plan.yaml_path),
        plan.repository.type.casefold(),
        plan.repository.id.casefold(),
        list(content.task_ids),
        msgspec.json.encode(content.properties).decode(),
    )


def yaml_key(path: str) -> str:
    """A file's path as definitions are found by it: one kind of slash, none in front, any case."""
    return path.replace("\\", "/").lstrip("/").casefold()


def _name_taken(content: BuildContent) -> Conflict:
    return Conflict(
        f"Build pipeline '{content.name}' already exists in the folder {content.path}. Specify a "
        "different name and try again."
    )


async def queue_status(connection: Connection, definition_id: int) -> str | None:
    """Whether builds are taken and started: enabled, paused or disabled (22.4); None for a
    definition that is deleted."""
    found: str | None = await connection.fetchval(
        "SELECT b.queue_status FROM build_definitions b"
        " JOIN definitions d ON d.id = b.definition_id WHERE d.id = $1 AND NOT d.is_deleted",
        definition_id,
    )
    return found

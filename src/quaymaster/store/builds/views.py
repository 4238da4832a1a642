"""Builds as APIs and pages show them, each with its definition, project and queue."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.release import PersonId
from quaymaster.store.builds.retention import RETAINED
from quaymaster.store.postgres.database import Connection

COLUMNS = f"""
SELECT b.id, b.project_id, p.name AS project_name, b.definition_id, f.name AS definition_name,
  f.path AS definition_path, b.definition_revision, x.queue_status, x.quality AS definition_quality,
  b.number, b.status, b.result, b.is_held, b.reason, b.priority, b.quality, b.source_branch,
  b.source_version, b.queue_id, q.name AS queue_name, q.pool_id, l.name AS pool_name,
  b.parameters, b.demands, b.template_parameters, b.trigger_info, b.triggered_by_build,
  b.requested_by, b.requested_for, b.queued_at, b.started_at, b.finished_at, b.changed_by,
  b.changed_at, b.tags, b.properties, b.validation, b.keep_forever,
  {RETAINED} AS retained_by_release,
  b.is_deleted, b.deleted_by, b.deleted_at, b.deleted_reason, b.plan_id,
  b.repository
FROM builds b JOIN definitions f ON f.id = b.definition_id
JOIN build_definitions x ON x.definition_id = b.definition_id
JOIN projects p ON p.id = b.project_id
LEFT JOIN queues q ON q.id = b.queue_id LEFT JOIN pools l ON l.id = q.pool_id
"""


@dataclass(frozen=True, slots=True)
class BuildView:
    """One build with all that lists and details tell of it; JSON columns are decoded."""

    id: int
    project_id: UUID
    project_name: str
    definition_id: int
    definition_name: str
    definition_path: str
    definition_revision: int
    queue_status: str
    definition_quality: str
    number: str
    status: str
    result: str | None
    is_held: bool
    reason: str
    priority: str
    quality: str
    source_branch: str
    source_version: str
    queue_id: int | None
    queue_name: str | None
    pool_id: int | None
    pool_name: str | None
    parameters: str
    demands: list[Any]
    template_parameters: dict[str, Any]
    trigger_info: dict[str, str]
    triggered_by_build: int | None
    requested_by: PersonId | None
    requested_for: PersonId | None
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    changed_by: PersonId | None
    changed_at: datetime
    tags: tuple[str, ...]
    properties: dict[str, Any]
    validation: list[Any]
    keep_forever: bool
    retained_by_release: bool
    is_deleted: bool
    deleted_by: PersonId | None
    deleted_at: datetime | None
    deleted_reason: str
    plan_id: UUID
    repository: dict[str, Any]

    @property
    def people(self) -> Iterable[str | None]:
        """Everybody who is mentioned."""
        return (self.requested_by, self.requested_for, self.changed_by, self.deleted_by)


_FIELDS = [field.name for field in fields(BuildView)]  # in the order of COLUMNS
_DECODED = (
    "demands",
    "template_parameters",
    "trigger_info",
    "properties",
    "validation",
    "repository",
)
_JSON = tuple(_FIELDS.index(name) for name in _DECODED)
_TAGS = _FIELDS.index("tags")


def read(row: asyncpg.Record) -> BuildView:
    """The record of a row of COLUMNS."""
    values = list(row)[: len(_FIELDS)]
    for place in _JSON:
        text = values[place]
        values[place] = {} if text == "{}" else [] if text == "[]" else msgspec.json.decode(text)
    values[_TAGS] = tuple(values[_TAGS])
    return BuildView(*values)


async def get(connection: Connection, project: UUID | None, build_id: int) -> BuildView | None:
    """A build, deleted or not, of this project (None: of any)."""
    row = await connection.fetchrow(
        f"{COLUMNS} WHERE b.id = $1 AND ($2::uuid IS NULL OR b.project_id = $2)", build_id, project
    )
    return read(row) if row else None


async def get_many(connection: Connection, ids: Iterable[int | None]) -> dict[int, BuildView]:
    """The builds of these ids that exist, by id."""
    wanted = [number for number in ids if number is not None]
    if not wanted:
        return {}
    rows = await connection.fetch(f"{COLUMNS} WHERE b.id = ANY($1::bigint[])", wanted)
    return {row["id"]: read(row) for row in rows}

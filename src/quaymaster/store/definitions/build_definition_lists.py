"""Pages of build definitions, filtered and in a keyset order (SEMANTICS 22.5, 22.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from quaymaster.domain.release import PersonId
from quaymaster.store.definitions.build_definitions import yaml_key
from quaymaster.store.definitions.lists import DOCUMENT, Key, bounds
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import Where, add_folder, name_key, wildcards


class BuildDefinitionOrder(StrEnum):
    """How a list is ordered; none is by id (CONTRACT A.6)."""

    ID = "none"
    NAME_ASCENDING = "definitionNameAscending"
    NAME_DESCENDING = "definitionNameDescending"
    MODIFIED_ASCENDING = "lastModifiedAscending"
    MODIFIED_DESCENDING = "lastModifiedDescending"


COLUMN = {
    BuildDefinitionOrder.ID: "id",
    BuildDefinitionOrder.NAME_ASCENDING: "name_key",
    BuildDefinitionOrder.NAME_DESCENDING: "name_key",
    BuildDefinitionOrder.MODIFIED_ASCENDING: "modified_at",
    BuildDefinitionOrder.MODIFIED_DESCENDING: "modified_at",
}
TYPES = {"id": "bigint", "name_key": "text", "modified_at": "timestamptz"}
DESCENDING = (BuildDefinitionOrder.NAME_DESCENDING, BuildDefinitionOrder.MODIFIED_DESCENDING)

PAGE = """
SELECT d.id, d.project_id, o.name AS project_name, d.name, d.name_key, d.path,
  d.revision, d.summary, d.tags,
  d.modified_by, d.modified_at, d.created_by, d.created_at, {document} AS document,
  x.quality, x.draft_of, x.queue_status, x.properties, x.latest_build_id,
  x.latest_completed_build_id
FROM definitions d JOIN build_definitions x ON x.definition_id = d.id
  JOIN projects o ON o.id = d.project_id
{where} ORDER BY d.{column} {direction}, d.id {direction} LIMIT {limit}
"""
FOLLOWING = """
SELECT d.{column} AS value, d.id
FROM definitions d JOIN build_definitions x ON x.definition_id = d.id
{where} ORDER BY d.{column} {direction}, d.id {direction} OFFSET {most} LIMIT 1
"""

# Days are those of UTC, in which all times are.
METRICS = """
SELECT definition_id, (finished_at AT TIME ZONE 'UTC')::date AS day, result, count(*) AS builds
FROM builds WHERE definition_id = ANY($1::bigint[]) AND finished_at >= $2 AND NOT is_deleted
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
UNDER_WAY = """
SELECT definition_id, status, count(*) AS builds FROM builds
WHERE definition_id = ANY($1::bigint[]) AND status <> 'completed' AND NOT is_deleted
GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class BuildDefinitionFilter:
    """What to list; parts that are empty do not filter, and all that are given hold together.

    `name` is a pattern with `*` and `?` that the whole name must fit; `path` takes the folder and
    all below it. `built_after` takes what has a build after the date, `not_built_after` what has
    none. The list begins with the row of the key `start` and ends before that of `until`.
    """

    projects: tuple[UUID, ...]
    name: str = ""
    path: str = ""
    ids: tuple[int, ...] | None = None
    repository_id: str = ""
    repository_type: str = ""
    built_after: datetime | None = None
    not_built_after: datetime | None = None
    task_id: str = ""
    process_type: int | None = None
    yaml_file: str = ""
    order: BuildDefinitionOrder = BuildDefinitionOrder.ID
    start: Key | None = None
    until: Key | None = None
    most: int = 10_000


@dataclass(frozen=True, slots=True)
class BuildDefinitionRow:
    """One entry of a list; `document` only where whole definitions are wanted."""

    id: int
    project_id: UUID
    project_name: str
    name: str
    path: str
    revision: int
    summary: str
    tags: tuple[str, ...]
    created_by: PersonId | None
    created_at: datetime
    modified_by: PersonId | None
    modified_at: datetime
    document: str | None
    quality: str
    draft_of: int | None
    queue_status: str
    properties: dict[str, Any]
    latest_build_id: int | None
    latest_completed_build_id: int | None


@dataclass(frozen=True, slots=True)
class BuildDefinitionPage:
    """Some entries, and where the next page begins; None at the end."""

    rows: tuple[BuildDefinitionRow, ...]
    next: Key | None


async def page(
    connection: Connection, wanted: BuildDefinitionFilter, *, with_documents: bool = False
) -> BuildDefinitionPage:
    """One page in the wanted order."""
    where = _conditions(wanted)
    column = COLUMN[wanted.order]
    sql = PAGE.format(
        document=DOCUMENT if with_documents else "NULL::text",
        where=where,
        column=column,
        direction=_direction(wanted),
        limit=where.bind(wanted.most + 1),
    )
    rows = await connection.fetch(sql, *where.parameters)
    following = rows[wanted.most] if len(rows) > wanted.most else None
    key = Key(following[column], following["id"]) if following else None
    return BuildDefinitionPage(tuple(map(_row, rows[: wanted.most])), key)


async def following(connection: Connection, wanted: BuildDefinitionFilter) -> Key | None:
    """Where the page after this one begins; None when there is none."""
    where = _conditions(wanted)
    sql = FOLLOWING.format(
        where=where,
        column=COLUMN[wanted.order],
        direction=_direction(wanted),
        most=where.bind(wanted.most),
    )
    row = await connection.fetchrow(sql, *where.parameters)
    return Key(row["value"], row["id"]) if row else None


def _direction(wanted: BuildDefinitionFilter) -> str:
    return "DESC" if wanted.order in DESCENDING else "ASC"


def _conditions(wanted: BuildDefinitionFilter) -> Where:
    where = Where()
    projects = list(wanted.projects)
    if len(projects) == 1:  # so that an index in the wanted order can be followed
        where.add("d.project_id = {} AND d.kind = 'build' AND NOT d.is_deleted", projects[0])
    else:
        where.add(
            "d.project_id = ANY({}::uuid[]) AND d.kind = 'build' AND NOT d.is_deleted", projects
        )
    if wanted.name:
        has_wildcard = "*" in wanted.name or "?" in wanted.name
        if has_wildcard:
            where.add("d.name_key LIKE {}", wildcards(name_key(wanted.name)))
        else:
            where.add("d.name_key = {}", name_key(wanted.name))
    if wanted.path:
        add_folder(where, wanted.path, "d.path_key")
    if wanted.ids is not None:
        where.add("d.id = ANY({}::bigint[])", list(wanted.ids))
    where.add_if(wanted.repository_id.casefold(), "x.repository_key = {}")
    where.add_if(wanted.repository_type.casefold(), "x.repository_type_key = {}")
    where.add_if(wanted.built_after, "x.last_built_at > {}")
    where.add_if(wanted.not_built_after, "(x.last_built_at IS NULL OR x.last_built_at <= {})")
    if wanted.task_id:
        where.add("x.task_ids @> ARRAY[{}::text]", wanted.task_id.lower())
    where.add_if(wanted.process_type, "x.process_type = {}")
    where.add_if(yaml_key(wanted.yaml_file), "x.yaml_key = {}")
    is_descending, column = wanted.order in DESCENDING, COLUMN[wanted.order]
    place = f"({{}}::{TYPES[column]}, {{}}::bigint)"
    for sign, key in bounds(wanted.start, wanted.until, is_descending=is_descending):
        where.add(f"(d.{column}, d.id) {sign} {place}", key.value, key.id)
    return where


def _row(row: Any) -> BuildDefinitionRow:
    values = dict(row)
    del values["name_key"]
    values["tags"] = tuple(values["tags"])
    values["properties"] = msgspec.json.decode(values["properties"])
    return BuildDefinitionRow(**values)


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft of a definition, by name."""

    id: int
    name: str
    path: str
    revision: int
    queue_status: str


async def drafts_of(connection: Connection, ids: Sequence[int]) -> dict[int, list[Draft]]:
    """The drafts of these definitions, by the definition."""
    rows = await connection.fetch(
        "SELECT x.draft_of, d.id, d.name, d.path, d.revision, x.queue_status"
        " FROM build_definitions x JOIN definitions d ON d.id = x.definition_id"
        " WHERE x.draft_of = ANY($1::bigint[]) AND NOT d.is_deleted ORDER BY d.id",
        list(ids),
    )
    found: dict[int, list[Draft]] = {}
    for row in rows:
        values = dict(row)
        found.setdefault(values.pop("draft_of"), []).append(Draft(**values))
    return found


@dataclass(frozen=True, slots=True)
class Counted:
    """How many builds of a definition ended so on a day, or stand so now (`day` None)."""

    definition_id: int
    day: date | None
    word: str
    builds: int


async def counted(connection: Connection, ids: Sequence[int], since: datetime) -> list[Counted]:
    """The daily counts of these definitions from a moment on, and what is under way (22.6)."""
    daily = await connection.fetch(METRICS, list(ids), since)
    now = await connection.fetch(UNDER_WAY, list(ids))
    return [
        *(Counted(r["definition_id"], r["day"], r["result"], r["builds"]) for r in daily),
        *(Counted(r["definition_id"], None, r["status"], r["builds"]) for r in now),
    ]

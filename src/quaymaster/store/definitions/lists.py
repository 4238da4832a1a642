"""Pages of release definitions, filtered and in a keyset order (CONTRACT B 4, A.6)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import asyncpg

from quaymaster.domain.release import PersonId
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import name_key


class DefinitionOrder(StrEnum):
    ID_ASCENDING = "idAscending"
    ID_DESCENDING = "idDescending"
    NAME_ASCENDING = "nameAscending"
    NAME_DESCENDING = "nameDescending"
    MODIFIED_ASCENDING = "lastModifiedAscending"
    MODIFIED_DESCENDING = "lastModifiedDescending"


SORT_COLUMN = {
    DefinitionOrder.ID_ASCENDING: "d.id",
    DefinitionOrder.ID_DESCENDING: "d.id",
    DefinitionOrder.NAME_ASCENDING: "d.name_key",
    DefinitionOrder.NAME_DESCENDING: "d.name_key",
    DefinitionOrder.MODIFIED_ASCENDING: "d.modified_at",
    DefinitionOrder.MODIFIED_DESCENDING: "d.modified_at",
}
SORT_TYPE = {"d.id": "bigint", "d.name_key": "text", "d.modified_at": "timestamptz"}
DESCENDING = {
    DefinitionOrder.ID_DESCENDING,
    DefinitionOrder.NAME_DESCENDING,
    DefinitionOrder.MODIFIED_DESCENDING,
}

# Looked up for the rows of a page alone: joined, it would be for all that are sorted for it.
DOCUMENT = "(SELECT b.body FROM documents b WHERE b.digest = d.document_digest)"


@dataclass(frozen=True, slots=True)
class Key:
    """Where a page begins: the sort value and the id of its first row."""

    value: str | int | datetime
    id: int


@dataclass(frozen=True, slots=True)
class DefinitionFilter:
    """What to list; parts that are empty do not filter.

    `search` matches anywhere in the name (`*` and `?` are wildcards and match the whole name),
    `exact` compares whole names; both ignore case. `path` takes the folder and all below it.
    `projects` limits the list to what the caller may see. The list begins with the row of the key
    `start` and ends before that of `until`.
    """

    projects: tuple[UUID, ...]
    search: str = ""
    exact: bool = False
    search_folders: bool = False
    artifact_type: str = ""
    artifact_source: str = ""
    path: str = ""
    tags: tuple[str, ...] = ()
    ids: tuple[int, ...] | None = None
    is_deleted: bool = False
    order: DefinitionOrder = DefinitionOrder.ID_ASCENDING
    start: Key | None = None
    until: Key | None = None
    most: int = 10_000


@dataclass(frozen=True, slots=True)
class DefinitionRow:
    """One entry of a list; `document` is only read when the caller wants more than the shallow
    form. `summary` is the part of it that lists show, as JSON."""

    id: int
    project_id: UUID
    name: str
    path: str
    revision: int
    summary: str
    tags: tuple[str, ...]
    is_deleted: bool
    is_disabled: bool
    comment: str
    created_by: PersonId | None
    created_at: datetime
    modified_by: PersonId | None
    modified_at: datetime
    document: str | None


@dataclass(frozen=True, slots=True)
class DefinitionPage:
    rows: tuple[DefinitionRow, ...]
    next: Key | None


@dataclass(slots=True)
class _Where:
    """Conditions put together from fixed texts, with every value as a parameter."""

    values: list[object] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    def add(self, condition: str, *values: object) -> None:
        """`condition` names its values as {0}, {1} …"""
        numbers = [f"${len(self.values) + position + 1}" for position in range(len(values))]
        self.values.extend(values)
        self.parts.append(condition.format(*numbers))


async def page(
    connection: Connection, wanted: DefinitionFilter, *, with_documents: bool = False
) -> DefinitionPage:
    """One page in the wanted order, and where the next one begins (None: this was the last).

    The key of the next page is that of its first row, so that rows which come or go on earlier
    pages neither repeat nor hide any (R-47).
    """
    where = _conditions(wanted)
    column = SORT_COLUMN[wanted.order]
    direction = "DESC" if wanted.order in DESCENDING else "ASC"
    document = DOCUMENT if with_documents else "NULL::text"
    sql = f"""
SELECT d.id, d.project_id, d.name, d.name_key, d.path, d.revision, d.summary, d.tags,
  d.is_deleted, d.is_disabled, d.comment, d.created_by, d.created_at, d.modified_by,
  d.modified_at, {document} AS document
FROM definitions d
WHERE {" AND ".join(where.parts)}
ORDER BY {column} {direction}, d.id {direction}
LIMIT {wanted.most + 1:d}
"""
    rows = await connection.fetch(sql, *where.values)
    following = rows[wanted.most] if len(rows) > wanted.most else None
    key = Key(following[column.removeprefix("d.")], following["id"]) if following else None
    return DefinitionPage(tuple(_row(row) for row in rows[: wanted.most]), key)


def bounds(start: Key | None, until: Key | None, *, is_descending: bool) -> list[tuple[str, Key]]:
    """The comparisons that hold for the keys of a list from `start` on and before `until`."""
    first = [("<=" if is_descending else ">=", start)] if start else []
    last = [(">" if is_descending else "<", until)] if until else []
    return first + last


async def following(connection: Connection, wanted: DefinitionFilter) -> Key | None:
    """Where the page after this one begins; None when there is none."""
    where, column = _conditions(wanted), SORT_COLUMN[wanted.order]
    direction = "DESC" if wanted.order in DESCENDING else "ASC"
    sql = f"""
SELECT {column} AS value, d.id FROM definitions d WHERE {" AND ".join(where.parts)}
ORDER BY {column} {direction}, d.id {direction} OFFSET {wanted.most:d} LIMIT 1
"""
    row = await connection.fetchrow(sql, *where.values)
    return Key(row["value"], row["id"]) if row else None


def _conditions(wanted: DefinitionFilter) -> _Where:
    where = _Where()
    where.add("d.kind = 'release' AND d.project_id = ANY({0}::uuid[])", list(wanted.projects))
    where.add("d.is_deleted = {0}", wanted.is_deleted)
    if wanted.search:
        _add_search(where, wanted)
    if wanted.path:
        folder = wanted.path.casefold().rstrip("\\")
        where.add(
            "(d.path_key = {0} OR d.path_key LIKE {1})", folder or "\\", _like(folder) + "\\\\%"
        )
    if wanted.tags:
        where.add("d.tag_keys @> {0}::text[]", [tag.casefold() for tag in wanted.tags])
    if wanted.ids is not None:
        where.add("d.id = ANY({0}::bigint[])", list(wanted.ids))
    if wanted.artifact_type or wanted.artifact_source:
        where.add(
            "EXISTS (SELECT 1 FROM definition_artifacts a WHERE a.definition_id = d.id"
            " AND ({0} = '' OR lower(a.type) = {0}) AND ({1} = '' OR lower(a.source_id) = {1}))",
            wanted.artifact_type.lower(),
            wanted.artifact_source.lower(),
        )
    is_descending, column = wanted.order in DESCENDING, SORT_COLUMN[wanted.order]
    place = f"({{0}}::{SORT_TYPE[column]}, {{1}}::bigint)"
    for sign, key in bounds(wanted.start, wanted.until, is_descending=is_descending):
        where.add(f"({column}, d.id) {sign} {place}", key.value, key.id)
    return where


def _add_search(where: _Where, wanted: DefinitionFilter) -> None:
    text = name_key(wanted.search)
    if wanted.exact:
        where.add("d.name_key = {0}", text)
        return
    has_wildcard = "*" in text or "?" in text
    pattern = _like(text).replace("*", "%").replace("?", "_")
    pattern = pattern if has_wildcard else f"%{pattern}%"
    if wanted.search_folders:
        where.add("(d.name_key LIKE {0} OR d.path_key LIKE {0})", pattern)
    else:
        where.add("d.name_key LIKE {0}", pattern)


def _like(text: str) -> str:
    """The text as a LIKE pattern that matches only itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _row(row: "asyncpg.Record") -> DefinitionRow:
    return DefinitionRow(
        id=row["id"],
        project_id=row["project_id"],
        name=row["name"],
        path=row["path"],
        revision=row["revision"],
        summary=row["summary"],
        tags=tuple(row["tags"]),
        is_deleted=row["is_deleted"],
        is_disabled=row["is_disabled"],
        comment=row["comment"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        modified_by=row["modified_by"],
        modified_at=row["modified_at"],
        document=row["document"],
    )

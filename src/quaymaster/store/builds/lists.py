"""Pages of builds, filtered and in the order of one of their times (SEMANTICS 23.8)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from quaymaster.store.builds.views import COLUMNS, BuildView, read
from quaymaster.store.definitions.lists import Key
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import Where, wildcards


class BuildOrder(StrEnum):
    """Which time of a build orders a list, and which way."""

    FINISH_ASCENDING = "finishTimeAscending"
    FINISH_DESCENDING = "finishTimeDescending"
    QUEUE_DESCENDING = "queueTimeDescending"
    QUEUE_ASCENDING = "queueTimeAscending"
    START_DESCENDING = "startTimeDescending"
    START_ASCENDING = "startTimeAscending"


COLUMN = {
    BuildOrder.FINISH_ASCENDING: "finished_at",
    BuildOrder.FINISH_DESCENDING: "finished_at",
    BuildOrder.QUEUE_DESCENDING: "queued_at",
    BuildOrder.QUEUE_ASCENDING: "queued_at",
    BuildOrder.START_DESCENDING: "started_at",
    BuildOrder.START_ASCENDING: "started_at",
}


@dataclass(frozen=True, slots=True)
class BuildFilter:
    """What to list; parts that are None or empty do not filter, all that are given hold together.

    `number` may end in `*`; `earliest` and `latest` limit the time that orders the list. `deleted`
    is None for both deleted builds and others. `most_of_each` limits builds per definition.
    """

    projects: tuple[UUID, ...]
    definitions: tuple[int, ...] = ()
    queues: tuple[int, ...] = ()
    ids: tuple[int, ...] | None = None
    number: str = ""
    earliest: datetime | None = None
    latest: datetime | None = None
    requested_for: tuple[str, ...] | None = None
    reasons: frozenset[str] | None = None
    statuses: frozenset[str] | None = None
    results: frozenset[str] | None = None
    tags: tuple[str, ...] = ()
    branch: str = ""
    repository_id: str = ""
    repository_type: str = ""
    deleted: bool | None = False
    most_of_each: int = 0
    order: BuildOrder = BuildOrder.QUEUE_DESCENDING
    start: Key | None = None
    most: int = 1000


@dataclass(frozen=True, slots=True)
class BuildPage:
    """Some builds, and where the next page begins; None at the end."""

    rows: tuple[BuildView, ...]
    next: Key | None


async def page(connection: Connection, wanted: BuildFilter) -> BuildPage:
    """One page in the wanted order: builds without that time come where NULL sorts, as latest."""
    where = _conditions(wanted)
    column = COLUMN[wanted.order]
    direction = "ASC" if _is_ascending(wanted.order) else "DESC"
    order = f"b.{column} {direction}, b.id {direction}"
    chosen = f"SELECT b.id, b.{column} FROM builds b {where}"
    if wanted.most_of_each:
        limit = where.bind(wanted.most_of_each)
        chosen = (
            f"SELECT b.id, b.{column} FROM (SELECT b.*, row_number() OVER"
            f" (PARTITION BY b.definition_id ORDER BY {order}) AS place FROM builds b {where}) b"
            f" WHERE b.place <= {limit}"
        )
    limit = where.bind(wanted.most + 1)
    sql = (
        f"WITH page AS MATERIALIZED ({chosen} ORDER BY {order} LIMIT {limit})"
        f" {COLUMNS} JOIN page ON page.id = b.id ORDER BY {order}"
    )
    rows = [read(row) for row in await connection.fetch(sql, *where.parameters)]
    following = rows[wanted.most] if len(rows) > wanted.most else None
    key = None
    if following:
        key = Key(getattr(following, column) or "", following.id)
    return BuildPage(tuple(rows[: wanted.most]), key)


def _conditions(wanted: BuildFilter) -> Where:
    where = Where()
    if len(wanted.projects) == 1:
        where.add("b.project_id = {}", wanted.projects[0])
    else:
        where.add("b.project_id = ANY({}::uuid[])", list(wanted.projects))
    if len(wanted.definitions) == 1:
        where.add("b.definition_id = {}", wanted.definitions[0])
    elif wanted.definitions:
        where.add("b.definition_id = ANY({}::bigint[])", list(wanted.definitions))
    if wanted.ids is not None:
        where.add("b.id = ANY({}::bigint[])", list(wanted.ids))
    if wanted.deleted is not None:
        where.add("b.is_deleted = {}", wanted.deleted)
    if wanted.number:
        has_wildcard = "*" in wanted.number
        sign = "LIKE" if has_wildcard else "="
        number = wildcards(wanted.number) if has_wildcard else wanted.number.casefold()
        where.add(f"b.number_key {sign} {{}}", number)
    where.add_if(wanted.queues, "b.queue_id = ANY({}::bigint[])")
    for words, column in (
        (wanted.reasons, "reason"),
        (wanted.statuses, "status"),
        (wanted.results, "result"),
        (wanted.requested_for, "requested_for"),
    ):
        if words is not None:
            where.add(f"b.{column} = ANY({{}}::text[])", sorted(words))
    if wanted.tags:
        where.add("b.tag_keys @> {}::text[]", [tag.casefold() for tag in wanted.tags])
    where.add_if(wanted.branch, "b.source_branch = {}")
    where.add_if(wanted.repository_id.casefold(), "b.repository_key = {}")
    where.add_if(wanted.repository_type.casefold(), "b.repository_type_key = {}")
    _add_times(where, wanted)
    return where


def _add_times(where: Where, wanted: BuildFilter) -> None:
    column = f"b.{COLUMN[wanted.order]}"
    where.add_if(wanted.earliest, f"{column} >= {{}}")
    where.add_if(wanted.latest, f"{column} <= {{}}")
    if wanted.start:
        where.add(*_from(column, wanted.start, ascending=_is_ascending(wanted.order)))


def _is_ascending(order: BuildOrder) -> bool:
    return order.value.endswith("Ascending")


def _from(column: str, start: Key, *, ascending: bool) -> tuple[str, Any] | tuple[str, Any, Any]:
    """From this key on; builds without the time (a key without a value) sort as the latest."""
    if start.value == "":
        if ascending:
            return f"({column} IS NULL AND b.id >= {{}})", start.id
        return f"(({column} IS NULL AND b.id <= {{}}) OR {column} IS NOT NULL)", start.id
    at_or_after = f"({column}, b.id) >= ({{}}::timestamptz, {{}}::bigint)"
    if ascending:
        return f"({at_or_after} OR {column} IS NULL)", start.value, start.id
    return at_or_after.replace(">=", "<="), start.value, start.id


@dataclass(frozen=True, slots=True)
class LastResult:
    """How a build ended."""

    id: int
    result: str


async def last_result(connection: Connection, definition_id: int, branch: str) -> LastResult | None:
    """How the newest completed build of a definition ended, of a branch ("": any)."""
    row = await connection.fetchrow(
        "SELECT id, result FROM builds WHERE definition_id = $1 AND finished_at IS NOT NULL"
        " AND NOT is_deleted AND ($2 = '' OR source_branch = $2)"
        " ORDER BY finished_at DESC, id DESC LIMIT 1",
        definition_id,
        branch,
    )
    return LastResult(**row) if row else None


async def last_version(connection: Connection, definition_id: int, branch: str) -> str:
    """The commit of a definition's newest build of a branch; "" when there was none."""
    found: str | None = await connection.fetchval(
        "SELECT source_version FROM builds WHERE definition_id = $1 AND source_branch = $2"
        " AND source_version <> '' AND NOT is_deleted ORDER BY queued_at DESC, id DESC LIMIT 1",
        definition_id,
        branch,
    )
    return found or ""


async def tags(connection: Connection, projects: tuple[UUID, ...]) -> list[str]:
    """Every tag of a build of these projects, by name."""
    rows = await connection.fetch(
        "SELECT DISTINCT ON (lower(tag)) tag FROM builds b, unnest(b.tags) AS tag"
        " WHERE b.project_id = ANY($1::uuid[]) AND NOT b.is_deleted AND b.tag_keys <> '{}'"
        " ORDER BY lower(tag), tag LIMIT 10000",
        list(projects),
    )
    return [row["tag"] for row in rows]


async def remove_tag(connection: Connection, project: UUID, tag: str) -> None:
    """Take a tag, in any case, from every build and build definition of a project."""
    key = tag.casefold()
    for table, more in (("builds", ""), ("definitions", " AND kind = 'build'")):
        await connection.execute(
            f"UPDATE {table} SET tag_keys = array_remove(tag_keys, $2),"
            " tags = ARRAY(SELECT one FROM unnest(tags) WITH ORDINALITY AS t(one, place)"
            " WHERE lower(one) <> lower($3) ORDER BY place)"
            f" WHERE project_id = $1 AND tag_keys @> ARRAY[$2]{more}",
            project,
            key,
            tag,
        )

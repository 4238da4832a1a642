"""Pages of releases as text that a dialect has rendered before, joined by PostgreSQL.

What an entry shows, only the dialect knows. It is kept beside the release with the number of the
rendering's form; a trigger forgets it with every change of the release, and it is out of date as
soon as a name in it has changed (decision 0016).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import asyncpg

from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import Paging
from quaymaster.store.releases import lists, views
from quaymaster.store.releases.lists import ReleaseFilter
from quaymaster.store.releases.views import ReleaseHead

EDITION = "(SELECT f.light_edition FROM definitions f WHERE f.id = {})"

# string_agg takes the rows as the page has them: between the two nothing can change their order.
JOINED = """
WITH page AS MATERIALIZED ({page})
SELECT shown.entries, shown.count, shown.missing, places.*,
  (SELECT id FROM page OFFSET {limit} LIMIT 1) AS next
FROM (SELECT string_agg(light, ',') AS entries, count(*) AS count,
    array_agg(id) FILTER (WHERE light IS NULL) AS missing
  FROM (SELECT id, light FROM page LIMIT {limit}) first) shown,
  (SELECT array_agg(f.project_id) AS projects, array_agg(f.path) AS paths,
    array_agg(f.id) AS definitions
  FROM definitions f WHERE f.id IN (SELECT definition_id FROM page)) places
"""

# The edition is read before the people are, so that a text never seems newer than its names.
TO_RENDER = f"""
SELECT {views.HEAD_COLUMNS}, r.xmin::text AS written, f.light_edition AS edition
{views.HEAD_TABLES} WHERE r.id = ANY($1::bigint[])
"""

# A release that was changed since it was read is left alone, and one that is being changed is not
# waited for: the next reader renders it.
KEEP = """
UPDATE releases t SET light = x.light, light_form = $1, light_edition = x.edition
FROM unnest($2::bigint[], $3::text[], $4::integer[], $5::text[]) AS x(id, written, edition, light)
WHERE t.id = x.id AND t.xmin::text = x.written
  AND t.id IN (SELECT id FROM releases WHERE id = ANY($2::bigint[])
    FOR NO KEY UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, slots=True)
class LightPage:
    """Joined entries. `missing` has the ids of releases on the page that `entries` lacks.

    `places` has project, folder and id of every definition on the page; `next` is the id that the
    next page begins with, None at the end.
    """

    entries: str
    count: int
    next: int | None
    missing: tuple[int, ...]
    places: tuple[tuple[UUID, str, int], ...]


@dataclass(frozen=True, slots=True)
class ToRender:
    """A release without an entry, as it is; `written` and `edition` tell whether it still is."""

    head: ReleaseHead
    written: str
    edition: int


@lru_cache(maxsize=1024)
def statement(wanted: ReleaseFilter, paging: Paging, form: int) -> tuple[str, tuple[object, ...]]:
    """What asks for a page of entries rendered in this form, with its parameters."""
    where = lists.conditions(wanted)
    one = wanted.definition_id
    edition = EDITION.format("r.definition_id" if one is None else where.bind(one))
    light = f"CASE WHEN r.light_form = {where.bind(form)} AND r.light_edition = {edition}"
    columns = f"r.id, r.definition_id, {light} THEN r.light END AS light"
    page = where.chosen(
        "releases r",
        paging,
        columns,
        lists.order(wanted),
        has_one_plan=lists.has_one_plan(wanted),
    )
    return JOINED.format(page=page, limit=f"{paging.limit:d}"), tuple(where.parameters)


async def page(
    connection: Connection, wanted: ReleaseFilter, paging: Paging, form: int
) -> LightPage:
    """Some of these releases, newest first unless `paging` says otherwise."""
    sql, parameters = statement(wanted, paging, form)
    row: asyncpg.Record | None = await connection.fetchrow(sql, *parameters)
    if row is None:
        raise RuntimeError("an aggregate without groups gave no row")
    places = zip(row["projects"] or (), row["paths"] or (), row["definitions"] or (), strict=True)
    return LightPage(
        row["entries"] or "", row["count"], row["next"], tuple(row["missing"] or ()), tuple(places)
    )


async def to_render(connection: Connection, ids: tuple[int, ...]) -> list[ToRender]:
    """These releases with what tells whether they have changed since."""
    rows = await connection.fetch(TO_RENDER, list(ids))
    return [ToRender(views.head_of(row), row["written"], row["edition"]) for row in rows]


async def keep(connection: Connection, form: int, rendered: Sequence[tuple[ToRender, str]]) -> None:
    """Keep these entries, each unless its release has changed since it was read.

    Losing them with a crash costs another rendering, so the commit need not reach the disk.
    """
    await connection.execute("SET LOCAL synchronous_commit = off")
    await connection.execute(
        KEEP,
        form,
        [one.head.id for one, _ in rendered],
        [one.written for one, _ in rendered],
        [one.edition for one, _ in rendered],
        [entry for _, entry in rendered],
    )

"""Lists of releases: filtered, in order of creation, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from quaymaster.domain.statuses import ReleaseStatus
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import (
    ROOT,
    Page,
    Paging,
    Where,
    add_folder,
    containing,
    folder_key,
)
from quaymaster.store.releases import views
from quaymaster.store.releases.views import ReleaseHead
from quaymaster.store.releases.writing.rows import STAGE_BITS

ALL_BITS = sum(STAGE_BITS.values())

# The key in the indexes that begin with a definition. Ordered by `id` itself PostgreSQL would take
# any index that ends with it, and walk past all newer releases of other definitions.
OF_ONE = "(r.id + 0)"

ARTIFACT = """EXISTS (SELECT 1 FROM release_artifacts a WHERE a.release_id = r.id
  AND ({0}::text IS NULL OR a.type = {0}) AND ({1}::text IS NULL OR a.source_id = {1})
  AND ({2}::text IS NULL OR a.version_id = {2}) AND ({3}::text IS NULL OR a.branch = {3}))"""

NEWEST = f"""
SELECT {views.HEAD_COLUMNS}
FROM unnest($1::uuid[], $2::bigint[]) AS one(project_id, id)
CROSS JOIN LATERAL (
  SELECT n.id FROM releases n
  WHERE n.project_id = one.project_id AND n.definition_id = one.id AND NOT n.is_deleted
  ORDER BY n.id + 0 DESC LIMIT 1) newest
JOIN releases r ON r.id = newest.id
JOIN definitions f ON f.id = r.definition_id JOIN projects p ON p.id = r.project_id
"""
STAGE = """EXISTS (SELECT 1 FROM stages s WHERE s.release_id = r.id
  AND s.definition_stage_id = {} AND ({}::text[] IS NULL OR s.status = ANY({}::text[])))"""


@dataclass(frozen=True, slots=True)
class ReleaseFilter:
    """What the releases of a list have in common; parts that are empty or None ask for nothing.

    `projects` limits what exists for the caller at all. `stage_mask` has the published bits of
    stage statuses: with `definition_stage_id` that stage must have one of them, else any stage.
    `path` is a folder of definitions, with all below it. All `tags` must be there.
    """

    projects: tuple[UUID, ...]
    definition_id: int | None = None
    definition_stage_id: int | None = None
    search_text: str = ""
    created_by: str | None = None
    status: ReleaseStatus | None = None
    stage_mask: int = 0
    min_created: datetime | None = None
    max_created: datetime | None = None
    artifact_type: str | None = None
    source_id: str | None = None
    version_id: str | None = None
    source_branch: str | None = None
    is_deleted: bool = False
    tags: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()
    path: str = ""


async def page(connection: Connection, wanted: ReleaseFilter, paging: Paging) -> Page[ReleaseHead]:
    """Some of these releases, newest first unless `paging` says otherwise."""
    sql, parameters = statement(wanted, paging)
    rows = await connection.fetch(sql, *parameters)
    heads = [views.head_of(row) for row in rows[: paging.limit]]
    return Page(tuple(heads), rows[paging.limit]["id"] if len(rows) > paging.limit else None)


async def following(connection: Connection, wanted: ReleaseFilter, paging: Paging) -> int | None:
    """The id that the page after this one begins with; None when there is none."""
    where = conditions(wanted)
    sql = where.following("releases r", paging, order(wanted))
    found: int | None = await connection.fetchval(sql, *where.parameters)
    return found


async def newest_of(
    connection: Connection, definitions: Sequence[tuple[UUID, int]]
) -> dict[int, ReleaseHead]:
    """The newest release of each definition that has one, by its id; named with its project."""
    rows = await connection.fetch(
        NEWEST, [project for project, _ in definitions], [number for _, number in definitions]
    )
    return {row["definition_id"]: views.head_of(row) for row in rows}


def statement(wanted: ReleaseFilter, paging: Paging) -> tuple[str, list[object]]:
    """What asks for a page, and one row more, with its parameters."""
    where = conditions(wanted)
    query = f"SELECT {views.HEAD_COLUMNS} {views.HEAD_TABLES}"
    return where.page("releases r", paging, query, order(wanted)), where.parameters


def order(wanted: ReleaseFilter) -> str:
    """What these releases are ordered by, where it is not their plain id."""
    of_one = wanted.definition_id is not None and len(wanted.projects) == 1
    return OF_ONE if of_one else ""


def has_one_plan(wanted: ReleaseFilter) -> bool:
    """Whether only a definition, perhaps with a status, is asked for: an index has these pages."""
    plain = ReleaseFilter(
        wanted.projects,
        definition_id=wanted.definition_id,
        status=wanted.status,
        is_deleted=wanted.is_deleted,
    )
    return bool(order(wanted)) and wanted == plain


def conditions(wanted: ReleaseFilter) -> Where:
    """What is true of each of these releases `r`.

    What has few values, all of them ours, stands in the statement itself: how many releases have
    it is known before any value is.
    """
    where = Where()
    add_projects(where, "r.project_id", wanted.projects)
    where.conditions.append(f"r.is_deleted = {wanted.is_deleted}")
    where.add_if(wanted.definition_id, "r.definition_id = {}")
    where.add_if(wanted.created_by, "r.created_by = {}")
    if wanted.status:
        where.conditions.append(f"r.status = '{ReleaseStatus(wanted.status)}'")
    where.add_if(wanted.min_created, "r.created_at >= {}")
    where.add_if(wanted.max_created, "r.created_at <= {}")
    where.add_if(wanted.ids, "r.id = ANY({}::bigint[])")
    if wanted.search_text:
        where.add("r.name_key LIKE {}", containing(wanted.search_text))
    if wanted.tags:
        tags = [tag.casefold() for tag in wanted.tags]
        where.add("r.tag_keys <> '{{}}' AND r.tag_keys @> {}::text[]", tags)
    if folder_key(wanted.path) != ROOT:
        below = Where(parameters=where.parameters)
        add_folder(below, wanted.path, "f.path_key")
        where.conditions.append(f"r.definition_id IN (SELECT f.id FROM definitions f {below})")
    _add_stages(where, wanted)
    _add_artifacts(where, wanted)
    return where


def add_projects(where: Where, column: str, projects: tuple[UUID, ...]) -> None:
    """One project by equality, which keeps its index in order; several by a list."""
    if len(projects) == 1:
        where.add(f"{column} = {{}}", projects[0])
    else:
        where.add(f"{column} = ANY({{}}::uuid[])", list(projects))


def _add_stages(where: Where, wanted: ReleaseFilter) -> None:
    if wanted.definition_stage_id is not None:
        statuses = [status for status, bit in STAGE_BITS.items() if bit & wanted.stage_mask]
        listed = where.bind(statuses if wanted.stage_mask else None)
        stage = where.bind(wanted.definition_stage_id)
        where.conditions.append(STAGE.format(stage, listed, listed))
        where.conditions.append(
            f"r.definition_id = (SELECT definition_id FROM environments WHERE id = {stage})"
        )
    elif wanted.stage_mask:
        # All masks with one of these bits: unlike an expression, PostgreSQL knows how many rows
        # have them, and has an index for those that few have.
        masks = [mask for mask in range(ALL_BITS + 1) if mask & wanted.stage_mask]
        where.add("r.stage_mask = ANY({}::integer[])", masks)


def _add_artifacts(where: Where, wanted: ReleaseFilter) -> None:
    parts = (wanted.artifact_type, wanted.source_id, wanted.version_id, wanted.source_branch)
    if any(parts):
        bound = [where.bind(part or None) for part in parts]
        where.conditions.append(ARTIFACT.format(*bound))

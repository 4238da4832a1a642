"""Lists: every filter, and pages that neither repeat nor miss what was there throughout."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from quaymaster.domain import changes as c
from quaymaster.domain.decide import decide
from quaymaster.domain.release import Release, Side
from quaymaster.domain.statuses import (
    ApprovalStatus,
    DeploymentStatus,
    JobStatus,
    OperationStatus,
    ReleaseStatus,
)
from quaymaster.store.deployments import approvals, environment_deployments, freezes
from quaymaster.store.deployments import lists as deployment_lists
from quaymaster.store.deployments.approvals import ApprovalFilter
from quaymaster.store.deployments.lists import DeploymentFilter
from quaymaster.store.postgres.database import Connection, Database
from quaymaster.store.postgres.paging import Page, Paging
from quaymaster.store.releases import light_releases, releases
from quaymaster.store.releases import lists as release_lists
from quaymaster.store.releases.lists import ReleaseFilter
from quaymaster.store.releases.records import ReleaseArtifact
from quaymaster.store.releases.writing.rows import STAGE_BITS
from tests import make
from tests.store import build

ACTIVATED = c.Activated(make.CREATOR)
ASKED = make.plan("Dev → Prod", Dev={"pre_approvals": make.asks("ann", "ops")})
MAIN = ReleaseArtifact("app", "Git", "7", "c0ffee", "c0ffee", "refs/heads/main", is_primary=True)


async def happened(connection: Connection, release: Release, *events: c.Event) -> Release:
    for event in events:
        after, _ = decide(release, event, make.NOW)
        release = await releases.save(connection, release, after)
    return release


async def environments(connection: Connection, definition_id: int) -> None:
    """The environments of the plans used here: 1 and 2."""
    await connection.execute(
        "INSERT INTO environments (id, definition_id, project_id, name, rank)"
        " SELECT n, $1, $2, 'e', n FROM generate_series(1, 2) n",
        definition_id,
        await build.project_id(connection),
    )


@pytest.fixture
async def project(database: Database) -> UUID:
    async with database.read() as connection:
        return await build.project_id(connection)


@pytest.fixture
async def made(database: Database) -> dict[str, Release]:
    """A draft, a release that waits for approval, and one whose first stage has failed."""
    async with database.transaction() as connection:
        web = await build.definition(connection)
        await environments(connection, web)
        draft = await build.release(
            connection, web, ASKED, description="draft", tags=("Blue", "50%"), created_by="zoe"
        )
        asking = await build.release(connection, web, ASKED, artifacts=(MAIN,))
        asking = await happened(connection, asking, ACTIVATED)
        other = await build.definition(connection, "Other", '{"other": true}')
        await connection.execute(
            r"UPDATE definitions SET path = '\A\B', path_key = '\a\b' WHERE id = $1", other
        )
        failed = await build.release(
            connection, other, "Go", created_at=make.NOW + timedelta(days=1)
        )
        failed = await happened(connection, failed, ACTIVATED)
        job = failed.stages[0].newest.jobs[0]
        failed = await happened(
            connection,
            failed,
            c.JobClaimed(job.id, "w", "t"),
            c.JobFinished(job.id, "t", JobStatus.FAILED),
        )
    return {"draft": draft, "asking": asking, "failed": failed}


async def listed(database: Database, made: dict[str, Release], wanted: ReleaseFilter) -> list[str]:
    async with database.read() as connection:
        page = await release_lists.page(connection, wanted, Paging())
    names = {release.id: name for name, release in made.items()}
    return [names[head.id] for head in page.rows]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["failed", "asking", "draft"]),
        ({"status": ReleaseStatus.DRAFT}, ["draft"]),
        ({"created_by": "zoe"}, ["draft"]),
        ({"definition_id": 1}, ["asking", "draft"]),
        ({"definition_stage_id": 1}, ["asking", "draft"]),
        ({"search_text": "RELEASE-2"}, ["asking"]),
        ({"search_text": "%"}, []),
        ({"search_text": "_elease"}, []),
        ({"tags": ("blue",)}, ["draft"]),
        ({"tags": ("blue", "50%")}, ["draft"]),
        ({"tags": ("blue", "red")}, []),
        ({"artifact_type": "Git"}, ["asking"]),
        ({"artifact_type": "Git", "source_id": "8"}, []),
        ({"version_id": "c0ffee"}, ["asking"]),
        ({"source_branch": "refs/heads/main"}, ["asking"]),
        ({"source_branch": "refs/heads/ma%"}, []),
        ({"stage_mask": 16}, ["failed"]),
        ({"stage_mask": 2}, ["asking"]),
        ({"stage_mask": 1 | 16}, ["failed", "asking", "draft"]),
        ({"stage_mask": 1, "definition_stage_id": 1}, ["draft"]),
        ({"min_created": make.NOW + timedelta(hours=1)}, ["failed"]),
        ({"max_created": make.NOW}, ["asking", "draft"]),
        ({"path": "\\"}, ["failed", "asking", "draft"]),
        ({"path": "\\a"}, ["failed"]),
        ({"path": "/A/B/"}, ["failed"]),
        ({"path": "\\a\\b\\c"}, []),
        ({"path": "\\_"}, []),
        ({"ids": (1, 3)}, ["failed", "draft"]),
        ({"is_deleted": True}, []),
        ({"projects": (UUID(int=0),)}, []),
        ({"projects": ()}, []),
    ],
)
async def test_releases_are_filtered(database, project, made, changes, expected):
    wanted = replace(ReleaseFilter(projects=(project,)), **changes)
    assert await listed(database, made, wanted) == expected


async def test_several_projects_are_one_list(database, project, made):
    wanted = ReleaseFilter(projects=(project, uuid4()))
    assert await listed(database, made, wanted) == ["failed", "asking", "draft"]


async def test_a_head_has_the_names_around_it(database, project, made):
    async with database.read() as connection:
        page = await release_lists.page(connection, ReleaseFilter((project,)), Paging(limit=1))
    [head] = page.rows
    assert (head.project_name, head.definition_name, head.definition_path) == (
        "Default",
        "Other",
        "\\A\\B",
    )
    assert page.next == made["asking"].id


# ---- deployments ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["failed", "asking"]),
        ({"statuses": (DeploymentStatus.FAILED,)}, ["failed"]),
        ({"operation_statuses": (OperationStatus.PENDING,)}, ["asking"]),
        ({"definition_id": 1}, ["asking"]),
        ({"definition_stage_id": 2}, []),
        ({"requested_for": "nobody"}, []),
        ({"source_branch": "refs/heads/main"}, ["asking"]),
        ({"newest_only": True}, ["failed", "asking"]),
        ({"min_started": make.NOW}, ["failed"]),
        ({"max_modified": make.NOW - timedelta(days=1)}, []),
        ({"release_ids": (2,)}, ["asking"]),
        ({"projects": (UUID(int=0),)}, []),
    ],
)
async def test_deployments_are_filtered(database, project, made, changes, expected):
    wanted = replace(DeploymentFilter(projects=(project,)), **changes)
    async with database.read() as connection:
        page = await deployment_lists.page(connection, wanted, Paging())
    names = {release.id: name for name, release in made.items()}
    assert [names[line.release_id] for line in page.rows] == expected


async def test_newest_only_leaves_earlier_attempts_out(database, project, made):
    failed = made["failed"]
    again = c.DeploymentRequested(failed.stages[0].id, make.CREATOR, make.CREATOR, "manual")
    async with database.transaction() as connection:
        await happened(connection, failed, again)
        wanted = DeploymentFilter((project,), release_ids=(failed.id,))
        every = await deployment_lists.page(connection, wanted, Paging())
        newest = await deployment_lists.page(
            connection, replace(wanted, newest_only=True), Paging()
        )
    assert [line.attempt for line in every.rows] == [2, 1]
    assert [line.attempt for line in newest.rows] == [2]


async def test_a_deployment_comes_with_its_approvals(database, project, made):
    wanted = DeploymentFilter((project,), release_ids=(made["asking"].id,))
    async with database.read() as connection:
        [line] = (await deployment_lists.page(connection, wanted, Paging())).rows
    assert line.approvals == made["asking"].stages[0].newest.approvals
    assert line.artifacts == (MAIN,)


# ---- approvals ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["ops", "ann"]),
        ({"approvers": ("ann",)}, ["ann"]),
        ({"approvers": ("ann", "ops")}, ["ops", "ann"]),
        ({"approvers": ("bob",)}, []),
        ({"sides": (Side.POST,)}, []),
        ({"sides": (Side.PRE, Side.POST)}, ["ops", "ann"]),
        ({"statuses": (ApprovalStatus.APPROVED,), "release_ids": (2,)}, []),
        ({"release_ids": (3,)}, []),
        ({"projects": (UUID(int=0),)}, []),
    ],
)
async def test_approvals_are_filtered(database, project, made, changes, expected):
    wanted = replace(ApprovalFilter(projects=(project,)), **changes)
    async with database.read() as connection:
        page = await approvals.page(connection, wanted, Paging())
    assert [line.approval.approver for line in page.rows] == expected


async def test_one_approval_is_found_in_its_project_only(database, project, made):
    pending = made["asking"].stages[0].newest.approvals[0]
    async with database.read() as connection:
        found = await approvals.get(connection, project, pending.id)
        hidden = await approvals.get(connection, uuid4(), pending.id)
    assert found.approval == pending
    assert (found.release_name, found.stage_name, found.attempt) == ("Release-2", "Dev", 1)
    assert hidden is None


# ---- pages ----------------------------------------------------------------------------------


async def all_pages(
    database: Database, project: UUID, paging: Paging, between: object = None
) -> list[int]:
    ids: list[int] = []
    while True:
        async with database.read() as connection:
            page: Page = await release_lists.page(connection, ReleaseFilter((project,)), paging)
        ids += [head.id for head in page.rows]
        if page.next is None:
            return ids
        paging = replace(paging, start=page.next)
        if between:
            await between()


@pytest.mark.parametrize("ascending", [False, True])
async def test_pages_together_are_the_whole_list(database, project, ascending):
    async with database.transaction() as connection:
        definition_id = await build.definition(connection)
        ids = [(await build.release(connection, definition_id)).id for _ in range(10)]
    paging = Paging(limit=3, ascending=ascending)
    assert await all_pages(database, project, paging) == sorted(ids, reverse=not ascending)


@pytest.mark.parametrize("ascending", [False, True])
async def test_pages_while_releases_come_and_go(database, project, ascending):
    async with database.transaction() as connection:
        definition_id = await build.definition(connection)
        ids = [(await build.release(connection, definition_id)).id for _ in range(12)]
    leaving = iter(ids[::4])

    async def between() -> None:
        async with database.transaction() as connection:
            await connection.execute(
                "UPDATE releases SET is_deleted = true WHERE id = $1", next(leaving, 0)
            )
            await build.release(connection, definition_id)

    seen = await all_pages(database, project, Paging(limit=3, ascending=ascending), between)
    assert len(seen) == len(set(seen))
    assert set(ids) - set(ids[::4]) <= set(seen)


async def test_a_page_of_many_releases_reads_only_its_rows(database, project):
    async with database.transaction() as connection:
        definition_id = await build.definition(connection)
        first = await build.release(connection, definition_id)
        await build.multiply_release(connection, first.id, 20_000)
    async with database.read() as connection:
        await connection.execute("ANALYZE releases")
        for changes in ({}, {"definition_id": definition_id}, {"status": ReleaseStatus.DRAFT}):
            wanted = replace(ReleaseFilter((project,)), **changes)
            read = await build.rows_read(connection, wanted, Paging(start=10_000))
            assert read < 200, changes


async def test_newer_releases_of_another_definition_cost_a_page_nothing(database, project):
    async with database.transaction() as connection:
        asked = await build.definition(connection)
        newer = await build.definition(connection, "Newer", '{"newer": true}')
        for definition_id, copies in ((asked, 20_000), (newer, 10_000)):
            first = await build.release(connection, definition_id)
            await build.multiply_release(connection, first.id, copies)
    async with database.read() as connection:
        await connection.execute("ANALYZE releases")
        wanted = ReleaseFilter((project,), definition_id=asked, status=ReleaseStatus.DRAFT)
        assert await build.rows_read(connection, wanted, Paging()) < 200
        for start in range(20_000, 13_000, -1_000):
            found = await light_releases.page(connection, wanted, Paging(start=start), 0)
            assert found.missing == tuple(range(start, start - 50, -1))
        assert await planned_once(connection, light_releases.statement(wanted, Paging(start=1), 0))


async def planned_once(connection: Connection, statement: tuple[str, object]) -> bool:
    """Whether PostgreSQL has come to run this statement by a plan that it made before."""
    sql = "SELECT generic_plans FROM pg_prepared_statements WHERE statement = $1"
    return bool(await connection.fetchval(sql, statement[0]))


async def test_newer_deployments_of_another_environment_cost_nothing(database, project):
    """Also not where an environment never succeeded: whoever looks for a success finds none."""
    asked, newer, empty = 1, 2, 3
    async with database.transaction() as connection:
        release = await build.release(connection, await build.definition(connection))
        await build.multiply_deployment(connection, release.id, asked, "failed", 10_000)
        await build.multiply_deployment(connection, release.id, newer, "succeeded", 10_000)
    async with database.read() as connection:
        await connection.execute("ANALYZE deployments")
        for environment in (asked, empty):
            for sql, more in (
                (environment_deployments.PAGE, (10, 0)),
                (freezes.HISTORY, ()),
                (freezes.SUCCESS, (None, None)),
            ):
                read = await build.rows_read_of(connection, "deployments", sql, environment, *more)
                assert read < 100, (environment, sql)


def test_every_stage_status_has_a_bit_of_its_own():
    assert sum(STAGE_BITS.values()) == 255
    assert len(set(STAGE_BITS.values())) == 9  # undefined has none


async def test_lists_asked_at_once(database, project, made):
    wanted = ReleaseFilter((project,))
    pages = await asyncio.gather(*(listed(database, made, wanted) for _ in range(10)))
    assert all(page == ["failed", "asking", "draft"] for page in pages)

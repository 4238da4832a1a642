"""A release is named, locked, saved by difference, and never in two minds."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from quaymaster.domain import changes as c
from quaymaster.domain.decide import decide
from quaymaster.domain.errors import Conflict, NotFound, Refused
from quaymaster.domain.plan import QueuePolicy
from quaymaster.domain.release import Release
from quaymaster.domain.statuses import JobStatus, ReleaseStatus
from quaymaster.store.postgres.database import Connection, Database
from quaymaster.store.releases import releases
from quaymaster.store.releases.records import NewStage, ReleaseArtifact
from quaymaster.store.releases.writing import saving
from tests import make
from tests.store import build

ACTIVATED = c.Activated(make.CREATOR)
LIMITED = {"queue": QueuePolicy(concurrency=1)}


async def happened(connection: Connection, release: Release, *events: c.Event) -> Release:
    for event in events:
        after, _ = decide(release, event, make.NOW)
        release = await releases.save(connection, release, after)
    return release


@pytest.fixture
async def definition_id(database: Database) -> int:
    async with database.transaction() as connection:
        return await build.definition(connection)


# ---- a new release --------------------------------------------------------------------------


async def test_a_new_release_has_the_stages_of_its_plan(database, definition_id):
    async with database.transaction() as connection:
        release = await build.release(connection, definition_id, "Dev → Prod")
    assert [stage.name for stage in release.stages] == ["Dev", "Prod"]
    assert release.status is ReleaseStatus.DRAFT
    assert release.plan == make.plan("Dev → Prod")


async def test_a_new_release_knows_what_was_told_of_its_stages(database, definition_id):
    told = NewStage(is_manual=True, variables={"a": "1"}, secrets={"key": "hidden"})
    async with database.transaction() as connection:
        release = await build.release(connection, definition_id, "Dev → Prod", stages={2: told})
    assert [stage.is_manual for stage in release.stages] == [False, True]
    assert release.stages[1].variables == {"a": "1"}
    assert "hidden" not in repr(told)


async def test_artifact_versions_are_carried(database, definition_id):
    chosen = (ReleaseArtifact("app", "Git", "7", "c0ffee", "c0ffee", "refs/heads/main", ("v1",)),)
    async with database.transaction() as connection:
        release = await build.release(connection, definition_id, artifacts=chosen)
    assert release.artifacts == (chosen[0].version(),)


async def test_names_count_up(database, definition_id):
    async with database.transaction() as connection:
        names = [(await build.release(connection, definition_id)).name for _ in range(3)]
    assert names == ["Release-1", "Release-2", "Release-3"]


async def test_the_counter_goes_on_from_the_highest_name_in_any_case(database, definition_id):
    async with database.transaction() as connection:
        release = await build.release(connection, definition_id)
        await happened(connection, release, c.DetailsChanged(make.CREATOR, name="RELEASE-41"))
        assert (await build.release(connection, definition_id)).name == "Release-42"


@pytest.mark.parametrize(
    ("name_format", "taken", "expected"),
    [
        ("R-$(rev:rrr)", ["R-7", "R-0012"], "R-013"),
        ("R-$(rev:r)", ["R-9", "R-10", "R-x", "R-", "R-1.5"], "R-11"),
        ("R$(rev:.r)", ["R.5", "R5"], "R.6"),
        ("$(rev:r)-of-$(rev:r)", ["3-of-3", "9-of-8"], "4-of-4"),
        ("%_$(rev:r)", ["ab7", "%_2"], "%_3"),
        ("R-$(rev:r)-Ω", ["r-4-ω"], "R-5-Ω"),
        ("R-$(rev:r)", ["R-99999999999999999999999"], "R-100000000000000000000000"),
    ],
)
async def test_the_counter_reads_the_names_that_are_there(
    database, definition_id, name_format, taken, expected
):
    plan = replace(make.plan(), release_name_format=name_format)
    async with database.transaction() as connection:
        for name in taken:
            release = await build.release(connection, definition_id, plan)
            await happened(connection, release, c.DetailsChanged(make.CREATOR, name=name))
        assert (await build.release(connection, definition_id, plan)).name == expected


async def test_releases_made_at_once_get_different_names(database, definition_id):
    async def create() -> str:
        async with database.transaction() as connection:
            return (await build.release(connection, definition_id)).name

    names = await asyncio.gather(*(create() for _ in range(8)))
    assert sorted(names) == [f"Release-{number}" for number in range(1, 9)]


async def test_a_format_without_a_counter_gives_one_release(database, definition_id):
    plan = replace(make.plan(), release_name_format="Only")
    async with database.transaction() as connection:
        await build.release(connection, definition_id, plan)
        with pytest.raises(Refused, match="taken"):
            await build.release(connection, definition_id, plan)


async def test_a_release_of_an_unknown_definition_is_refused(database):
    with pytest.raises(NotFound):
        async with database.transaction() as connection:
            await build.release(connection, 404)


async def test_a_name_that_is_taken_is_a_conflict(database, definition_id):
    async with database.transaction() as connection:
        await build.release(connection, definition_id)
        second = await build.release(connection, definition_id)
    with pytest.raises(Conflict, match="release-1"):
        async with database.transaction() as connection:
            await happened(connection, second, c.DetailsChanged(make.CREATOR, name="release-1"))


# ---- only what differs ----------------------------------------------------------------------


async def test_only_what_differs_is_written(database, definition_id):
    async with database.transaction() as connection:
        draft = await build.release(connection, definition_id, "Dev; Load")
        before = await happened(connection, draft, ACTIVATED)
    job = before.stages[0].newest.jobs[0]
    after, _ = decide(before, c.JobClaimed(job.id, "w1", "t1"), make.NOW + timedelta(minutes=1))
    found = saving.difference(before, after, {})
    assert not found.added
    assert [row["id"] for row in found.changed["jobs"]] == [job.id]
    assert [row["id"] for row in found.changed["deployments"]] == [before.stages[0].newest.id]
    assert [row["id"] for row in found.changed.get("stages", [])] in ([], [before.stages[0].id])
    assert not found.changed.get("approvals")


async def test_saving_an_unchanged_release_asks_nothing_of_the_database(database, definition_id):
    async with database.transaction() as connection:
        release = await build.release(connection, definition_id)
    closed = connection  # given back to the pool: any statement on it raises
    same = replace(release)
    assert await releases.save(closed, release, same) is same


# ---- locks ----------------------------------------------------------------------------------


async def test_who_waited_for_the_lock_sees_what_the_holder_wrote(database, definition_id):
    async with database.transaction() as connection:
        release = await build.release(connection, definition_id)
    is_locked, may_end = asyncio.Event(), asyncio.Event()

    async def change() -> None:
        async with database.transaction() as connection:
            before = await releases.locked(connection, release.id)
            is_locked.set()
            await may_end.wait()
            await happened(connection, before, ACTIVATED)

    async def look() -> Release:
        await is_locked.wait()
        async with database.transaction() as connection:
            return await releases.locked(connection, release.id)

    changing, looking = asyncio.create_task(change()), asyncio.create_task(look())
    await is_locked.wait()
    async with database.read() as connection:
        await build.until_somebody_waits_for_a_lock(connection)
    may_end.set()
    await changing
    seen = await looking
    assert seen.status is ReleaseStatus.ACTIVE
    assert seen.stages[0].newest.jobs  # children too, not only the locked row


async def test_there_is_no_release_of_an_unknown_id(database):
    async with database.transaction() as connection:
        assert await releases.locked(connection, 404) is None


# ---- I1: the database itself lets nobody in twice -------------------------------------------


async def test_a_stage_has_one_attempt_under_way(database, definition_id):
    async with database.transaction() as connection:
        draft = await build.release(connection, definition_id)
        await happened(connection, draft, ACTIVATED)
    with pytest.raises(Conflict, match="already under way"):
        async with database.transaction() as connection:
            await happened(connection, draft, ACTIVATED)  # decided on a stale copy


async def test_an_environment_with_one_slot_takes_one_deployment(database, definition_id):
    plan = make.plan("Dev", Dev=LIMITED)
    async with database.transaction() as connection:
        first = await build.release(connection, definition_id, plan)
        second = await build.release(connection, definition_id, plan)
        first = await happened(connection, first, ACTIVATED)
        second = await happened(connection, second, ACTIVATED)
        await happened(connection, first, c.SlotGranted(first.stages[0].id, 1))
        with pytest.raises(Conflict, match="taken"):
            await happened(connection, second, c.SlotGranted(second.stages[0].id, 1))


async def test_two_schedulers_that_grant_the_same_slot_at_once(database, definition_id):
    plan = make.plan("Dev", Dev=LIMITED)
    async with database.transaction() as connection:
        drafts = [await build.release(connection, definition_id, plan) for _ in range(2)]
        waiting = [await happened(connection, draft, ACTIVATED) for draft in drafts]

    async def grant(release: Release) -> str:
        try:
            async with database.transaction() as connection:
                await happened(connection, release, c.SlotGranted(release.stages[0].id, 1))
        except Conflict:
            return "conflict"
        return "granted"

    # Nobody locked the environment, as a scheduler that lost its mind would not.
    outcomes = await asyncio.gather(*map(grant, waiting))
    assert sorted(outcomes) == ["conflict", "granted"]


async def test_a_slot_is_free_again_after_its_deployment_ended(database, definition_id):
    plan = make.plan("Dev", Dev=LIMITED)
    async with database.transaction() as connection:
        for _ in range(2):
            release = await build.release(connection, definition_id, plan)
            release = await happened(connection, release, ACTIVATED)
            stage = release.stages[0]
            release = await happened(connection, release, c.SlotGranted(stage.id, 1))
            job = release.stages[0].newest.jobs[0]
            release = await happened(
                connection,
                release,
                c.JobClaimed(job.id, "w", "t"),
                c.JobFinished(job.id, "t", JobStatus.SUCCEEDED),
            )
            assert release.stages[0].newest.is_ended


async def test_an_attempt_that_was_not_saved_as_ended_cannot_be_replaced(database, definition_id):
    async with database.transaction() as connection:
        draft = await build.release(connection, definition_id)
        before = await happened(connection, draft, ACTIVATED)
        stage = before.stages[0]
        skipped = replace(stage, newest=replace(stage.newest, attempt=2, id=0))
        with pytest.raises(ValueError, match="has not been saved as ended"):
            await releases.save(connection, before, replace(before, stages=(skipped,)))


async def test_history_cannot_be_changed(database, definition_id):
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO history (release_id, at, kind) VALUES (1, now(), 'Activated')"
        )
    for statement in ("UPDATE history SET by = 'x'", "DELETE FROM history", "TRUNCATE history"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="append-only"):
            async with database.transaction() as connection:
                await connection.execute(statement)

"""Each kind of phase in real processes: several jobs of one phase, pauses, chosen downloads."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quaymaster.domain.changes import InterventionAnswered
from quaymaster.domain.plan import Download, Parallelism, PhasePlan, Spread
from quaymaster.domain.release import Deployment, Outcome, ReleaseId
from quaymaster.domain.statuses import InterventionStatus, JobStatus, OperationStatus
from quaymaster.store.releases.records import ReleaseArtifact
from tests import gits, make
from tests.server.waiting import eventually
from tests.worker.world import QUEUE, World, shell


def agents(script: str, rank: int = 1, **changes: Any) -> PhasePlan:
    given = {"queue_id": QUEUE, "tasks": (shell(script),), "skip_artifacts": True, **changes}
    return make.phase(rank, **given)


def stage(*phases: PhasePlan) -> dict[str, Any]:
    return {"phases": phases}


def names(told: Path) -> list[str]:
    return sorted(told.read_text().splitlines())


# ---- several jobs -----------------------------------------------------------------------------


async def test_configurations_run_apart_with_their_own_values(world: World) -> None:
    told = world.home / "told"
    parallel = Parallelism(Spread.CONFIGURATIONS, ("Region", "Size"), most_agents=2)
    plan = agents(f'echo "$REGION $SIZE" >> {told}', parallelism=parallel)
    values = {"Region": "eu,us", "Size": "s, l"}
    release = await world.release(make.plan("Dev", Dev=stage(plan)), variables=values)
    await world.worker()
    dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.SUCCEEDED
    assert names(told) == ["eu l", "eu s", "us l", "us s"]


async def test_no_more_configurations_at_once_than_allowed(world: World) -> None:
    busy, seen = world.home / "busy", world.home / "seen"
    busy.mkdir()
    script = f"touch {busy}/$REGION; ls {busy} | wc -l >> {seen}; sleep 0.3; rm {busy}/$REGION"
    parallel = Parallelism(Spread.CONFIGURATIONS, ("Region",), most_agents=2)
    release = await world.release(
        make.plan("Dev", Dev=stage(agents(script, parallelism=parallel))),
        variables={"Region": "a,b,c,d,e"},
    )
    await world.worker(concurrency=4)
    assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
    assert {int(line) for line in names(seen)} <= {1, 2}
    assert len(names(seen)) == 5


@pytest.mark.parametrize(
    ("goes_on", "ran", "outcome"),
    [
        (True, {"a", "b", "c"}, Outcome.PARTIALLY_SUCCEEDED),
        (False, {"a", "b"}, Outcome.PHASE_FAILED),
    ],
)
async def test_a_failed_configuration_stops_the_others_unless_told_otherwise(
    world: World, goes_on: bool, ran: set[str], outcome: Outcome
) -> None:
    told = world.home / "told"
    script = f'echo "$REGION" >> {told}; [ "$REGION" != b ]'
    parallel = Parallelism(Spread.CONFIGURATIONS, ("Region",), 1, continue_on_error=goes_on)
    release = await world.release(
        make.plan("Dev", Dev=stage(agents(script, parallelism=parallel))),
        variables={"Region": "a,b,c"},
    )
    await world.worker()
    assert (await world.ended(release, "Dev")).outcome is outcome
    assert set(names(told)) == ran


async def test_agents_know_their_place_among_the_others(world: World) -> None:
    told = world.home / "told"
    script = f'echo "$SYSTEM_JOBPOSITIONINPHASE/$SYSTEM_TOTALJOBSINPHASE" >> {told}'
    phase = agents(script, parallelism=Parallelism(Spread.MACHINES, most_agents=3))
    release = await world.release(make.plan("Dev", Dev=stage(phase)))
    await world.worker(concurrency=3)
    assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
    assert names(told) == ["1/3", "2/3", "3/3"]


# ---- pauses -----------------------------------------------------------------------------------


def pausing(world: World, **inputs: str) -> dict[str, Any]:
    """A stage that asks a person before it runs a script."""
    asking = make.intervention(instructions="Look at $(Url)", **inputs)
    return stage(make.server_phase(asking), agents(f"echo done >> {world.home / 'told'}", rank=2))


async def paused(world: World, **inputs: str) -> tuple[ReleaseId, Deployment]:
    """A release that waits for a person."""
    release = await world.release(
        make.plan("Dev", Dev=pausing(world, **inputs)), variables={"Url": "https://example.org"}
    )
    await world.worker()

    async def asks() -> bool:
        newest = await world.deployment(release, "Dev")
        return newest is not None and bool(newest.interventions)

    await eventually(asks, "the question")
    newest = await world.deployment(release, "Dev")
    assert newest is not None
    return release, newest


async def test_a_person_lets_the_deployment_go_on(world: World) -> None:
    release, attempt = await paused(world)
    [asked] = attempt.interventions
    assert asked.instructions == "Look at https://example.org"
    stands = await world.execute(
        "SELECT operation_status FROM deployments WHERE id = $1", attempt.id
    )
    assert stands == OperationStatus.MANUAL_INTERVENTION_PENDING
    await world.happen(release, InterventionAnswered(asked.id, make.CREATOR, resumes=True))
    assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
    assert names(world.home / "told") == ["done"]


async def test_a_person_rejects_the_deployment(world: World) -> None:
    release, attempt = await paused(world)
    [asked] = attempt.interventions
    await world.happen(release, InterventionAnswered(asked.id, make.CREATOR, resumes=False))
    dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.PHASE_FAILED
    assert not (world.home / "told").exists()


@pytest.mark.parametrize(
    ("answer", "outcome", "status"),
    [
        ("reject", Outcome.PHASE_FAILED, InterventionStatus.REJECTED),
        ("resume", Outcome.SUCCEEDED, InterventionStatus.APPROVED),
    ],
)
async def test_nobody_answers_in_time(
    world: World, answer: str, outcome: Outcome, status: InterventionStatus
) -> None:
    release, _ = await paused(world, onTimeout=answer)
    for table in ("jobs", "interventions"):
        await world.execute(
            f"UPDATE {table} SET due_at = now() WHERE release_id = $1 AND due_at IS NOT NULL",
            release,
        )
    await world.execute("UPDATE releases SET due_at = now() WHERE id = $1", release)
    dev = await world.ended(release, "Dev")
    assert dev.outcome is outcome
    assert dev.interventions[0].status is status


async def test_a_delay_is_over_by_itself(world: World) -> None:
    wait = make.server_phase(make.delay("1"))
    after = agents(f"echo done >> {world.home / 'told'}", rank=2)
    release = await world.release(make.plan("Dev", Dev=stage(wait, after)))
    await world.worker()

    async def waits() -> bool:
        newest = await world.deployment(release, "Dev")
        return newest is not None and newest.jobs[0].status is JobStatus.RUNNING

    await eventually(waits, "the delay to begin")
    await world.execute("UPDATE jobs SET due_at = now() WHERE release_id = $1", release)
    await world.execute("UPDATE releases SET due_at = now() WHERE id = $1", release)
    assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
    assert names(world.home / "told") == ["done"]


# ---- what is downloaded -----------------------------------------------------------------------


def site(world: World) -> tuple[ReleaseArtifact, ReleaseArtifact]:
    """Two artifacts of a repository with two folders."""
    place = gits.repository(world.home / "site")
    gits.commit(place, "www/index.html", "hello")
    version = gits.commit(place, "docs/read.me", "words")
    one = ReleaseArtifact(
        alias="site",
        type="Git",
        source_id=str(place),
        version_id=version,
        version_name=version[:8],
        branch="refs/heads/main",
        is_primary=True,
        reference={"definition": str(place), "sourceVersion": version},
    )
    return one, replace(one, alias="extra", is_primary=False)


def looking(world: World, name: str, rank: int, **changes: Any) -> PhasePlan:
    """A phase that lists what is in the artifacts directory."""
    out = world.home / name
    script = (
        f"cd $SYSTEM_ARTIFACTSDIRECTORY && find . -type f | sort > {out}; echo $PWD > {out}.place"
    )
    return agents(script, rank, **{"skip_artifacts": False, **changes})


async def test_each_phase_downloads_what_it_asks_for(world: World) -> None:
    chosen = (Download("site", items=("www",)), Download("extra", skip=True))
    plan = stage(
        looking(world, "all", 1),
        looking(world, "some", 2, downloads=chosen),
        looking(world, "kept", 3, skip_artifacts=True),
    )
    release = await world.release(make.plan("Dev", Dev=plan), artifacts=site(world))
    await world.worker(concurrency=1)
    dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.SUCCEEDED
    whole = ["docs/read.me", "www/index.html"]
    assert names(world.home / "all") == [f"./{a}/{f}" for a in ("extra", "site") for f in whole]
    assert names(world.home / "some") == ["./site/www/index.html"]
    assert names(world.home / "kept") == ["./site/www/index.html"]


async def test_a_failing_download_fails_its_job_before_any_task(world: World) -> None:
    one, _ = site(world)
    gone = replace(one, version_id="0" * 40, reference={**one.reference, "sourceVersion": "0" * 40})
    release = await world.release(
        make.plan("Dev", Dev=stage(looking(world, "never", 1))), artifacts=(gone,)
    )
    await world.worker()
    dev = await world.ended(release, "Dev", 60)
    assert dev.outcome is Outcome.PHASE_FAILED
    assert not (world.home / "never").exists()


# ---- one after another ------------------------------------------------------------------------


async def test_phases_of_every_kind_follow_each_other(world: World) -> None:
    told = world.home / "told"
    failing = agents(f"echo broken >> {told}; exit 1", 2)
    after = agents(f"echo cleaned >> {told}", 3, condition="failed()")
    never = agents(f"echo never >> {told}", 4)
    waiting = make.server_phase(make.delay("0"))
    release = await world.release(make.plan("Dev", Dev=stage(waiting, failing, after, never)))
    await world.worker()
    dev = await world.ended(release, "Dev")
    assert dev.outcome is Outcome.PHASE_FAILED
    assert told.read_text().split() == ["broken", "cleaned"]
    assert [phase.is_skipped for phase in dev.phases] == [False, False, False, True]

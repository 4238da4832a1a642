"""The answers of a sample some of whose gates report later: kept in rows until all are there."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID, uuid5

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import happen_within
from quaymaster.domain.events import GateSampled
from quaymaster.domain.gate_run import enabled_gates
from quaymaster.domain.release import Deployment, GateResult, GateRun, Release, ReleaseId, Stage
from quaymaster.domain.status import gate_policy
from quaymaster.domain.statuses import JobStatus
from quaymaster.store.jobs import call_backs
from quaymaster.store.jobs.call_backs import CallBack, GatePlace, Names
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import releases


def evidence_key(gate_run: int, number: int, rank: int) -> str:
    """Where what a gate (by its place from 1) was asked and answered in a sample is kept."""
    return f"gates/{gate_run // 10_000}/{gate_run}/{number:06}-{rank}"


def instance(plan: UUID, number: int, rank: int) -> UUID:
    """The id of a gate's task in one sample."""
    return uuid5(plan, f"sample {number} gate {rank}")


async def keep(
    call: Call,
    place: GatePlace,
    names: Names,
    answers: Mapping[int, GateResult],
    until: datetime,
) -> None:
    """Keep the answers that are there, by rank; the sample ends when these were the last.

    `place` is that of any gate of the sample.
    """
    async with call.database.transaction() as connection:
        release = await releases.locked(connection, ReleaseId(place.release))
        for rank, answer in answers.items():
            there = GatePlace(place.release, place.project, place.gate_run, place.sample, rank)
            task = Names(names.plan, names.job, instance(names.plan, place.sample, rank))
            await call_backs.for_gate(connection, there, task, None, until)
            kept = await call_backs.of_sample(connection, place.gate_run, place.sample)
            status = JobStatus.SUCCEEDED if answer.succeeded else JobStatus.FAILED
            await call_backs.answer(connection, kept[rank].id, status, answer.message, call.now)
        if release:
            await end_if_complete(connection, call, release, place.gate_run, place.sample)


async def end_if_complete(
    connection: Connection, call: Call, release: Release, gate_run: int, number: int
) -> None:
    """End the open sample of a locked release once every gate of it has answered."""
    found = open_run(release, gate_run)
    if found is None:
        return
    stage, deployment, run = found
    if run.open_sample is None or run.open_sample.number != number:
        return
    kept = await call_backs.of_sample(connection, gate_run, number)
    names = enabled_gates(gate_policy(stage, run.side))
    results = [
        _result(name, kept[rank], evidence_key(gate_run, number, rank))
        for rank, name in enumerate(names, 1)
        if rank in kept and kept[rank].answered_at
    ]
    if len(results) == len(names):
        event = GateSampled(stage.id, deployment.attempt, run.side, number, tuple(results))
        await happen_within(connection, call, release.id, event)


def _result(name: str, kept: CallBack, key: str) -> GateResult:
    return GateResult(name, kept.result != JobStatus.FAILED, kept.message, key)


def open_run(release: Release, gate_run: int) -> tuple[Stage, Deployment, GateRun] | None:
    """The gates of this id that are being asked, with what is above them."""
    for stage in release.stages:
        for run in stage.active.gates if stage.active else ():
            if run.id == gate_run and stage.active and run.open_sample:
                return stage, stage.active, run
    return None

"""Why a build is not done yet: everything that it waits for, in words (SEMANTICS 22.4, 23.1)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from quaymaster.domain.build import Build, BuildJob, BuildResult
from quaymaster.domain.build_pauses import over_at
from quaymaster.domain.build_plan import BuildJobPlan
from quaymaster.domain.building import due_at, waits_for
from quaymaster.domain.demands import unmet, written
from quaymaster.domain.plan import PhaseKind
from quaymaster.domain.reasons import Offer, Reason, ReasonKind
from quaymaster.domain.release import JobId, JobKind
from quaymaster.domain.statuses import JobStatus

EDITORS = ("whoever may edit the build pipeline",)
STOPPERS = ("whoever may stop builds, by canceling",)
QUEUERS = ("whoever may queue builds of the pipeline",)
CONNECTORS = ("whoever keeps the service connection of the repository",)
POOL_KEEPERS = ("whoever runs the pool",)


@dataclass(frozen=True, slots=True)
class BuildSurroundings:
    """What a build's record does not say: its pipeline's name and queue status, the workers of
    each waiting job's pool by the job's id, and how many jobs go before it there."""

    pipeline: str
    queue_status: str = "enabled"
    pools: Mapping[JobId, tuple[Offer, ...]] = field(default_factory=dict)
    ahead: Mapping[JobId, int] = field(default_factory=dict)


def explain_build(build: Build, around: BuildSurroundings) -> tuple[Reason, ...]:
    """Every reason why the build goes on no further now, and what it will wait for after that
    (`is_ahead`)."""
    return tuple(_reasons(build, around))


def _reasons(build: Build, around: BuildSurroundings) -> Iterator[Reason]:
    if build.finished_at:
        yield _ended(build)
        return
    if build.cancel_requested_at:
        running = [_name(build, job) for job in build.current if job.status is JobStatus.RUNNING]
        text = f"It is being canceled; {', '.join(running) or 'nothing'} has yet to stop."
        yield Reason(ReasonKind.STOPPING, text, ("the workers that run it",), due_at(build))
        return
    if build.is_held:
        yield _held(around)
    for plan in build.plan.jobs:
        yield from _of_job(build, plan, around)


def untold(context: str, state: str, problem: str, again_at: datetime | None) -> Reason:
    """That the repository's server did not take how the build's commit stands; None for
    `again_at` when nobody asks it again. It holds nothing up."""
    after = "It is asked again." if again_at else "It is not asked again."
    text = f"The repository was not told that {context!r} is {state}: {problem} {after}"
    return Reason(ReasonKind.UNTOLD, text, CONNECTORS, again_at, is_ahead=True)


def warning(text: str) -> Reason:
    """What was said when the build was queued. It holds nothing up by itself."""
    return Reason(ReasonKind.WARNING, text, EDITORS, is_ahead=True)


def _held(around: BuildSurroundings) -> Reason:
    status = around.queue_status if around.queue_status != "enabled" else "paused"
    text = f"The build pipeline {around.pipeline} is {status}: no build starts until it is enabled."
    return Reason(ReasonKind.MANUAL, text, EDITORS)


def _ended(build: Build) -> Reason:
    failed = [job for job in build.current if job.error and job.status is not JobStatus.SUCCEEDED]
    said = "".join(f" {_name(build, job)}: {job.error}" for job in failed)
    result = build.result or BuildResult.SUCCEEDED
    return Reason(ReasonKind.ENDED, f"The build is completed: {result}.{said}")


def _of_job(build: Build, plan: BuildJobPlan, around: BuildSurroundings) -> Iterator[Reason]:
    job = build.newest(plan.key)
    if job is None or job.status is JobStatus.HELD:
        yield from _not_begun(build, plan)
    elif job.status is JobStatus.WAITING:
        yield _waiting(plan, job, around)
    elif job.is_stopping:
        text = f"{plan.work.name!r} is being canceled and has yet to stop."
        yield Reason(ReasonKind.STOPPING, text, (job.worker or "its worker",), job.due_at)
    elif job.status is JobStatus.RUNNING and plan.work.kind is PhaseKind.SERVER:
        yield _pausing(build, plan, job)
    elif job.status is JobStatus.RUNNING:
        text = f"{plan.work.name!r} runs on {job.worker or 'a worker'}."
        by = (job.worker or "its worker", *STOPPERS)
        yield Reason(ReasonKind.RUNNING, text, by, details={"worker": job.worker})


def _pausing(build: Build, plan: BuildJobPlan, job: BuildJob) -> Reason:
    """A phase without an agent says for whom or what it waits, and until when."""
    over = over_at(build, job)
    if job.question is not None:
        text = f"{plan.work.name!r} waits for somebody to resume or reject it."
        return Reason(ReasonKind.INTERVENTION, text, QUEUERS, over)
    what = "the clock" if job.kind is JobKind.DELAY else "the service that it has asked"
    return Reason(ReasonKind.RUNNING, f"{plan.work.name!r} waits for {what}.", STOPPERS, over)


def _not_begun(build: Build, plan: BuildJobPlan) -> Iterator[Reason]:
    before = [key for key in waits_for(build, plan) if not _is_over(build, key)]
    if before:
        names = ", ".join(repr(build.plan.job(key).work.name) for key in before)
        text = f"{plan.work.name!r} starts after {names}."
        yield Reason(ReasonKind.CONDITION, text, is_ahead=True)
    elif plan.group is not None and not build.is_held:
        most = 1 if plan.group.in_order else plan.group.most_at_once
        text = f"{plan.work.name!r} starts when another job of its phase ends; {most} run at once."
        yield Reason(ReasonKind.QUEUE, text, is_ahead=True)


def _waiting(plan: BuildJobPlan, job: BuildJob, around: BuildSurroundings) -> Reason:
    name = plan.work.name
    if job.kind is JobKind.SERVER:
        text = f"{name!r} waits for any worker, which asks for it without an agent."
        return Reason(ReasonKind.WORKER, text, ("any worker",))
    offers = around.pools.get(job.id, ())
    online = [offer for offer in offers if offer.is_online]
    if not online:
        seen = f"; {', '.join(offer.name for offer in offers)} are offline" if offers else ""
        text = f"No worker of the pool of {name!r} is online{seen}."
        return Reason(ReasonKind.WORKER, text, POOL_KEEPERS)
    able = [offer for offer in online if not unmet(plan.work.demands, offer.capabilities)]
    if not able:
        lacking = (unmet(plan.work.demands, offer.capabilities) for offer in online)
        nearest = ", ".join(written(demand) for demand in min(lacking, key=len))
        text = f"No worker of the pool of {name!r} offers {nearest}."
        return Reason(ReasonKind.WORKER, text, POOL_KEEPERS)
    return _queued(name, able, around.ahead.get(job.id, 0))


def _queued(name: str, able: list[Offer], ahead: int) -> Reason:
    if ahead:
        others = "one other job goes" if ahead == 1 else f"{ahead} other jobs go"
        text = f"{name!r} waits in the queue of its pool; {others} first."
        return Reason(ReasonKind.QUEUE, text, details={"ahead": str(ahead)})
    if all(offer.is_busy for offer in able):
        names = tuple(offer.name for offer in able)
        text = f"{name!r} waits for a worker; all are busy: {', '.join(names)}."
        return Reason(ReasonKind.WORKER, text, names)
    return Reason(
        ReasonKind.WORKER, f"{name!r} waits for a worker to take it.", ("the workers of its pool",)
    )


def _is_over(build: Build, key: str) -> bool:
    job = build.newest(key)
    return job is not None and job.status.is_ended


def _name(build: Build, job: BuildJob) -> str:
    return repr(build.plan.job(job.key).work.name)

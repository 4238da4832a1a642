"""Why the work of a deployment is not done yet: workers, pauses, jobs that run or stop."""

from collections.abc import Iterator

from quaymaster.domain import explain_targets
from quaymaster.domain.demands import unmet, written
from quaymaster.domain.plan import Demand, PhaseKind, PhasePlan
from quaymaster.domain.reasons import Offer, Reason, ReasonKind, Surroundings
from quaymaster.domain.release import Deployment, Job, JobKind, Phase, Stage
from quaymaster.domain.reports import silent_after as news_missing_after
from quaymaster.domain.rules.canceling import silent_after
from quaymaster.domain.rules.jobs import overdue_after
from quaymaster.domain.statuses import JobStatus

CANCELERS = ("whoever may deploy this stage, by canceling",)
POOL_KEEPERS = ("whoever runs the pool",)


def of_outside(stage: Stage, deployment: Deployment, around: Surroundings) -> Reason:
    """An attempt that somebody outside does and tells of (AVIATOR 4)."""
    text = around.workflow or (
        f"{stage.name} is deployed outside; it waits to be told how that ends."
    )
    return Reason(ReasonKind.RUNNING, text, ("whoever deploys it",), news_missing_after(deployment))


def of_work(stage: Stage, deployment: Deployment, around: Surroundings) -> Iterator[Reason]:
    """What the jobs under way wait for; before that, phases that no worker could run."""
    begun = {phase.rank for phase in deployment.phases}
    for phase in deployment.phases:
        for job in phase.jobs:
            yield from _of_job(stage, deployment, phase, job, around)
        if stage.phase_plan(phase).kind is PhaseKind.DEPLOYMENT_GROUP:
            yield from explain_targets.rolling(stage.phase_plan(phase), phase)
    for plan in stage.plan.phases:
        if plan.rank in begun:
            continue
        if plan.kind is PhaseKind.DEPLOYMENT_GROUP:
            yield from explain_targets.ahead(plan, around)
        elif missing := _unoffered(plan, around):
            yield Reason(ReasonKind.WORKER, missing, POOL_KEEPERS, is_ahead=True)


def _of_job(
    stage: Stage, deployment: Deployment, phase: Phase, job: Job, around: Surroundings
) -> Iterator[Reason]:
    plan = stage.phase_plan(phase)
    if job.status is JobStatus.WAITING and job.kind is JobKind.TARGET:
        yield explain_targets.waiting(plan, job, around)
    elif job.status is JobStatus.WAITING:
        yield _waiting(plan, job, around)
    elif job.status is JobStatus.RUNNING and job.kind is JobKind.INTERVENTION:
        asked = deployment.intervention(phase, job)
        name = asked.name if asked else job.name
        yield Reason(
            ReasonKind.INTERVENTION,
            f"Somebody has to resume or reject {name!r} of {stage.name}.",
            ("whoever may deploy this stage",),
            job.due_at,
            details={"intervention": str(asked.id) if asked else ""},
        )
    elif job.status is JobStatus.RUNNING and job.kind is JobKind.DELAY:
        text = f"{job.name!r} waits until {job.due_at:%Y-%m-%d %H:%M} UTC."
        yield Reason(ReasonKind.DELAY, text, CANCELERS, job.due_at)
    elif job.status is JobStatus.RUNNING and job.kind is JobKind.EXTERNAL:
        text = around.workflow or (
            f"{job.name!r} is done outside; it waits to be told how it stands."
        )
        if around.set_since:
            text += f" {stage.name} is deployed by {around.set_since} only from later releases on."
        yield Reason(ReasonKind.RUNNING, text, ("whoever deploys it",), job.due_at)
    elif job.status is JobStatus.RUNNING and job.kind is JobKind.CALL_BACK:
        text = f"The service that {job.name!r} has asked has yet to report how it went."
        yield Reason(ReasonKind.RUNNING, text, ("the service",), job.due_at)
    elif job.status is JobStatus.RUNNING:
        due = overdue_after(stage, phase, job)
        worker = around.names.get(job.worker, job.worker)
        text = f"{job.name!r} runs on {worker or 'a worker'}."
        by = (worker or "its worker", *CANCELERS)
        yield Reason(ReasonKind.RUNNING, text, by, due, details={"worker": worker})


def _waiting(plan: PhasePlan, job: Job, around: Surroundings) -> Reason:
    details = {"job": str(job.id)}
    missing = _unoffered(plan, around)
    if missing:
        return Reason(ReasonKind.WORKER, missing, POOL_KEEPERS, details=details)
    able = [offer for offer in around.offers.get(plan.queue_id, ()) if _is_able(plan, offer)]
    busy = [offer.name for offer in able if offer.is_busy]
    if able and len(busy) == len(able):
        text = f"{job.name!r} waits for a worker; all are busy: {', '.join(busy)}."
        return Reason(ReasonKind.WORKER, text, tuple(busy), details=details)
    text = f"{job.name!r} waits for a worker to take it."
    return Reason(ReasonKind.WORKER, text, ("the workers of its pool",), details=details)


def _unoffered(plan: PhasePlan, around: Surroundings) -> str:
    """Why no worker could run this phase now; empty when one could, or nobody told."""
    offers = around.offers.get(plan.queue_id)
    if offers is None:
        return ""
    online = [offer for offer in offers if offer.is_online]
    if not online:
        seen = f"; {', '.join(o.name for o in offers)} are offline" if offers else ""
        return f"No worker of the pool of phase {plan.name} is online{seen}."
    if any(_is_able(plan, offer) for offer in online):
        return ""
    nearest = min((unmet(plan.demands, offer.capabilities) for offer in online), key=len)
    return f"No worker of the pool of phase {plan.name} offers {_list(nearest)}."


def _is_able(plan: PhasePlan, offer: Offer) -> bool:
    return offer.is_online and not unmet(plan.demands, offer.capabilities)


def _list(demands: tuple[Demand, ...]) -> str:
    return ", ".join(written(demand) for demand in demands)


def of_stopping(stage: Stage, deployment: Deployment, around: Surroundings) -> Reason:
    """Which jobs have yet to stop, and when they are given up (SEMANTICS 7.6)."""
    running = [
        (job.name, silent_after(stage, deployment, phase, job))
        for phase in deployment.phases
        for job in phase.jobs
        if job.status is JobStatus.RUNNING
    ]
    names = ", ".join(name for name, _ in running)
    text = f"It is being canceled; {names or 'nothing'} has yet to stop. {around.workflow}".strip()
    return Reason(
        ReasonKind.STOPPING,
        text,
        ("the workers that run it",),
        clears_at=max((due for _, due in running if due), default=None),
    )

"""Why a phase on a deployment group is not done yet: its targets, one by one (SEMANTICS 12.6)."""

from collections.abc import Iterator, Sequence

from quaymaster.domain.demands import unmet, written
from quaymaster.domain.plan import PhasePlan, TargetGroup
from quaymaster.domain.reasons import Reason, ReasonKind, Surroundings
from quaymaster.domain.release import Deployment, Job, Phase, Target
from quaymaster.domain.rules.jobs import too_many_failed
from quaymaster.domain.spreading import most_at_once, tagged
from quaymaster.domain.statuses import JobStatus

TARGET_KEEPERS = ("whoever runs the targets",)


def ahead(plan: PhasePlan, around: Surroundings) -> Iterator[Reason]:
    """What a phase that has not begun will meet: no target, or some that are offline."""
    targets = _targets(plan, around)
    wanted = (plan.targets or TargetGroup()).tags
    offline = [target.name for target in targets if not target.is_online]
    if not targets:
        tags = f" with the tags {', '.join(wanted)}" if wanted else ""
        text = f"Phase {plan.name} will fail: deployment group {plan.queue_id} has no target{tags}."
    elif len(offline) == len(targets):
        text = f"Phase {plan.name} will fail: every target is offline: {', '.join(offline)}."
    elif offline:
        text = f"Phase {plan.name} will pass over what is offline: {', '.join(offline)}."
    else:
        text = ""
    if text:
        details = {"offline": ", ".join(offline)}
        yield Reason(ReasonKind.TARGET, text, TARGET_KEEPERS, is_ahead=True, details=details)
    for target in targets:
        if target.is_online and (lack := lacking(plan, target.id, around)):
            text = f"Phase {plan.name} will fail on {target.name}, which does not offer {lack}."
            yield Reason(ReasonKind.TARGET, text, TARGET_KEEPERS, is_ahead=True)


def lacking(plan: PhasePlan, target: int, around: Surroundings) -> str:
    """What the phase demands and this target does not offer, in words; "" when that is nothing,
    or nobody told (SEMANTICS 12.7)."""
    offered = around.target_offers.get(target)
    missing = () if offered is None else unmet(plan.demands, offered)
    return ", ".join(written(demand) for demand in missing)


def waiting(plan: PhasePlan, job: Job, around: Surroundings) -> Reason:
    """Why a job that is for one target has not been taken by it."""
    found = [target for target in _targets(plan, around) if target.id == job.target]
    if not found:
        text = f"{job.name!r} is no target of deployment group {plan.queue_id} any more."
    elif found[0].is_online:
        text = f"Target {job.name!r} is busy with another job, or about to take this one."
    else:
        text = f"Target {job.name!r} has gone offline; its job fails unless it comes back."
    return Reason(
        ReasonKind.TARGET, text, TARGET_KEEPERS, details={"target": job.name, "job": str(job.id)}
    )


def rolling(plan: PhasePlan, phase: Phase) -> Iterator[Reason]:
    """The targets that have not had their turn."""
    held = [job.name for job in phase.jobs if job.status is JobStatus.HELD]
    if not held:
        return
    most = most_at_once(plan, len(phase.jobs))
    text = f"{len(held)} targets wait for their turn, {most} at most being at work: "
    details = {"waiting": ", ".join(held), "atOnce": str(most)}
    text += f"{', '.join(held[:10])}."
    yield Reason(ReasonKind.TARGET, text, ("the targets that are at work",), details=details)


def missed(deployment: Deployment, plans: Sequence[PhasePlan]) -> str:
    """On which targets an attempt that ended has not succeeded, in words; "" without any."""
    said = []
    for phase in deployment.phases:
        plan = next((plan for plan in plans if plan.rank == phase.rank), None)
        if plan is None or plan.targets is None:
            continue
        failed = _named(phase, JobStatus.FAILED, JobStatus.CANCELED)
        skipped = _named(phase, JobStatus.SKIPPED)
        if failed:
            said.append(f"Failed on {', '.join(failed)}.")
        if skipped and too_many_failed(plan, phase):
            said.append(f"Not started on {', '.join(skipped)}, because too many had failed.")
        elif skipped:
            said.append(f"Passed over: {', '.join(skipped)}.")
    return " ".join(said)


def _named(phase: Phase, *statuses: JobStatus) -> list[str]:
    return [job.name for job in phase.jobs if job.status in statuses]


def _targets(plan: PhasePlan, around: Surroundings) -> list[Target]:
    group = plan.targets or TargetGroup()
    return tagged(around.targets.get(plan.queue_id, ()), group.tags)

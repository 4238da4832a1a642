"""What a release would do, with nothing written: order, people, gates, queue, work, dead ends."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from quaymaster.domain import explain_start, explain_targets
from quaymaster.domain.demands import unmet, written
from quaymaster.domain.gate_run import enabled_gates
from quaymaster.domain.plan import ApprovalPolicy, Approver, PhaseKind, PhasePlan
from quaymaster.domain.reasons import Freeze, ReasonKind, Surroundings
from quaymaster.domain.rehearsal import Rehearsal, rehearse
from quaymaster.domain.release import Job, Phase, Release, Side, Stage
from quaymaster.domain.status import gate_policy, policy
from quaymaster.domain.statuses import JobStatus, ReleaseStatus
from quaymaster.domain.variable_expansion import expand
from quaymaster.domain.variables import Scopes, effective, plain_and_secret


@dataclass(frozen=True, slots=True)
class PhaseForesight:
    """A phase as it would run: its jobs, and the workers that could take them."""

    rank: int
    name: str
    kind: PhaseKind
    jobs: tuple[str, ...]
    is_skipped: bool
    workers: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SideForesight:
    """Who and what would be asked on one side; `names` is what the approvers are known by."""

    approvers: tuple[Approver, ...]
    names: tuple[str, ...]
    required_count: int
    gates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StageForesight:
    """One stage. `order` counts from 1 in the order of starting; None when it does not start.

    `starts_at` and `ends_at` hold if everybody answers and every job ends at once.
    """

    name: str
    order: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    needs: tuple[str, ...]
    before: SideForesight
    after: SideForesight
    limit: int
    ahead_in_queue: int
    freezes: tuple[Freeze, ...]
    variables: Mapping[str, str]
    phases: tuple[PhaseForesight, ...]


@dataclass(frozen=True, slots=True)
class Foresight:
    """The stages in the order in which they would start, then those that would not.

    `never` lists why the release, as it stands, can never finish; empty is good news.
    """

    stages: tuple[StageForesight, ...]
    never: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What a preview is told besides the release: surroundings by stage name, and secrets.

    `secrets` are the names of the release's secret variables with whether a value is set, and
    `stage_secrets` those of its stages by their id in the definition; values never get here.
    """

    around: Mapping[str, Surroundings] = field(default_factory=dict)
    secrets: Mapping[str, bool] = field(default_factory=dict)
    stage_secrets: Mapping[int, Mapping[str, bool]] = field(default_factory=dict)


def foresee(draft: Release, known: Known, now: datetime) -> Foresight:
    """Look ahead over a release that was not stored, in the state of a draft."""
    if draft.status is not ReleaseStatus.DRAFT:
        draft = replace(draft, status=ReleaseStatus.DRAFT)
    unchosen = [artifact.alias for artifact in draft.artifacts if not artifact.is_chosen]
    chosen = tuple(replace(artifact, is_chosen=True) for artifact in draft.artifacts)
    played = rehearse(replace(draft, artifacts=chosen, standing={}), now)
    order = list(played.begun)
    stages = [_stage(draft, played, stage, order, known) for stage in played.release.stages]
    stages.sort(key=lambda stage: (stage.order is None, stage.order or 0))
    never = [f"No version is chosen for artifact {alias}." for alias in unchosen]
    never += _never(played, known)
    return Foresight(tuple(stages), tuple(never), draft.plan.warnings)


def _stage(
    draft: Release, played: Rehearsal, stage: Stage, order: list[str], known: Known
) -> StageForesight:
    around = known.around.get(stage.name, Surroundings())
    name = stage.name
    return StageForesight(
        name=name,
        order=order.index(name) + 1 if name in order else None,
        starts_at=played.begun.get(name),
        ends_at=played.ended.get(name),
        needs=tuple(_needs(played.release, stage)) if name not in order else (),
        before=_side(stage, Side.PRE, around),
        after=_side(stage, Side.POST, around),
        limit=stage.plan.queue.concurrency,
        ahead_in_queue=sum(1 for other in around.standings if other.stage != stage.id),
        freezes=(*around.freezes, *explain_start.in_force(draft, stage)),
        variables=_variables(played.release, stage, known),
        phases=tuple(_phase(stage, plan, around) for plan in _in_order(stage)),
    )


def _needs(release: Release, stage: Stage) -> Iterator[str]:
    """Why it would not start by itself."""
    unstarted = replace(stage, newest=None)
    for reason in explain_start.of_stage(release, unstarted, Surroundings()):
        yield reason.text


def _side(stage: Stage, side: Side, around: Surroundings) -> SideForesight:
    rules = policy(stage, side)
    gates = gate_policy(stage, side)
    asked = tuple(enabled_gates(gates)) if gates.enabled else ()
    names = tuple(around.names.get(one.identity, one.identity) for one in rules.approvers)
    return SideForesight(rules.approvers, names, rules.required_count, asked)


def _variables(release: Release, stage: Stage, known: Known) -> dict[str, str]:
    """The values that a job would see, macros replaced; of secrets only whether they are set."""
    own = known.stage_secrets.get(stage.plan.definition_stage_id, {})
    scopes = Scopes(
        release=plain_and_secret(release.variables, _told(known.secrets)),
        stage=plain_and_secret(stage.variables, _told(own)),
    )
    return {one.name: one.value for one in expand(effective(scopes)).variables.values()}


def _told(secrets: Mapping[str, bool]) -> dict[str, str]:
    return {name: "(set)" if is_set else "(unset)" for name, is_set in secrets.items()}


def _in_order(stage: Stage) -> list[PhasePlan]:
    return sorted(stage.plan.phases, key=lambda plan: plan.rank)


def _phase(stage: Stage, plan: PhasePlan, around: Surroundings) -> PhaseForesight:
    played = _played(stage, plan)
    offers = around.offers.get(plan.queue_id, ())
    able = [o.name for o in offers if o.is_online and not unmet(plan.demands, o.capabilities)]
    if played and plan.kind is PhaseKind.DEPLOYMENT_GROUP:
        able = [job.name for job in played.jobs if job.status is not JobStatus.SKIPPED]
    return PhaseForesight(
        rank=plan.rank,
        name=plan.name,
        kind=plan.kind,
        jobs=tuple(job.name for job in played.jobs) if played else (),
        is_skipped=bool(played and played.is_skipped),
        workers=tuple(able),
        problems=tuple(_problems(plan, played, around)),
    )


def _played(stage: Stage, plan: PhasePlan) -> Phase | None:
    """The phase as the rehearsal went through it; None when it did not come to that."""
    phases = stage.newest.phases if stage.newest else ()
    return next((phase for phase in phases if phase.rank == plan.rank), None)


def _problems(plan: PhasePlan, played: Phase | None, around: Surroundings) -> Iterator[str]:
    for job in played.jobs if played else ():
        if job.status is JobStatus.WITH_ISSUES and job.error:
            yield job.error
    unfit = list(_unfit(plan, played, around))
    if not _is_lost(played, unfit):
        yield from unfit
    yield from _obstacles(plan, played, around)


def _unfit(plan: PhasePlan, played: Phase | None, around: Surroundings) -> Iterator[str]:
    """The targets that would have to do the phase and do not offer what it demands."""
    for job in _on_targets(played):
        if lack := explain_targets.lacking(plan, job.target, around):
            yield f"Target {job.name} does not offer {lack}, so that phase {plan.name} fails there."


def _on_targets(played: Phase | None) -> list[Job]:
    jobs = played.jobs if played else ()
    return [job for job in jobs if job.target and job.status is not JobStatus.SKIPPED]


def _is_lost(played: Phase | None, unfit: list[str]) -> bool:
    """Whether no target could do the phase: with some of them it succeeds partially (12.6)."""
    return bool(unfit) and len(unfit) == len(_on_targets(played))


def _obstacles(plan: PhasePlan, played: Phase | None, around: Surroundings) -> Iterator[str]:
    """What the phase cannot get past: it fails, or nobody could do it."""
    if played and played.problem:
        yield played.problem
    for job in played.jobs if played else ():
        if job.status is JobStatus.FAILED and job.error:
            yield job.error
    unfit = list(_unfit(plan, played, around))
    if _is_lost(played, unfit):
        yield from unfit
    offers = around.offers.get(plan.queue_id)
    if plan.kind is not PhaseKind.AGENT or offers is None:
        return
    if all(unmet(plan.demands, offer.capabilities) for offer in offers):
        wanted = ", ".join(written(demand) for demand in plan.demands)
        what = f"offers {wanted}" if wanted and offers else "is in its pool"
        yield f"No worker {what}, so that phase {plan.name} would wait for ever."


# ---- dead ends ------------------------------------------------------------------------------


def _never(played: Rehearsal, known: Known) -> Iterator[str]:
    """Everything that keeps stages which would start from ever ending well."""
    if not played.begun:
        yield "No stage starts with the release; each has to be started by hand."
    for stage in played.release.stages:
        around = known.around.get(stage.name, Surroundings())
        if stage.name not in played.begun:
            yield from _unreachable(played.release, stage)
            continue
        for side in Side:
            yield from _side_never(played.release, stage, side, around)
            yield from _nobody_to_ask(stage, side, around)
        for plan in _in_order(stage):
            for obstacle in _obstacles(plan, _played(stage, plan), around):
                yield f"{stage.name}: {obstacle}"


def _unreachable(release: Release, stage: Stage) -> Iterator[str]:
    """Stages that are meant to start by themselves and cannot."""
    if stage.is_manual or not stage.plan.conditions:
        return
    unstarted = replace(stage, newest=None)
    for reason in explain_start.of_stage(release, unstarted, Surroundings()):
        if reason.kind in (ReasonKind.CONDITION, ReasonKind.SCHEDULE):
            yield f"{stage.name}: {reason.text}"


def _side_never(release: Release, stage: Stage, side: Side, around: Surroundings) -> Iterator[str]:
    gates = gate_policy(stage, side)
    if gates.enabled and enabled_gates(gates) and gates.minimum_success > gates.timeout:
        yield (
            f"{stage.name}: its gates must agree for {gates.minimum_success} "
            f"but time out after {gates.timeout}."
        )
    rules = policy(stage, side)
    if not rules.requester_may_approve and _left(rules, release) < _wanted(rules):
        creator = around.names.get(release.created_for or "", release.created_for)
        yield (
            f"{stage.name}: not enough approvers are left when whoever created the release, "
            f"{creator}, may not approve it."
        )


def _nobody_to_ask(stage: Stage, side: Side, around: Surroundings) -> Iterator[str]:
    """Approvers that do not exist, unless enough others are asked."""
    rules = policy(stage, side)
    unknown = [one.identity for one in rules.approvers if one.identity in around.nobody]
    if unknown and len(rules.approvers) - len(unknown) < _wanted(rules):
        names = ", ".join(unknown)
        yield f"{stage.name}: nobody is known as {names}, who would have to approve; name another."


def _left(rules: ApprovalPolicy, release: Release) -> int:
    makers = (release.created_by, release.created_for)
    return sum(approver.identity not in makers for approver in rules.approvers)


def _wanted(rules: ApprovalPolicy) -> int:
    everybody = len(rules.approvers)
    return min(rules.required_count, everybody) if rules.required_count else everybody

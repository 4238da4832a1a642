"""What each change does to the records, and nothing else: no decision is taken here."""

from dataclasses import replace
from datetime import datetime

from quaymaster.domain import changes as c
from quaymaster.domain.attempt import moved
from quaymaster.domain.finding import found_approval, found_intervention, stage_of_job
from quaymaster.domain.records import changed
from quaymaster.domain.release import Deployment, Quarantine, Release, Stage, StageId
from quaymaster.domain.reports import after_report
from quaymaster.domain.spreading import missed_targets
from quaymaster.domain.statuses import ReleaseStatus


def apply(release: Release, change: c.Change, now: datetime) -> Release:
    """The release after this change. Everything untouched is shared with the release before."""
    match change:
        case c.Activated(by=by):
            return replace(release, status=ReleaseStatus.ACTIVE, modified_at=now, modified_by=by)
        case c.Abandoned(by=by):
            return replace(release, status=ReleaseStatus.ABANDONED, modified_at=now, modified_by=by)
        case c.DetailsChanged():
            return _details(release, change, now)
        case c.SnapshotEdited():
            return _edited(release, change, now)
        case c.Quarantined(by=by, comment=reason):
            quarantine = Quarantine(by, now, reason)
            return replace(release, quarantine=quarantine, modified_at=now, modified_by=by)
        case c.QuarantineLifted(by=by):
            return replace(release, quarantine=None, modified_at=now, modified_by=by)
        case c.TimeCame():
            return release
        case _:
            concerned = _stage_of(release, change)
            stages = tuple(
                apply_to_stage(_as_planned(release, stage), change, now)
                if stage.id == concerned
                else stage
                for stage in release.stages
            )
            return replace(release, stages=stages)


def apply_to_stage(stage: Stage, change: c.Change, now: datetime) -> Stage:
    """The stage that a change is about, after it."""
    match change:
        case c.ConditionsEvaluated(seen=seen):
            return replace(stage, evaluated=stage.evaluated | seen)
        case c.StageTriggered(seen=seen, request=request):
            return _requested(stage, request, now, stage.evaluated | seen)
        case c.DeploymentRequested():
            return _requested(stage, change, now, stage.evaluated)
        case c.DeploymentReported():
            return after_report(stage, change, now)
        case _ if stage.newest:
            return changed(stage, newest=moved(stage.newest, change, now), modified_at=now)
        case _:
            raise TypeError(change)


def _stage_of(release: Release, change: c.Change) -> StageId:
    """The stage that a change names, or whose approval or job it names."""
    match change:
        case c.ApprovalGiven(approval=approval) | c.ApprovalRefused(approval=approval):
            return found_approval(release, approval)[0].id
        case c.ApprovalReassigned(approval=approval):
            return found_approval(release, approval)[0].id
        case c.InterventionAnswered(intervention=asked):
            return found_intervention(release, asked)[0].id
        case c.JobClaimed(job=job) | c.JobFinished(job=job) | c.JobLost(job=job):
            return stage_of_job(release, job).id
        case c.JobAwaits(job=job) | c.JobAnswered(job=job):
            return stage_of_job(release, job).id
        case _:
            stage: StageId = change.stage  # type: ignore[union-attr]  # the others name it
            return stage


def _details(release: Release, change: c.DetailsChanged, now: datetime) -> Release:
    manual = {name.casefold() for name in change.manual_stages}
    stages = tuple(
        replace(stage, is_manual=True) if stage.plan.name.casefold() in manual else stage
        for stage in release.stages
    )
    return replace(
        release,
        stages=stages if manual else release.stages,
        name=release.name if change.name is None else change.name,
        description=release.description if change.description is None else change.description,
        keep_forever=release.keep_forever if change.keep_forever is None else change.keep_forever,
        modified_at=now,
        modified_by=change.by,
    )


def _edited(release: Release, change: c.SnapshotEdited, now: datetime) -> Release:
    """The release with its new plan; an attempt under way goes on with the old one."""
    plans = {plan.definition_stage_id: plan for plan in change.plan.stages}
    stages = tuple(
        replace(
            stage,
            plan=stage.plan if stage.active else plans[stage.plan.definition_stage_id],
            variables=change.stage_variables.get(stage.plan.definition_stage_id, stage.variables),
        )
        for stage in release.stages
    )
    return replace(
        release,
        plan=change.plan,
        variables=change.variables,
        stages=stages,
        modified_at=now,
        modified_by=change.by,
    )


def _as_planned(release: Release, stage: Stage) -> Stage:
    """The stage with the plan that its next attempt will follow, once none is under way."""
    if stage.active:
        return stage
    number = stage.plan.definition_stage_id
    plans = (plan for plan in release.plan.stages if plan.definition_stage_id == number)
    plan = next(plans, stage.plan)
    return stage if plan is stage.plan else replace(stage, plan=plan)


def _requested(
    stage: Stage, request: c.DeploymentRequested, now: datetime, seen: frozenset[tuple[str, int]]
) -> Stage:
    """A new attempt; a request for a stage that only waits for its time starts it now instead."""
    if stage.active:
        newest = replace(
            stage.active,
            requested_by=request.by,  # whoever starts it may not approve it either (9.6)
            comment=request.comment or stage.active.comment,
            variables={**stage.active.variables, **request.variables},  # named as in the plan
            only_targets=_targets(stage, request) or stage.active.only_targets,
            scheduled_for=request.scheduled_for,
            entered_queue_at=None,
            modified_at=now,
            modified_by=request.by,
            override=request.override or stage.active.override,
            rolls_back=request.rolls_back or stage.active.rolls_back,
        )
        return replace(stage, newest=newest, modified_at=now)
    newest = Deployment(
        attempt=stage.newest.attempt + 1 if stage.newest else 1,
        reason=request.reason,
        requested_by=request.by,
        requested_for=request.requested_for,
        queued_at=now,
        modified_at=now,
        modified_by=request.by,
        after_stages=request.after_stages,
        scheduled_for=request.scheduled_for,
        comment=request.comment,
        variables=request.variables,
        rolls_back=request.rolls_back,
        override=request.override,
        only_targets=_targets(stage, request),
    )
    return changed(
        stage,
        newest=newest,
        evaluated=seen,
        trigger_reason=request.trigger_reason,
        modified_at=now,
    )


def _targets(stage: Stage, request: c.DeploymentRequested) -> tuple[int, ...]:
    """The targets that the new attempt is limited to."""
    if request.only_failed_targets and stage.newest:
        return missed_targets(stage.newest)
    return request.only_targets

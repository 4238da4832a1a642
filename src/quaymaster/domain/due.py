"""When to look at a release again although nothing happens (DESIGN 4: waiting lives in rows)."""

from collections.abc import Iterator
from datetime import datetime

from quaymaster.domain.release import Deployment, Release, Stage
from quaymaster.domain.reports import silent_after as news_missing_after
from quaymaster.domain.rules.canceling import silent_after
from quaymaster.domain.rules.gates import due_at, open_run
from quaymaster.domain.rules.jobs import overdue_after
from quaymaster.domain.standstills import blocked
from quaymaster.domain.status import gate_policy
from quaymaster.domain.statuses import ApprovalStatus, JobStatus


def next_due(release: Release) -> datetime | None:
    """The earliest moment at which some rule may apply by itself; None when only people,
    workers or other releases can move this one."""
    return min(
        (
            due
            for stage in release.stages
            if stage.active
            for due in (
                *_times(release, stage, stage.active),
                *_thaws(release, stage, stage.active),
            )
        ),
        default=None,
    )


def _thaws(release: Release, stage: Stage, deployment: Deployment) -> Iterator[datetime]:
    """When a freeze or a window begins or ends that keeps the attempt back, or may stop it."""
    changes_at = release.stands(stage).changes_at
    if changes_at and not deployment.report:
        yield changes_at


def _ends_of_silence(stage: Stage, deployment: Deployment) -> Iterator[datetime]:
    """Of an attempt that somebody outside has told of; one that is to stop has less time."""
    silent = news_missing_after(deployment)
    if silent and not deployment.cancel_requested_at:
        yield silent
    for phase in deployment.phases:
        for job in phase.jobs:
            if due := silent_after(stage, deployment, phase, job):
                yield due


def _times(release: Release, stage: Stage, deployment: Deployment) -> Iterator[datetime]:
    if deployment.report:
        yield from _ends_of_silence(stage, deployment)
        return
    waits = deployment.scheduled_for and not deployment.entered_queue_at
    if deployment.scheduled_for and waits and not blocked(release, stage, deployment):
        yield deployment.scheduled_for
    if deployment.deferred_until:
        yield deployment.deferred_until
    for approval in deployment.approvals:
        if approval.status is ApprovalStatus.PENDING and approval.due_at:
            yield approval.due_at
    if run := open_run(deployment):
        yield due_at(gate_policy(stage, run.side), run)
    for phase in deployment.phases:
        for job in phase.jobs:
            if job.due_at and job.status is JobStatus.RUNNING:
                yield job.due_at
            for due in (
                silent_after(stage, deployment, phase, job),
                overdue_after(stage, phase, job),
            ):
                if due:
                    yield due

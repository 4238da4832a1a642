"""Which workflows have their turn, or are to stop, because of a decision (AVIATOR 5)."""

from collections.abc import Iterator
from dataclasses import dataclass

from quaymaster.domain.release import Deployment, JobKind, Outcome, Release, Stage
from quaymaster.domain.reports import silent_after
from quaymaster.domain.statuses import JobStatus
from quaymaster.domain.workflows import Workflow, of_task

STOPPED = (Outcome.CANCELED, Outcome.SUPERSEDED)


@dataclass(frozen=True, slots=True)
class Turns:
    """Deployments by their ids: whose workflow is to begin, to stop, or matters no more."""

    begun: tuple[tuple[int, Workflow], ...] = ()
    stopped: tuple[int, ...] = ()
    closed: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.begun or self.stopped or self.closed)


def turns(before: Release, after: Release) -> Turns:
    """Read off the release before and after a decision; `after` has the ids of its records."""
    begun: list[tuple[int, Workflow]] = []
    stopped: list[int] = []
    closed: list[int] = []
    for old, new in zip(before.stages, after.stages, strict=True):
        newest = new.newest
        if new is old or newest is None:
            continue
        known = old.newest if old.newest and old.newest.attempt == newest.attempt else None
        ran = set(_running(old, known)) if known else set()
        begun += [
            (newest.id, workflow) for workflow in _running(new, newest) if workflow not in ran
        ]
        if not _has_workflow(new, newest):
            continue
        if (_is_stopped(newest) and not (known and _is_stopped(known))) or (
            known and _fell_silent(known, newest)
        ):
            stopped.append(newest.id)
        elif newest.is_ended and not newest.cancel_requested_at and not (known and known.is_ended):
            closed.append(newest.id)
    return Turns(tuple(begun), tuple(stopped), tuple(closed))


def _is_stopped(deployment: Deployment) -> bool:
    return deployment.cancel_requested_at is not None or deployment.outcome in STOPPED


def _fell_silent(before: Deployment, after: Deployment) -> bool:
    """Whether it ended for want of news: what does it may still be at work (AVIATOR 4)."""
    due = None if before.is_ended else silent_after(before)
    ended_at = after.completed_at if after.outcome is Outcome.ERROR else None
    return bool(due and ended_at and due <= ended_at)


def _has_workflow(stage: Stage, deployment: Deployment) -> bool:
    return any(True for _ in _workflows(stage, deployment))


def _running(stage: Stage, deployment: Deployment) -> Iterator[Workflow]:
    for workflow, status in _workflows(stage, deployment):
        if status is JobStatus.RUNNING:
            yield workflow


def _workflows(stage: Stage, deployment: Deployment) -> Iterator[tuple[Workflow, JobStatus]]:
    for phase in deployment.phases:
        for job in phase.jobs:
            if job.kind is JobKind.EXTERNAL:
                found = of_task(stage.phase_plan(phase).tasks[job.position])
                if found:
                    yield found, job.status

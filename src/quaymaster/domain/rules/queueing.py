"""Waiting for a time and for the environment's queue (SEMANTICS 7.3, 9.13, 11).

An environment with a limit decides itself who is next, over all releases: it raises SlotGranted
(see `quaymaster.domain.queueing`). Without a limit an attempt goes straight in.
"""

from datetime import datetime

from quaymaster.domain.changes import Change, DeferralEnded, QueueEntered, SlotTaken
from quaymaster.domain.release import Deployment, Release, Stage
from quaymaster.domain.standstills import blocked


def enter_queue_when_time_comes(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    if deployment.entered_queue_at or deployment.cancel_requested_at:
        return None
    if blocked(release, stage, deployment):
        return None
    due = deployment.scheduled_for is None or deployment.scheduled_for <= now
    return QueueEntered(stage.id) if due else None


def take_slot_when_unlimited(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    del now
    if blocked(release, stage, deployment):
        return None
    waits = deployment.entered_queue_at and not deployment.has_slot
    return SlotTaken(stage.id) if waits and stage.plan.queue.concurrency == 0 else None


def end_deferral(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    del release
    until = deployment.deferred_until
    return DeferralEnded(stage.id) if until and until <= now else None

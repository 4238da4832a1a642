"""Attempts that a freeze, or the quarantine of their release, brings to an end."""

from datetime import datetime

from quaymaster.domain.changes import CancelRequested, Change
from quaymaster.domain.release import Deployment, Release, Stage
from quaymaster.domain.standstills import stops_work


def cancel_when_frozen(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """Only a freeze that was set to do so stops work that has begun."""
    del now
    freeze = stops_work(release, stage, deployment)
    if freeze is None or deployment.cancel_requested_at:
        return None
    return CancelRequested(stage.id, None, f"{stage.name} was frozen: {freeze.reason}")


def cancel_when_quarantined(
    release: Release, stage: Stage, deployment: Deployment, now: datetime
) -> Change | None:
    """What has not begun its work never will."""
    del now
    if not release.quarantine or deployment.phases or deployment.cancel_requested_at:
        return None
    why = f"The release was quarantined: {release.quarantine.reason}"
    return CancelRequested(stage.id, release.quarantine.by, why)

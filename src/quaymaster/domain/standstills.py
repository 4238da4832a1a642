"""Whether a freeze or a hold keeps an attempt from starting, or from going on (DESIGN 6, I3)."""

from quaymaster.domain.freezes import OnRunning, Standstill
from quaymaster.domain.release import Deployment, Release, Stage


def blocked(release: Release, stage: Stage, deployment: Deployment) -> tuple[Standstill, ...]:
    """What keeps the attempt where it is now; nothing when it may go on.

    Before its work has begun every freeze does, unless the attempt was started over it; a hold
    keeps back only what nobody asked for. Work that has begun goes on unless the freeze pauses it.
    """
    in_force = release.stands(stage).in_force if release.standing else ()
    if not in_force or deployment.report:
        return ()
    if deployment.phases:
        return tuple(one for one in _binding(deployment, in_force) if _pauses(one))
    return _binding(deployment, in_force)


def _binding(deployment: Deployment, in_force: tuple[Standstill, ...]) -> tuple[Standstill, ...]:
    return tuple(one for one in in_force if _binds(one, deployment))


def _binds(one: Standstill, deployment: Deployment) -> bool:
    if one.is_hold:
        return deployment.requested_by is None and deployment.rolls_back is None
    return not deployment.override


def _pauses(one: Standstill) -> bool:
    return one.running is OnRunning.PAUSE


def stops_work(release: Release, stage: Stage, deployment: Deployment) -> Standstill | None:
    """The freeze that ends work that has begun, if one does."""
    if not deployment.phases or deployment.report:
        return None
    in_force = _binding(deployment, release.stands(stage).in_force)
    return next((one for one in in_force if one.running is OnRunning.CANCEL), None)

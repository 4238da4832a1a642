"""Who takes a job, and whether a worker offers what the job demands (SEMANTICS 12.7)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex

from quaymaster.actions.call import Call
from quaymaster.actions.jobs import job_telling
from quaymaster.domain.demands import unmet, written
from quaymaster.domain.plan import Demand, PhasePlan
from quaymaster.domain.release import Job, JobId, JobKind, Release, ReleaseId
from quaymaster.plans.job_message import Place
from quaymaster.store.releases import releases
from quaymaster.store.resources import workers

NOBODY_AFTER = timedelta(minutes=1)  # for workers to come that offer what nobody offers yet


def new_token() -> str:
    """A token to take a job with; the same one may be shown again when an answer was lost."""
    return token_hex(16)


@dataclass(frozen=True, slots=True)
class Taker:
    """Who takes a job: the worker's id, the slot that will run it, and a fresh token.

    `capabilities` None takes whatever is demanded.
    """

    worker: str
    place: Place
    token: str
    capabilities: Mapping[str, str] | None = None

    def lacks(self, phase: PhasePlan, job: Job) -> tuple[Demand, ...]:
        """What the phase demands of a worker and this one does not offer."""
        if self.capabilities is None or job.kind is JobKind.SERVER:
            return ()
        return unmet(phase.demands, self.capabilities)


class Unfit(Exception):
    """The worker does not offer what the job demands; `is_late` when nobody else will, either."""

    def __init__(self, *, is_late: bool) -> None:
        super().__init__()
        self.is_late = is_late


def check_fit(call: Call, job_id: JobId, taker: Taker) -> Callable[[Release], None]:
    """A check of the locked release that raises Unfit when the taker lacks something."""

    def check(release: Release) -> None:
        found = job_telling.found(release, job_id)
        if taker.lacks(found.stage.phase_plan(found.phase), found.job):
            bound = found.job.kind is JobKind.TARGET  # nobody else may take it
            late = call.now - found.job.created_at >= NOBODY_AFTER
            raise Unfit(is_late=bound or late)

    return check


async def why_nobody_fits(call: Call, release_id: ReleaseId, job_id: JobId, taker: Taker) -> str:
    """Why no worker of the pool, at work or away, could ever take the job; "" when one could."""
    async with call.database.read() as connection:
        release = await releases.load(connection, release_id)
        offers = await workers.offers_beside(connection, taker.worker)
    if release is None:
        return ""
    found = job_telling.found(release, job_id)
    demands = found.stage.phase_plan(found.phase).demands
    own = taker.capabilities or {}
    if found.job.kind is JobKind.TARGET:
        missing = _listed(unmet(demands, own))
        return f"Target {found.job.name} does not offer what the phase demands: {missing}."
    lacking = [unmet(demands, offer) for offer in (*offers, own)]
    if not all(lacking):
        return ""
    nearest = min(lacking, key=len)
    return f"No worker of the pool offers what the job demands: {_listed(nearest)}."


def _listed(demands: tuple[Demand, ...]) -> str:
    return ", ".join(written(demand) for demand in demands)

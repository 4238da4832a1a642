"""What targets of deployment groups set off by coming and going (SEMANTICS 8.11, 12.6)."""

from datetime import timedelta

import structlog

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import happen_within
from quaymaster.actions.jobs import jobs as job_actions
from quaymaster.actions.jobs.jobs import Taker, new_token
from quaymaster.domain.changes import DeploymentRequested
from quaymaster.domain.errors import Refused
from quaymaster.domain.plan import PhaseKind
from quaymaster.domain.release import Release, ReleaseId, Stage, StageId, Target
from quaymaster.domain.spreading import carries
from quaymaster.domain.statuses import DeploymentReason
from quaymaster.plans.job_message import Place
from quaymaster.store.deployments import freezes
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import releases
from quaymaster.store.resources import targets
from quaymaster.store.resources.targets import Arrival

PATIENCE = timedelta(minutes=5)  # for a target that went away before its job began

_log = structlog.get_logger(__name__)


async def fail_deserted_jobs(call: Call, patience: timedelta = PATIENCE) -> int:
    """Fail every job whose target has gone and not come back; how many there were."""
    async with call.database.read() as connection:
        found = await targets.deserted(connection, patience)
    for job in found:
        taker = Taker("", Place("", job.name), new_token())
        reason = (
            f"Target {job.name} went offline before its job began and has not come back. Start "
            "its worker, and deploy to the failed targets again."
        )
        await job_actions.fail_to_start(call, job.release_id, job.id, taker, reason)
    return len(found)


async def answer_arrivals(call: Call) -> int:
    """Deploy to targets that have joined, or got new tags; how many deployments were started."""
    async with call.database.read() as connection:
        waiting = await targets.arrivals(connection)
    return sum([await answer(call, number) for number in waiting])


async def answer(call: Call, number: int) -> bool:
    """Deploy an environment's last success to one new target; whether that was started.

    While another attempt is under way there the arrival waits; the release is locked before that
    is looked at, so that none begins in between. Safe to call again.
    """
    async with call.database.transaction() as connection:
        arrival = await targets.arrival(connection, number)
        if arrival is None:
            return False
        found = await freezes.last_success(connection, arrival.environment_id)
        release = await releases.locked(connection, found.release) if found else None
        stage = release.stage(StageId(found.stage)) if release and found else None
        if release is None or stage is None or not _concerns(stage, arrival):
            await targets.answered(connection, number)
            return False
        if not _is_online(release, arrival) or stage.active:
            return False
        await targets.answered(connection, number)
        return await _redeploy(connection, call, release.id, stage.id, arrival)


async def _redeploy(
    connection: Connection, call: Call, release: ReleaseId, stage: StageId, arrival: Arrival
) -> bool:
    what = "joined" if arrival.tags_before is None else "has new tags"
    event = DeploymentRequested(
        stage=stage,
        by=None,
        requested_for=None,
        reason=DeploymentReason.REDEPLOY_TRIGGER,
        trigger_reason=f"Redeployed because target {arrival.name} {what}",
        only_targets=(arrival.target_id,),
    )
    try:
        await happen_within(connection, call, release, event)
    except Refused as refusal:
        _log.warning("a new target gets no deployment", release=release, reason=str(refusal))
        return False
    return True


def _concerns(stage: Stage, arrival: Arrival) -> bool:
    """Whether some phase runs on the target now and would not have before."""
    now = Target(arrival.target_id, arrival.name, frozenset(arrival.tags))
    before = Target(arrival.target_id, arrival.name, frozenset(arrival.tags_before or ()))
    wanted = [
        plan.targets.tags
        for plan in stage.plan.phases
        if plan.kind is PhaseKind.DEPLOYMENT_GROUP
        and plan.targets
        and plan.queue_id == arrival.group_id
    ]
    was_there = arrival.tags_before is not None
    return any(carries(now, tags) and not (was_there and carries(before, tags)) for tags in wanted)


def _is_online(release: Release, arrival: Arrival) -> bool:
    there = release.targets.get(arrival.group_id, ())
    return any(target.is_online for target in there if target.id == arrival.target_id)

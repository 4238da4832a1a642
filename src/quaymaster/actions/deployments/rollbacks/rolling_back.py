"""Bringing an environment back to what it ran before, for every dialect alike (AVIATOR 5)."""

from dataclasses import dataclass, replace

from quaymaster.actions.call import Call
from quaymaster.actions.candidates.candidates import FROZEN, stop
from quaymaster.actions.decisions import freeze_times
from quaymaster.actions.decisions.follow_up import ENVIRONMENT, RELEASE
from quaymaster.actions.decisions.orchestrate import happen_within
from quaymaster.domain.access import Permission
from quaymaster.domain.changes import DeploymentRequested
from quaymaster.domain.errors import Conflict, NotFound, Refused
from quaymaster.domain.freezes import Standing
from quaymaster.domain.release import Release, ReleaseId, StageId
from quaymaster.domain.rollbacks import Past, Rollback, rollback
from quaymaster.domain.statuses import DeploymentReason
from quaymaster.store.deployments import freezes
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.queue import Wakeup, enqueue
from quaymaster.store.releases import releases as rows

NO_TARGET = "previous deployment"
BY_ITSELF = DeploymentReason.REDEPLOY_TRIGGER  # one that fails is answered by no other
BECAUSE_ONE_FAILED = "Redeployed because a newer deployment failed"


@dataclass(frozen=True, slots=True)
class Environment:
    """Where to go back: the environment, its definition, and its place among permissions."""

    id: int
    definition_id: int
    name: str
    token: str


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """`to` names a release instead of the one before; `override` says why despite a freeze.

    A blank `override` says nothing. One `is_automatic` that nobody asked for: a deployment failed.
    """

    to: ReleaseId | None = None
    override: str = ""
    comment: str = ""
    holds: bool = True
    is_automatic: bool = False


async def planned(
    connection: Connection, environment: Environment, to: ReleaseId | None = None
) -> Rollback:
    """What a rollback would do now. Raises NotFound when there is nothing to go back to."""
    found = rollback(await freezes.past(connection, environment.id, to), to=to)
    if found is None:
        what = f"deployment of release {to} that ended well" if to else "previous deployment"
        text = f"{environment.name} has no {what} to go back to."
        raise NotFound(NO_TARGET, environment.name, text)
    return found


async def roll_back(
    connection: Connection, call: Call, environment: Environment, request: RollbackRequest
) -> StageId:
    """Cancel what is under way, then deploy the target; the stage that it is deployed in.

    All of it or nothing, while no other decision about the definition's releases is under way, so
    that concurrent rollbacks and deployments come one after the other. Raises Refused of the kind
    "frozen", NotFound without a target, Conflict while the target's own attempt is still
    stopping, Forbidden (manage deployments; override freezes).
    """
    request = replace(request, override=request.override.strip())
    call.require(Permission.MANAGE_DEPLOYMENTS, environment.token, environment.name)
    if request.override:
        call.require(Permission.OVERRIDE_FREEZES, environment.token, environment.name)
    await freezes.close_door(connection, environment.definition_id)
    await _check_open(connection, call, environment, request)
    found = await planned(connection, environment, request.to)
    why = _why(request)
    for row in found.canceled:
        await _stop(connection, call, row, why)
    if request.holds:
        await freezes.hold(
            connection, environment.id, environment.definition_id, why, call.by, call.now
        )
    return await _deploy(connection, call, found, request)


async def look_again(connection: Connection, call: Call, environment: Environment) -> None:
    """Wake whatever waits here; the rows are due, should the wake-ups be lost."""
    waiting = await freezes.make_environment_due(connection, environment.id, call.now)
    await enqueue(
        connection,
        [
            *(Wakeup(RELEASE, {"id": release}) for release in waiting),
            Wakeup(ENVIRONMENT, {"id": environment.id}),
        ],
    )


async def _check_open(
    connection: Connection, call: Call, environment: Environment, request: RollbackRequest
) -> None:
    standing = await _standing(connection, call, environment)
    if standing.freezes and not request.override:
        reason = standing.freezes[0].reason
        raise Refused(f"{environment.name} is frozen: {reason}", FROZEN)


async def _standing(connection: Connection, call: Call, environment: Environment) -> Standing:
    reaching = await freezes.reaching(connection, environment.id)
    stops, changes = freeze_times.in_force(reaching, call.now)
    return Standing(stops, changes)


def _why(request: RollbackRequest) -> str:
    if request.is_automatic:
        return "Rolled back because a deployment failed."
    return f"Rolled back: {request.comment}" if request.comment else "Rolled back."


async def _stop(connection: Connection, call: Call, row: Past, why: str) -> None:
    release = await _locked(connection, row.release)
    stage = release.stage(StageId(row.stage))
    if stage and stage.active:
        await stop(connection, call, row.release, stage, why)


async def _deploy(
    connection: Connection, call: Call, found: Rollback, request: RollbackRequest
) -> StageId:
    target = await _locked(connection, found.target.release)
    stage = target.stage(StageId(found.target.stage))
    if stage is None or stage.active:
        raise Conflict(
            f"A deployment of {target.name} itself is still stopping. Try again when it has ended."
        )
    event = DeploymentRequested(
        stage=stage.id,
        by=call.by,
        requested_for=call.by,
        reason=BY_ITSELF if request.is_automatic else DeploymentReason.MANUAL,
        trigger_reason=BECAUSE_ONE_FAILED if request.is_automatic else "Rollback",
        comment=request.comment,
        rolls_back=found.leaving.release,
        override=request.override,
    )
    await happen_within(connection, call, target.id, event)
    return stage.id


async def _locked(connection: Connection, release: ReleaseId) -> Release:
    found = await rows.locked(connection, release)
    if found is None:
        raise NotFound("release", release)
    return found

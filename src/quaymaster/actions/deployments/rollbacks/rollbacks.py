"""Bringing an environment back to its last success when a deployment failed (SEMANTICS 8.11)."""

import structlog

from quaymaster.actions.call import Call
from quaymaster.actions.decisions import freeze_times
from quaymaster.actions.decisions.orchestrate import deciding, happen_within
from quaymaster.domain.changes import DeploymentRequested
from quaymaster.domain.errors import Refused
from quaymaster.domain.record import Entry
from quaymaster.domain.statuses import DeploymentReason
from quaymaster.store.candidates import repositories
from quaymaster.store.deployments import freezes
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import history
from quaymaster.store.triggers import firing
from quaymaster.store.triggers.firing import Failed

REFUSED = "RollbackRefused"
NO_SUCCESS = "Nothing was rolled back: no release that may be deployed has succeeded there before."

_log = structlog.get_logger(__name__)


async def roll_back(call: Call, deployment_id: int) -> bool:
    """Answer one failed attempt; whether a redeployment was started.

    Nothing is started when there was no success before, when something newer was deployed to the
    environment since, or when the release of the last success cannot be deployed any more. While
    the environment is frozen the attempt stays unanswered: what is newest is looked at afterwards.
    Safe to call again: a failed attempt is answered once.
    """
    async with deciding(call) as connection:
        if await _is_frozen(connection, call, deployment_id):
            return False
        failed = await firing.taken_up(connection, deployment_id)
        if failed is None or failed.newest_in_environment != deployment_id:
            return False
        found = await firing.last_success(connection, failed.definition_stage_id, deployment_id)
        if found is None:
            await _refused(connection, call, failed, NO_SUCCESS)
            return False
        release, stage = found
        event = DeploymentRequested(
            stage=stage,
            by=None,
            requested_for=None,
            reason=DeploymentReason.REDEPLOY_TRIGGER,
            trigger_reason="Redeployed because a newer deployment failed",
            rolls_back=failed.release_id,
        )
        try:
            await happen_within(connection, call, release, event)
        except Refused as refusal:
            _log.warning(
                "a rollback was not possible", release=release, stage=stage, reason=str(refusal)
            )
            await _refused(connection, call, failed, str(refusal))
            return False
        await _hold(connection, call, failed)
        return True


async def _refused(connection: Connection, call: Call, failed: Failed, why: str) -> None:
    """Say in the history of the release that failed why nothing was rolled back."""
    await history.append(connection, failed.release_id, call.now, [Entry(REFUSED, comment=why)])


async def _is_frozen(connection: Connection, call: Call, deployment_id: int) -> bool:
    environment = await firing.environment_of(connection, deployment_id)
    reaching = await freezes.reaching(connection, environment) if environment else []
    return bool(freeze_times.in_force(reaching, call.now)[0])


async def _hold(connection: Connection, call: Call, failed: Failed) -> None:
    """In an environment that is set so nothing starts by itself until somebody resumes."""
    if await repositories.holds_after_rollback(connection, failed.definition_stage_id):
        await freezes.hold(
            connection,
            failed.definition_stage_id,
            failed.definition_id,
            "Rolled back because a deployment failed.",
            None,
            call.now,
        )

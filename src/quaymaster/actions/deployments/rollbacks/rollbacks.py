"""Bringing an environment back to its last success when a deployment failed (SEMANTICS 8.11)."""

import structlog

from quaymaster.actions.call import Call
from quaymaster.actions.candidates.candidates import FROZEN
from quaymaster.actions.decisions.orchestrate import deciding
from quaymaster.actions.deployments.rollbacks import rolling_back
from quaymaster.actions.deployments.rollbacks.requests import place
from quaymaster.actions.deployments.rollbacks.rolling_back import RollbackRequest
from quaymaster.actions.repositories import repositories
from quaymaster.domain.errors import Conflict, NotFound, Refused
from quaymaster.domain.record import Entry
from quaymaster.store.deployments import freezes
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import history
from quaymaster.store.triggers import firing
from quaymaster.store.triggers.firing import Failed

REFUSED = "RollbackRefused"
NO_SUCCESS = "Nothing was rolled back: no release that may be deployed has succeeded there before."
IS_GONE = "Nothing was rolled back: the environment has been deleted."
NOTHING_FOR = {rolling_back.NO_TARGET: NO_SUCCESS, "environment": IS_GONE, "definition": IS_GONE}

_log = structlog.get_logger(__name__)


async def roll_back(call: Call, deployment_id: int) -> bool:
    """Answer one failed attempt; whether a redeployment was started.

    Nothing is started when there was no success before, when something newer was deployed to the
    environment since, or when the release of the last success cannot be deployed any more. While
    the environment is frozen, or an attempt of the release to go back to is still stopping, the
    attempt stays unanswered: what is newest is looked at afterwards. Safe to call again: a failed
    attempt is answered once.
    """
    try:
        async with deciding(call) as connection:
            definition = await firing.definition_of_unanswered(connection, deployment_id)
            if definition is None:
                return False
            await freezes.close_door(connection, definition)
            failed = await firing.taken_up(connection, deployment_id)
            if failed is None or failed.newest_in_environment != deployment_id:
                return False
            return await _answer(connection, call, failed)
    except (Conflict, Refused) as trouble:
        _log.info("a rollback has to wait", deployment=deployment_id, reason=str(trouble))
        return False


async def _answer(connection: Connection, call: Call, failed: Failed) -> bool:
    """Roll back, or say in the history of the release that failed why nothing was.

    Raises Conflict, and Refused of the kind "frozen": then it stays unanswered.
    """
    try:
        async with connection.transaction():  # all of it or nothing
            await _roll_back(connection, call, failed)
    except (NotFound, Refused) as refusal:
        if isinstance(refusal, Refused) and refusal.kind == FROZEN:
            raise
        why = NOTHING_FOR.get(refusal.kind) or str(refusal)
        _log.warning("a rollback was not possible", release=failed.release_id, reason=why)
        told = [Entry(REFUSED, comment=why)]
        await history.append(connection, failed.release_id, call.now, told)
        return False
    return True


async def _roll_back(connection: Connection, call: Call, failed: Failed) -> None:
    found = await repositories.numbered(
        connection, call, failed.definition_id, failed.definition_stage_id
    )
    request = RollbackRequest(holds=repositories.holds_after_rollback(found), is_automatic=True)
    await rolling_back.roll_back(connection, found.call, place(found), request)

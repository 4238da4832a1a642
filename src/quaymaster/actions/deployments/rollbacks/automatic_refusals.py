"""What was to happen to a candidate by itself and did not, as its history keeps it."""

from quaymaster.actions.call import Call
from quaymaster.actions.candidates import following_builds
from quaymaster.actions.deployments.rollbacks import rollbacks
from quaymaster.store.releases import history
from quaymaster.store.releases.history import HistoryLine

KINDS = (following_builds.REFUSED, rollbacks.REFUSED)


async def of(call: Call, release: int) -> list[HistoryLine]:
    """Automatic deployments that were refused, and failures that nothing was rolled back for, the
    oldest first, for whoever may look at the candidate."""
    async with call.database.read() as connection:
        lines = await history.of_release(connection, release)
    return [line for line in lines if line.kind in KINDS]

"""Letting waiting attempts into an environment, in its own order (SEMANTICS 11)."""

from quaymaster.actions.call import Call
from quaymaster.actions.orchestrate import happen_within
from quaymaster.domain.changes import SlotGranted, Superseded
from quaymaster.domain.queueing import next_moves
from quaymaster.store import queueing


async def admit(call: Call, environment: int) -> int:
    """Grant free slots and supersede who no longer counts; how many attempts were moved.

    The environment's row is locked before any release's (DESIGN 4), so that two workers looking
    at the same time cannot both hand out the last slot.
    """
    async with call.database.transaction() as connection:
        queue = await queueing.locked(connection, environment)
        if queue is None:
            return 0
        moves = next_moves(queue.standings)
        for standing, newer in moves.superseded:
            event = Superseded(standing.stage, standing.attempt, newer)
            await happen_within(connection, call, standing.release, event)
        for standing in moves.granted:
            granted = SlotGranted(standing.stage, standing.attempt)
            await happen_within(connection, call, standing.release, granted)
    return len(moves.granted) + len(moves.superseded)

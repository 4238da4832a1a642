"""Removing objects that no row knows and nobody can still be writing, once a day."""

from datetime import timedelta

from quaymaster.actions.build_publishing import forget
from quaymaster.actions.call import Call
from quaymaster.actions.turns import once_a_day
from quaymaster.store import leftovers
from quaymaster.store.leftovers import Place

TURN = "leftovers"
LEFT_AFTER = timedelta(days=1)  # longer than anybody takes from storing an object to its row


async def sweep_if_due(call: Call) -> int:
    """Sweep once a day, in one process; how many objects were removed."""
    return await once_a_day(call, TURN, sweep)


async def sweep(call: Call) -> int:
    """Remove what was stored more than a day ago and no row names; how many objects. Raises
    StorageUnavailable."""
    removed = 0
    for place in Place:
        async for keys in call.installation.files.older(f"{place}/", call.now - LEFT_AFTER):
            async with call.database.read() as connection:
                unknown = await leftovers.unknown(connection, place, keys)
            await forget(call, unknown)
            removed += len(unknown)
    return removed

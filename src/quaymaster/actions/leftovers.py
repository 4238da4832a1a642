"""Removing objects that no row knows and nobody can still be writing, once a day."""

from datetime import timedelta

import structlog

from quaymaster.actions.build_publishing import forget
from quaymaster.actions.call import Call
from quaymaster.actions.turns import once_a_day
from quaymaster.store import leftovers, projects
from quaymaster.store.leftovers import Place

TURN = "leftovers"
OWNER = "owner"  # the object that says whose the storage is
LEFT_AFTER = timedelta(days=1)  # longer than anybody takes from storing an object to its row

_log = structlog.get_logger(__name__)


async def sweep_if_due(call: Call) -> int:
    """Sweep once a day, in one process; how many objects were removed."""
    return await once_a_day(call, TURN, sweep)


async def sweep(call: Call) -> int:
    """Remove what was stored more than a day ago and no row names; how many objects. Nothing in a
    storage that another installation uses, too. Raises StorageUnavailable."""
    if not await _is_ours(call):
        return 0
    removed = 0
    for place in Place:
        async for keys in call.installation.files.older(f"{place}/", call.now - LEFT_AFTER):
            async with call.database.read() as connection:
                unknown = await leftovers.unknown(connection, place, keys)
            await forget(call, unknown)
            removed += len(unknown)
    return removed


async def _is_ours(call: Call) -> bool:
    """Whether the storage is this installation's alone; the first one that sweeps it owns it."""
    files = call.installation.files
    async with call.database.read() as connection:
        own = str(await projects.installation_id(connection)).encode()
    owner = await files.find(OWNER)
    if owner is None:
        await files.put(OWNER, own)
        return True
    if owner != own:
        _log.warning("another installation keeps its files in the same storage; nothing is swept")
    return owner == own

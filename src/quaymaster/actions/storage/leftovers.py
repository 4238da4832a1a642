"""Removing objects that no row knows and nobody can still be writing, once a day: those of files of
builds that were replaced, too, which are not removed at once because somebody may be reading them.

Only its owner sweeps a storage: the object `owner` names the installation, and a mark that changes
at every sweep and that the database knows, too. Of two installations on copies of one database the
first to sweep changes the mark, and the other one sweeps no more.
"""

from datetime import timedelta
from uuid import uuid4

import structlog

from quaymaster.actions.call import Call
from quaymaster.actions.storage.stored_objects import forget
from quaymaster.actions.storage.turns import once_a_day
from quaymaster.store.people import projects
from quaymaster.store.storage import leftovers
from quaymaster.store.storage.leftovers import Place

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
    owner = await _claimed(call)
    if owner is None:
        _log.warning(
            "another installation, or a copy of this one, owns the storage; nothing is swept",
            way_out=f"give this one a storage of its own, or remove the object {OWNER!r} if no"
            " other uses it",
        )
        return 0
    removed = 0
    for place in Place:
        async for keys in call.installation.files.older(f"{place}/", call.now - LEFT_AFTER):
            async with call.database.read() as connection:
                unknown = await leftovers.unknown(connection, place, keys)
            if await call.installation.files.find(OWNER) != owner:
                return removed  # somebody else claimed it in the same moment
            await forget(call, unknown)
            removed += len(unknown)
    return removed


async def _claimed(call: Call) -> bytes | None:
    """What the owner object says now that this installation claimed the storage anew, None when it
    is somebody else's. Two marks count, so that a claim that was cut short can be made again."""
    files = call.installation.files
    mark = str(uuid4())
    async with call.database.read() as connection:
        own = str(await projects.installation_id(connection))
        known = await leftovers.marks(connection)
    owner = await files.find(OWNER)
    told = next((one for one in known if owner == _owner(own, one)), None)
    if owner is not None and told is None:
        return None
    async with call.database.transaction() as connection:
        await leftovers.keep_marks(connection, [mark] if told is None else [told, mark])
    await files.put(OWNER, _owner(own, mark))
    return _owner(own, mark)


def _owner(installation: str, mark: str) -> bytes:
    return f"{installation} {mark}".encode()

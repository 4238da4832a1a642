"""Objects of the storage, which are removed after the rows that named them."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import structlog

from quaymaster.actions.call import Call
from quaymaster.store.storage.object_storage import StorageUnavailable

_log = structlog.get_logger(__name__)


async def forget(call: Call, keys: Iterable[str]) -> None:
    """Remove objects that no row names any more; one that stays costs only its space, until the
    sweep of the storage finds it."""
    for key in keys:
        try:
            await call.installation.files.remove(key)
        except StorageUnavailable as error:
            _log.warning("a file was left behind", key=key, reason=str(error))


@asynccontextmanager
async def named_or_forgotten(call: Call, key: str) -> AsyncIterator[None]:
    """In the block a row comes to name the object of this key; without it the object goes."""
    try:
        yield
    except Exception:
        await forget(call, [key])
        raise

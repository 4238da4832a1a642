"""Answers that are sent in pieces, from storages that may be away."""

from collections.abc import AsyncIterator


async def begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same pieces, of which the first has been read: a storage that is away, or has lost what
    is asked for, can still be told with a status. Raises what reading it raises."""
    first = await anext(pieces, b"")
    return _from(first, pieces)


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in rest:
        yield piece

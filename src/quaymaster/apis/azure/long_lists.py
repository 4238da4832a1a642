"""Pages that may hold much: read in parts, and sent part by part where they are large (0023).

A page of 10,000 whole definitions is a gigabyte; all that is held of it at any moment is one part.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from litestar import Response
from litestar.response import Stream

from quaymaster.apis.azure.asked import AzureRequest

LIGHT = 500  # entries of a few KB in a part
LINES = 200  # entries for which documents are read, one after the other
WHOLE = 10  # entries with documents, which are decoded and so take ten times their size
SENT_AT_ONCE = 1024 * 1024  # bytes; what is smaller has a length
PIECE = 64 * 1024  # bytes; some of them wait in the HTTP server for each client that is slow

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Part(Generic[K]):
    """Some of a list: `limit` entries from the key `start` on (None: the first), before `until`."""

    limit: int
    start: K | None = None
    until: K | None = None


@dataclass(frozen=True, slots=True)
class Entries(Generic[K]):
    """Entries as JSON, joined by commas, how many they are, and the key of the first one that
    follows (None at the end)."""

    text: bytes
    count: int
    next: K | None = None


Read = Callable[[Part[K]], Awaitable[Entries[K]]]


async def answer(
    request: AzureRequest,
    page: Part[K],
    size: int,
    read: Read[K],
    end: Callable[[], Awaitable[K | None]],
    token: Callable[[K], int | str],
) -> Response[bytes] | Stream:
    """The page, read in parts of `size` entries by `read`.

    `end` tells where the next page begins: its `token` stands in a header, before all entries.
    """
    first = await read(replace(page, limit=min(size, page.limit)))
    if first.next is None or page.limit <= size:
        following = None if first.next is None else token(first.next)
        return request.joined(first.text, first.count, following)
    until = await end()
    parts = _parts(first, Part(size, until=until), read)
    return await collected(request, parts, None if until is None else token(until))


async def _parts(first: Entries[K], following: Part[K], read: Read[K]) -> AsyncIterator[Entries[K]]:
    yield first
    start = first.next
    while start is not None:
        part = await read(replace(following, start=start))
        yield part
        start = part.next


async def collected(
    request: AzureRequest, parts: AsyncIterator[Entries[K]], token: int | str | None = None
) -> Response[bytes] | Stream:
    """`{count, value}` of all parts: in one piece, or while they are read where they are large."""
    held: list[Entries[K]] = []
    size = 0
    async for part in parts:
        held.append(part)
        size += len(part.text)
        if size > SENT_AT_ONCE:
            headers = request.continued(token)
            pieces = _sent(held, parts)
            return Stream(pieces, media_type=request.json_kind, headers=headers, status_code=200)
    text = b",".join(part.text for part in held if part.count)
    return request.joined(text, sum(part.count for part in held), token)


async def _sent(
    held: list[Entries[K]], following: AsyncIterator[Entries[K]]
) -> AsyncIterator[bytes]:
    """`count` stands at the end: what is deleted meanwhile, or may not be seen, is not in it."""
    count, before = 0, b'{"value":['
    async for part in _joined(held, following):
        if part.count:
            yield before
            for begin in range(0, len(part.text), PIECE):
                yield part.text[begin : begin + PIECE]
            count, before = count + part.count, b","
    yield (before if count == 0 else b"") + b'],"count":%d}' % count


async def _joined(
    held: list[Entries[K]], following: AsyncIterator[Entries[K]]
) -> AsyncIterator[Entries[K]]:
    while held:
        yield held.pop(0)
    async for part in following:
        yield part

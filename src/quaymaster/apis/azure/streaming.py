"""Answers that are sent in pieces, from storages that may be away."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping

from litestar.response import Stream

from quaymaster.apis.azure.errors import Problem

# Eight of them wait in the HTTP server for each client that is slow. With 1 MiB that was more than
# twice the memory, and with 128 KiB a fast client had half the speed.
SENT_BYTES = 256 * 1024
ASKED = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")


def asked_part(asked: str, size: int) -> tuple[int, int] | None:
    """The first and the last byte that a `Range` asks for (RFC 9110 14.2); None, which is all of
    it, for several parts or what cannot be read. Raises Problem 416 for a part behind the end."""
    match = ASKED.fullmatch(asked.strip())
    if match is None:
        return None
    begin, end, of_the_end = match.groups()
    if of_the_end:
        first, last = max(0, size - int(of_the_end)), size - 1
        is_there = size > 0 and int(of_the_end) > 0
    else:
        first, last = int(begin), min(int(end), size - 1) if end else size - 1
        if end and int(end) < first:
            return None
        is_there = first < size
    if not is_there:
        text = f"The file has {size} bytes; the Range {asked[:80]!r} lies outside of it."
        headers = {"Content-Range": f"bytes */{size}"}
        raise Problem(416, "InvalidRequestException", text, headers)
    return first, last


async def streamed(
    pieces: AsyncIterator[bytes],
    kind: str,
    headers: Mapping[str, str] | None = None,
    status: int = 200,
) -> Stream:
    """An answer of this media type, of which the first piece has been read: a storage that is away,
    or has lost what is asked for, can still be told with a status. Raises what reading it raises.
    """
    first = await anext(pieces, b"")
    return Stream(_from(first, pieces), media_type=kind, headers=headers, status_code=status)


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for part in _cut(first):
        yield part
    async for piece in rest:
        for part in _cut(piece):
            yield part


def _cut(piece: bytes) -> Iterator[bytes]:
    for begin in range(0, len(piece), SENT_BYTES):
        yield piece[begin : begin + SENT_BYTES]

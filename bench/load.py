"""Plain HTTP requests that cost little: the machine's cores are the product's, too.

A client like httpx takes as much of them for a short request as the product does.
"""

import asyncio
import base64
import re
import time
from collections.abc import Callable, Sequence
from typing import cast

Next = Callable[[], bytes | None]  # the next request; None when it is enough


class Asking(asyncio.Protocol):
    """One connection that asks again as soon as it is answered, and reads no more than it must."""

    def __init__(self, following: Next, taken: list[float]) -> None:
        self._following = following
        self._taken = taken
        self._head = b""
        self._missing = 0  # bytes of the body
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            head, found, rest = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if not (head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")) and length):
                self.done.set_exception(ValueError(self._head.decode()))
                self._transport.close()
                return
            self._head = b""
            self._missing = int(length[1]) - len(rest)
        if not self._missing:
            self._taken.append((time.perf_counter() - self._begun) * 1000)
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("The server hung up."))

    def _ask(self) -> None:
        request = self._following()
        if request:
            self._begun = time.perf_counter()
            self._transport.write(request)
        else:
            self.done.set_result(None)
            self._transport.close()


def written(method: str, url: str, token: str, path: str, body: bytes = b"") -> bytes:
    """A request as it goes over the line; a body is JSON."""
    credentials = base64.b64encode(f":{token}".encode()).decode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: {url.removeprefix('http://')}\r\n"
        f"Authorization: Basic {credentials}\r\n"
    )
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def answered(url: str, following: Sequence[Next], seconds: float) -> list[float]:
    """The milliseconds of each answer, in order of size, that as many connections get as there are
    sources of requests, each asking again as soon as it is answered.

    Raises ValueError with the answer for any but 200 and 201, ConnectionError when the server
    hangs up.
    """
    ends = time.perf_counter() + seconds

    def until_the_end(following: Next) -> Next:
        return lambda: following() if time.perf_counter() < ends else None

    return sorted(await _all_asked(url, [until_the_end(one) for one in following]))


async def asked(url: str, requests: Sequence[bytes]) -> list[float]:
    """The milliseconds of each answer, in order of asking, one after the other. Raises what
    `answered` raises."""
    left = iter(requests)
    return await _all_asked(url, [lambda: next(left, None)])


async def _all_asked(url: str, following: Sequence[Next]) -> list[float]:
    host, _, port = url.removeprefix("http://").partition(":")
    taken: list[float] = []
    loop = asyncio.get_running_loop()
    opened = [
        (await loop.create_connection(lambda one=one: Asking(one, taken), host, int(port)))[1]
        for one in following
    ]
    await asyncio.gather(*(asking.done for asking in opened))
    return taken

"""The messages of ASGI, as the edges of all contracts read and send them."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

from litestar.types import Message, Scope

Headers = dict[bytes, bytes]


def raw_path(scope: Scope) -> bytes:
    """The path as it came over the wire, without its query."""
    raw = scope.get("raw_path")
    path: bytes = raw or quote(scope["path"], safe="/%:@!$&'()*+,;=~").encode()
    return path.partition(b"?")[0]


def header(headers: Headers, name: bytes) -> str:
    """A header by its name in lower case, "" without it."""
    return headers.get(name, b"").decode("latin-1")


async def answer(
    send: Callable[[Message], Awaitable[None]],
    status: int,
    headers: Mapping[str, str],
    body: bytes,
) -> None:
    """Send a whole answer; how long it is is added to its headers."""
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    pairs.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body, "more_body": False})

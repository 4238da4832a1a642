"""The messages of ASGI, as the edges of all contracts read and send them."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

from litestar.types import Message, Scope

from quaymaster.apis.shared.refusals import BadRequest, HeadersTooLarge

Headers = dict[bytes, bytes]

LONGEST_HEADERS = 64 * 1024  # tickets of a directory take some 48 KiB
LONGEST_HOST = 261  # of a name in DNS and a port


def raw_path(scope: Scope) -> bytes:
    """The path as it came over the wire, without its query."""
    raw = scope.get("raw_path")
    path: bytes = raw or quote(scope["path"], safe="/%:@!$&'()*+,;=~").encode()
    return path.partition(b"?")[0]


def check_headers(scope: Scope) -> None:
    """Raise HeadersTooLarge for more than anybody needs (R-42), BadRequest for a Host that is no
    address: every link of an answer repeats it.
    """
    size = sum(len(name) + len(value) for name, value in scope["headers"])
    if size > LONGEST_HEADERS:
        raise HeadersTooLarge(
            f"The headers have {size} bytes; no more than {LONGEST_HEADERS} are read."
        )
    if any(name == b"host" and len(value) > LONGEST_HOST for name, value in scope["headers"]):
        raise BadRequest(f"The Host header is longer than {LONGEST_HOST} bytes.")


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

"""The one client for outgoing HTTP: it reaches allowed addresses only, and is bounded throughout.

The address is checked at the moment of connecting, and the connection goes to the address that
was checked, so that a name which resolves differently the second time gains nothing (R-13).
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpcore
import httpx

from quaymaster.outgoing.addresses import AllowedAddresses, NotAllowed
from quaymaster.outgoing.requests import Unreachable, WebAnswer, WebRequest

Taker = Callable[[bytes], object]

MOST_REDIRECTS = 5
MOST_BYTES = 1024 * 1024
SECONDS = 20.0  # SEMANTICS 20.3
REDIRECTS = {301, 302, 303, 307, 308}
# What may go with a redirect to somewhere else: none of these authenticates.
HARMLESS_HEADERS = {"accept", "content-type", "user-agent"}
NOT_TAKEN_OVER = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}


class GuardedClient:
    """Makes requests one at a time, each on a connection of its own; safe to share."""

    def __init__(
        self,
        allowed: AllowedAddresses,
        *,
        seconds: float = SECONDS,
        most_bytes: int = MOST_BYTES,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = allowed
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._given_trust = trust

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """Read at the first request: many a process never makes one."""
        return self._given_trust or ssl.create_default_context()

    async def ask(self, request: WebRequest) -> WebAnswer:
        """The answer to a request, after at most five redirects, whatever its status.

        Raises Unreachable with a sentence that names the host and no credentials: when the address
        is not allowed, nobody answers in time, the answer is too large, or redirects do not end.
        """
        return await self._told(request, self._seconds, None)

    async def save(self, request: WebRequest, take: Taker, most_bytes: int) -> WebAnswer:
        """The same for an answer of any size: what a success brings goes to `take` piece by piece.

        It may take as long as it takes, but must not pause for longer than other answers may take
        altogether. The body of the answer is empty, or says what went wrong. Raises Unreachable.
        """
        return await self._told(request, None, _Limited(take, most_bytes))

    async def _told(
        self, request: WebRequest, seconds: float | None, into: "_Limited | None"
    ) -> WebAnswer:
        where, passed = _place(request.url), list[str]()
        try:
            async with asyncio.timeout(seconds):
                return await self._followed(request, into, passed)
        except NotAllowed as error:
            raise Unreachable(str(error), may_have_arrived=bool(passed)) from None
        except TimeoutError:
            text = f"{where} did not answer completely within {self._seconds:g} seconds."
            raise Unreachable(text) from None
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            text = f"{where} cannot be reached: {_reason(error)}."
            raise Unreachable(text, may_have_arrived=bool(passed)) from None
        except (httpcore.NetworkError, httpcore.TimeoutException, OSError) as error:
            raise Unreachable(f"{where} cannot be reached: {_reason(error)}.") from None
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise Unreachable(f"{where} does not speak HTTP as it should: {error}.") from None

    async def _followed(
        self, request: WebRequest, into: "_Limited | None", passed: list[str]
    ) -> WebAnswer:
        """The answer after redirects, whose places go to `passed`: who redirected may have acted
        on the request."""
        while True:
            answer = await self._asked(request, into)
            target = answer.headers.get("location")
            if answer.status not in REDIRECTS or not target:
                return WebAnswer(answer.status, answer.headers, answer.body, tuple(passed))
            if len(passed) == MOST_REDIRECTS:
                raise Unreachable(
                    f"{_place(request.url)} redirects again after {MOST_REDIRECTS} redirects."
                )
            request = _redirected(request, answer.status, target)
            passed.append(_place(request.url))

    async def _asked(self, request: WebRequest, into: "_Limited | None") -> WebAnswer:
        url = _checked(request.url)
        headers = [*_headers(request.headers, url), (b"accept-encoding", b"identity")]
        network = _CheckedNetwork(self._allowed)
        async with (
            httpcore.AsyncConnectionPool(
                ssl_context=self._trust, network_backend=network, max_keepalive_connections=0
            ) as pool,
            pool.stream(
                request.method.upper(),
                httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=headers,
                content=request.body,
                extensions={"timeout": dict.fromkeys(("connect", "read", "write"), self._seconds)},
            ) as response,
        ):
            found = {name.decode().lower(): _text(value) for name, value in response.headers}
            _check_plain(found, request.url)
            if into is not None and 200 <= response.status < 300:
                await into.take(response, request.url)
                return WebAnswer(response.status, found, b"")
            return WebAnswer(response.status, found, await self._body(response, request.url))

    async def _body(self, response: httpcore.Response, url: str) -> bytes:
        body = bytearray()
        async for part in response.aiter_stream():
            body += part
            if len(body) > self._most_bytes:
                raise _too_much(url, self._most_bytes)
        return bytes(body)


@dataclass(frozen=True, slots=True)
class _Limited:
    """Where the pieces of a long answer go, and how many bytes there may be."""

    into: Taker
    most_bytes: int

    async def take(self, response: httpcore.Response, url: str) -> None:
        taken = 0
        async for part in response.aiter_stream():
            taken += len(part)
            if taken > self.most_bytes:
                raise _too_much(url, self.most_bytes)
            self.into(part)


def _too_much(url: str, most_bytes: int) -> Unreachable:
    return Unreachable(
        f"{_place(url)} answered more than {most_bytes} bytes; the rest was not read."
    )


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Resolves a name once, checks every address, and connects to one of those."""

    def __init__(self, allowed: AllowedAddresses) -> None:
        self._allowed = allowed
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is the library's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await _resolved(host, port)
        for address in addresses:
            self._allowed.check(host, address)
        problem: Exception = httpcore.ConnectError("its name has no address")
        for address in addresses:
            try:
                return await self._sockets.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _resolved(host: str, port: int) -> list[str]:
    """The addresses of a name or of any written form of an address, in order, once each."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise httpcore.ConnectError("its name cannot be resolved") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _checked(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise Unreachable("The address to call is not a URL.") from None
    try:
        named = bool(url.host)
    except UnicodeError:
        raise Unreachable("The host of the address to call is not a name.") from None
    if url.scheme not in ("http", "https") or not named:
        scheme = url.scheme[:20] or "no scheme"
        raise Unreachable(f"Only http:// and https:// addresses are called, not {scheme}.")
    return url


def _headers(given: Mapping[str, str], url: httpx.URL) -> list[tuple[bytes, bytes]]:
    headers = [(b"host", url.netloc)]
    for name, value in given.items():
        if name.lower() in NOT_TAKEN_OVER:
            continue
        try:
            headers.append((name.encode("ascii"), value.strip().encode("latin-1")))
        except UnicodeEncodeError:
            raise Unreachable("A header of the request has characters HTTP cannot send.") from None
    return headers


def _check_plain(headers: Mapping[str, str], url: str) -> None:
    """An answer that is packed although we asked for a plain one may unpack to anything."""
    packed = headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        raise Unreachable(f"{_place(url)} answered in the encoding {packed[:20]}; we ask for none.")


def _redirected(request: WebRequest, status: int, target: str) -> WebRequest:
    """What to ask next: credentials go only to where they were meant for."""
    old = httpx.URL(request.url)
    try:
        new = old.join(target)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise Unreachable(f"{_place(request.url)} redirects to what is not a URL.") from None
    same = (old.scheme, old.host, old.port) == (new.scheme, new.host, new.port)
    headers = {
        name: value
        for name, value in request.headers.items()
        if same or name.lower() in HARMLESS_HEADERS
    }
    becomes_get = status == 303 or (status in (301, 302) and request.method.upper() == "POST")
    method = "GET" if becomes_get and request.method.upper() != "HEAD" else request.method
    return WebRequest(method, str(new), headers, b"" if becomes_get else request.body)


def _place(text: str) -> str:
    """Scheme, host and port of a URL: what may be told of it."""
    try:
        url = httpx.URL(text)
        host = url.host
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return "The address"
    return f"{url.scheme}://{host}{f':{url.port}' if url.port else ''}"


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({cause.verify_message})"
    return str(error).rstrip(".") or type(error).__name__


def _text(value: bytes) -> str:
    return value.decode("latin-1")

"""Heads and bodies that nobody can use are the sender's fault, in the words of either API (A.7,
AVIATOR 3, R-42)."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from itertools import count
from typing import Any

import pytest

from quaymaster.actions.people import people
from quaymaster.apis.aviator import router as aviator
from quaymaster.apis.azure import router as azure
from quaymaster.apis.shared import lasting, messages, remembering, requests
from quaymaster.apis.shared.lasting import CutOff, Lasting
from quaymaster.apis.shared.refusals import NotSignedIn
from quaymaster.store.postgres.database import DatabaseUnavailable
from tests.apis.azure.server import MAX_BODY, Server, elsewhere, serving


@pytest.fixture
async def server(database, tmp_path):
    async with serving(database, tmp_path) as running:
        yield running


BEGUN = {"type": "http.request", "body": b'{"name": ', "more_body": True}
AZURE = "/default/Default/_apis/release/definitions"
AVIATOR = "/api/releases/web/environments"


async def posted(
    server: Server,
    path: str,
    receive: Callable[[], Awaitable[dict[str, Any]]],
    headers: Iterable[tuple[bytes, bytes]] = (),
    token: str = "",
) -> tuple[int, dict[str, Any]]:
    """The answer to a POST whose body comes as `receive` has it."""
    answered: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "client": ("127.0.0.1", 1),
        "server": ("quay.example", 80),
        "headers": [
            (b"authorization", f"Bearer {token or server.token}".encode()),
            (b"content-type", b"application/json"),
            (b"transfer-encoding", b"chunked"),
            *(headers or [(b"host", b"quay.example")]),
        ],
    }
    inner = aviator.edge(elsewhere, lambda: server.installation, MAX_BODY)
    app = azure.edge(inner, lambda: server.installation, MAX_BODY)
    await app(scope, receive, send)  # type: ignore[arg-type]
    body = b"".join(message.get("body", b"") for message in answered)
    return answered[0]["status"], json.loads(body)


async def never() -> dict[str, Any]:
    """Nothing ever comes."""
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_body_that_breaks_off_is_a_bad_request(server: Server):
    def breaking_off() -> Callable[[], Awaitable[dict[str, Any]]]:
        told = iter([BEGUN, {"type": "http.disconnect"}])

        async def receive() -> dict[str, Any]:
            return next(told)

        return receive

    status, body = await posted(server, AZURE, breaking_off())
    assert (status, body["typeKey"]) == (400, "VssRequestInvalidException")
    assert "breaks off" in body["message"]
    status, body = await posted(server, AVIATOR, breaking_off())
    assert status == 400
    assert "breaks off" in body["error"]


async def test_a_body_of_which_nothing_comes_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(requests, "MOST_SILENT_SECONDS", 0.01)
    status, body = await posted(server, AZURE, never)
    assert (status, body["typeKey"]) == (408, "VssRequestTimeoutException")
    assert body["message"] == "Nothing came for 0.01 seconds; send the body again."
    status, body = await posted(server, AVIATOR, never)
    assert status == 408
    assert "Nothing came" in body["error"]


async def test_a_body_that_comes_in_drops_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(requests, "LONGEST_BODY_SECONDS", 0.01)

    async def dripping() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"", "more_body": True}

    for path in (AZURE, AVIATOR):
        status, body = await posted(server, path, dripping)
        assert status == 408
        assert "was not there after 0.01 seconds" in str(body)


@pytest.mark.parametrize("path", [AZURE, AVIATOR])
async def test_headers_that_nobody_needs_are_refused_unread(
    server: Server, path: str, monkeypatch: pytest.MonkeyPatch
):
    """Every link of an answer repeats the Host: one of 2 MB would make a list of gigabytes."""
    monkeypatch.setattr(requests, "MOST_SILENT_SECONDS", 0.01)
    for header, expected in [
        ((b"x-a", b"a" * messages.LONGEST_HEADERS), 431),
        ((b"authorization", b"Bearer " + b"a" * messages.LONGEST_HEADERS), 431),
        ((b"host", b"a" * messages.LONGEST_HOST), 408),
        ((b"host", b"a" * (messages.LONGEST_HOST + 1)), 400),
    ]:
        status, body = await posted(server, path, never, [header])
        assert status == expected, header[0]
        assert len(str(body)) < 2000


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch):
    """Whoever takes long is asked for again at every piece, and nothing is remembered."""
    monkeypatch.setattr(lasting, "RECHECK_SECONDS", 0)
    clock = count(step=5)
    monkeypatch.setattr(remembering, "monotonic", lambda: next(clock))


WHOLE = b'{"name": "staging", "repository": "o/r"}'


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("path", [AZURE, AVIATOR])
async def test_what_was_begun_with_a_good_token_is_not_done_after_its_end(
    server: Server, path: str
):
    """R-06: a request of which the last byte is kept back is no way to act after being shut out."""
    group = "Project Administrators"

    def body(happens: Awaitable[None] | None) -> Callable[[], Awaitable[dict[str, Any]]]:
        pieces = iter((WHOLE[:9], WHOLE[9:]))

        async def receive() -> dict[str, Any]:
            piece = next(pieces)
            if happens and piece == WHOLE[9:]:
                await happens
            return {"type": "http.request", "body": piece, "more_body": piece != WHOLE[9:]}

        return receive

    less = people.remove_from_group(server.database, group, "loser", "Default")
    shut_out = people.set_active(server.database, "leaver", active=False)
    answers = [
        await posted(server, path, body(happens), token=await server.user(name, groups=(group,)))
        for name, happens in (("stayer", None), ("loser", less), ("leaver", shut_out))
    ]
    allowed, *refused = [status for status, _ in answers]
    assert allowed not in (401, 403)
    assert refused == [403, 401]


@pytest.mark.usefixtures("quickly")
async def test_an_answer_under_way_is_broken_off_when_its_reader_is_shut_out(
    monkeypatch: pytest.MonkeyPatch,
):
    sent: list[Any] = []
    is_good = True

    async def check() -> None:
        if not is_good:
            raise NotSignedIn("ended")

    async def take(message: Any) -> None:
        sent.append(message["body"])

    def piece(text: bytes, *, more: bool = True) -> Any:
        return {"type": "http.response.body", "body": text, "more_body": more}

    request = Lasting(never, take, check)  # type: ignore[arg-type]
    await request.send(piece(b"1"))
    is_good = False
    with pytest.raises(CutOff):
        await request.send(piece(b"2"))
    assert (sent, request.is_cut) == ([b"1"], True)

    monkeypatch.setattr(lasting, "MOST_STUCK_SECONDS", 0.01)
    stuck = Lasting(never, lambda _: never(), None)  # type: ignore[arg-type,return-value]
    with pytest.raises(CutOff):
        await stuck.send(piece(b"1"))


async def test_while_the_database_is_away_nobody_is_broken_off(quickly: None):
    async def check() -> None:
        raise DatabaseUnavailable("away")

    async def whole() -> Any:
        return {"type": "http.request", "body": b"1", "more_body": False}

    assert (await Lasting(whole, whole, check).receive())["body"] == b"1"  # type: ignore[arg-type]

"""Connections that are slow, idle, ambiguous or hurried leave everybody else unaffected (R-42)."""

import base64
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from quaymaster.actions.people import people
from quaymaster.store.postgres.database import connect
from tests.apis.azure.build.asking import definition as build_definition
from tests.server.product import Product
from tests.server.test_parts import Part
from tests.server.waiting import until

IDLE = 600
ENDLESS = 20
TOKEN = "an-administrators-token-for-the-tests"
LIVE = b"GET /health/live HTTP/1.1\r\nHost: a\r\n"


@pytest.fixture
def api(tmp_path: Path, fresh_database_url: str) -> Iterator[Product]:
    """The API alone, without database and worker of its own."""
    made = Part(tmp_path / "api", {"QUAYMASTER_DATABASE_URL": fresh_database_url})
    made.begin("serve", "--port", str(made.port))
    until(lambda: made.has_said("Serving") and made.is_ready(), "the API to be ready")
    yield made
    made.stop()


def said(api: Product, sent: bytes) -> bytes:
    """Everything that is answered to these bytes, until the server hangs up or falls silent."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=5) as line:
        line.sendall(sent)
        got = b""
        try:
            while more := line.recv(65536):
                got += more
        except (TimeoutError, ConnectionResetError):
            pass
        return got


def is_served(api: Product) -> bool:
    return httpx.get(f"{api.url}/health/live", timeout=10).status_code == 200


def test_many_idle_and_half_said_requests_hold_up_nobody(api: Product):
    with ExitStack() as lines:
        for number in range(IDLE):
            line = lines.enter_context(socket.create_connection(("127.0.0.1", api.port)))
            if number % 3 == 1:
                line.sendall(LIVE)  # the head does not end
            elif number % 3 == 2:
                line.sendall(LIVE + b"Content-Length: 100000\r\n\r\nbegun")
        assert is_served(api)
        answer = httpx.get(f"{api.url}/default/_apis/projects", timeout=10)
        assert answer.status_code == 401
    assert is_served(api)


@pytest.mark.parametrize(
    "smuggled",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + LIVE + b"\r\n",
        b"Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello" + LIVE + b"\r\n",
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + LIVE + b"\r\n",
        b"Content-Length: -1\r\n\r\n" + LIVE + b"\r\n",
    ],
)
def test_a_body_of_two_lengths_never_becomes_two_requests(api: Product, smuggled: bytes):
    got = said(api, b"POST /default/_apis/projects HTTP/1.1\r\nHost: a\r\n" + smuggled)
    assert got.count(b"HTTP/1.1 ") <= 1, got
    assert b"HTTP/1.1 200" not in got, got
    assert is_served(api)


def test_requests_in_one_go_are_answered_in_their_order(api: Product):
    last = LIVE + b"Connection: close\r\n\r\n"
    got = said(api, (LIVE + b"\r\n") * 9 + last)
    assert got.count(b"HTTP/1.1 200") == 10


def test_more_headers_than_anybody_sends_are_refused(api: Product):
    got = said(api, LIVE + b"".join(b"X-%d: a\r\n" % number for number in range(5000)) + b"\r\n")
    assert got.startswith(b"HTTP/1.1 4"), got[:200]
    assert is_served(api)


def test_headers_without_an_end_are_refused_and_logged_nowhere(api: Product):
    before = len(api.said())
    with ExitStack() as lines:
        endless = [
            lines.enter_context(socket.create_connection(("127.0.0.1", api.port)))
            for _ in range(ENDLESS)
        ]
        for line in endless:
            line.settimeout(20)
            line.sendall(LIVE + b"X-A: " + b"a" * 1_500_000)  # as much as is still waited for
        assert is_served(api)
        for line in endless:
            with suppress(BrokenPipeError, ConnectionResetError):
                line.sendall(b"a" * 1_500_000)
                assert line.recv(100).startswith(b"HTTP/1.1 431")
    projects = b"GET /default/_apis/projects HTTP/1.1\r\nConnection: close\r\nHost: "
    assert said(api, projects + b"a\r\nX-A: " + b"a" * 1_900_000 + b"\r\n\r\n").startswith(
        b"HTTP/1.1 431"
    )
    assert said(api, projects + b"a" * 1_900_000 + b"\r\n\r\n").startswith(b"HTTP/1.1 431")
    assert is_served(api)
    assert len(api.said()) - before < 1000


async def test_an_upload_that_is_cut_half_way_leaves_nothing(
    api: Product, tmp_path: Path, fresh_database_url: str
):
    database = await connect(fresh_database_url)
    assert await people.create_administrator(database, TOKEN)
    await database.close()
    area = f"{api.url}/default/Default/_apis/build"
    with httpx.Client(auth=("", TOKEN), timeout=20) as client:
        made = client.post(f"{area}/definitions", json=build_definition("Web")).json()
        build = client.post(f"{area}/builds", json={"definition": {"id": made["id"]}}).json()
        place = f"/default/_apis/resources/Containers/{build['id']}"
        signed_in = base64.b64encode(f":{TOKEN}".encode())
        head = (
            (
                f"PUT {place}?itemPath=drop/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n"
            ).encode()
            + b"Authorization: Basic "
            + signed_in
            + b"\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", api.port), timeout=20) as line:
            line.sendall(head + b"x" * 1_500_000)
        whole = client.put(f"{api.url}{place}?itemPath=drop/y", content=b"y" * 10)
        assert whole.status_code == 201
        listed = client.get(f"{api.url}{place}").json()["value"]
        assert [one["path"] for one in listed if one["itemType"] == "file"] == ["drop/y"]
        kept = tmp_path / "api"
        pattern = f"builds/*/{build['id']}/*"
        until(lambda: len(list(kept.rglob(pattern))) == 1, "what was cut to be gone")

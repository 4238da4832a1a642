"""A body that breaks off is the sender's fault, in the words of either API (A.7, AVIATOR 3)."""

import json
from typing import Any

import pytest

from quaymaster.apis.aviator import router as aviator
from quaymaster.apis.azure import router as azure
from tests.apis.azure.server import MAX_BODY, Server, elsewhere, serving


@pytest.fixture
async def server(database, tmp_path):
    async with serving(database, tmp_path) as running:
        yield running


async def broken_off(server: Server, path: str) -> tuple[int, dict[str, Any]]:
    """The answer to a POST whose body ends as one does whose chunks cannot be read."""
    told = iter(
        [
            {"type": "http.request", "body": b'{"name": ', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    answered: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(told)

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
            (b"host", b"quay.example"),
            (b"authorization", f"Bearer {server.token}".encode()),
            (b"content-type", b"application/json"),
            (b"transfer-encoding", b"chunked"),
        ],
    }
    inner = aviator.edge(elsewhere, lambda: server.installation, MAX_BODY)
    app = azure.edge(inner, lambda: server.installation, MAX_BODY)
    await app(scope, receive, send)  # type: ignore[arg-type]
    body = b"".join(message.get("body", b"") for message in answered)
    return answered[0]["status"], json.loads(body)


async def test_a_body_that_breaks_off_is_a_bad_request(server: Server):
    status, body = await broken_off(server, "/default/Default/_apis/release/definitions")
    assert (status, body["typeKey"]) == (400, "VssRequestInvalidException")
    assert "breaks off" in body["message"]
    status, body = await broken_off(server, "/api/releases/web/environments")
    assert status == 400
    assert "breaks off" in body["error"]

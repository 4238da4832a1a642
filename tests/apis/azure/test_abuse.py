"""Abuse is refused quickly and changes nothing (R-41, R-43, R-46, R-47)."""

import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from quaymaster.store.postgres.database import Database
from tests.apis.azure.server import MAX_BODY, Server, serving
from tests.apis.azure.test_bad_input import everything
from tests.documents import definition, stage

MEGABYTE = 1024 * 1024
WRITES = [("POST", "definitions"), ("PUT", "definitions"), ("POST", "releases")]


@pytest.fixture
async def roomy(database: Database, tmp_path: Path) -> AsyncIterator[Server]:
    """A server that takes bodies as large as the product does by default."""
    async with serving(database, tmp_path, max_body=32 * MEGABYTE) as running:
        yield running


HUGE: dict[str, bytes] = {
    "100,000 arrays deep": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a million properties": b"{" + b",".join(b'"k%d":1' % n for n in range(10**6)) + b"}",
    "a million values": b'{"a":[' + b",".join([b"0"] * 10**6) + b"]}",
    "the same property twice": b'{"name": "a", "environments": [], "name": "b"}',
    "a number that is none": b'{"name": "a", "revision": NaN}',
    "a number without end": b'{"name": "a", "revision": 1e999}',
    "an integer of a million digits": b'{"name": "a", "revision": ' + b"9" * 10**6 + b"}",
    "half of a byte order mark": b"\xef\xbb{}",
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "a byte order mark and nothing more": b"\xef\xbb\xbf",
    "quotes without end": b'{"name": "' + b'\\"' * MEGABYTE,
}


@pytest.mark.parametrize("what", list(HUGE))
async def test_bodies_beyond_reason_are_4xx_and_change_nothing(roomy: Server, what: str):
    before = await everything(roomy)
    for method, path in WRITES:
        answer = await roomy.project(method, path, content=HUGE[what])
        assert 400 <= answer.status_code < 500, (method, path, answer.text[:300])
        assert answer.json()["message"]
    assert await everything(roomy) == before


async def test_a_hundred_megabytes_are_not_read_to_their_end(server: Server):
    taken = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(1600):
            taken += 64 * 1024
            yield b" " * 64 * 1024

    before = await everything(server)
    tracemalloc.start()
    answer = await server.project("POST", "definitions", content=body())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status_code == 413
    assert taken < MAX_BODY + MEGABYTE
    assert most < 8 * MEGABYTE
    assert await everything(server) == before


async def test_a_gzip_bomb_stays_packed(server: Server):
    bomb = gzip.compress(b" " * 50 * MEGABYTE)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    tracemalloc.start()
    answer = await server.project("POST", "definitions", content=bomb, headers=headers)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status_code == 415
    assert most < 8 * MEGABYTE


async def test_patterns_that_blow_up_elsewhere_are_only_text_here(server: Server):
    await server.made("definitions", definition("a" * 60, stage("Dev")))
    for text in ("(a+)+$", "*a" * 200, "%_" * 500, "?" * 1000, "\\" * 999, "[" * 500, "a" * 5000):
        for path in ("definitions", "releases"):
            found = await server.project("GET", path, params={"searchText": text})
            assert found.status_code in (200, 400, 414), (text, found.text[:200])
        named = {"tagFilter": text, "sourceBranchFilter": text, "path": text}
        assert (await server.project("GET", "releases", params=named)).status_code == 200


NAMES = [
    "🚀 to prod",
    "שלום",
    "e\u0301",
    "\u00e9",
    "CON",
    ".git",
    "..",
    "a/b\\c",
    "%00",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "{0.__class__}",
    "$(System.AccessToken)",
    "@pyproject.toml",
    "--help",
    "`id`",
    "%PATH%",
    "\u202egnp.exe",
    "x\u0000y",
    "\ud800",
    "n" * 10_000,
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:20]))
async def test_names_are_kept_exactly_or_refused(server: Server, name: str):
    before = await everything(server)
    document = definition(name, stage(name), tags=[name])
    content = _json(document)
    answer = await server.project("POST", "definitions", content=content)
    if answer.status_code == 200:
        number = answer.json()["id"]
        kept = await server.seen(f"definitions/{number}")
        assert (kept["name"], kept["environments"][0]["name"]) == (name, name)
        listed = await server.seen(
            "definitions", params={"searchText": name, "isExactNameMatch": True}
        )
        assert [one["id"] for one in listed["value"]] == [number]
        release = await server.made("releases", {"definitionId": number, "description": name})
        assert release["description"] == name
        assert release["environments"][0]["name"] == name
    else:
        assert answer.status_code == 400, answer.text
        assert await everything(server) == before


def _json(value: Any) -> bytes:
    """JSON with everything that is not ASCII as escapes, so that half surrogates can be said."""
    # httpx would send bytes that no JSON can have

    return json.dumps(value).encode()


async def test_twins_of_one_name_are_one_definition(server: Server):
    """R-46: names that look the same are taken once, however they are composed."""
    await server.made("definitions", definition("e\u0301", stage("Dev")))
    before = await everything(server)
    twin = await server.project("POST", "definitions", json=definition("\u00e9", stage("Dev")))
    assert twin.status_code == 400
    assert twin.json()["typeKey"] == "ReleaseDefinitionAlreadyExistsException"
    assert await everything(server) == before


async def test_pages_neither_repeat_nor_hide_while_others_write(server: Server):
    made = await server.made("definitions", definition("Web", stage("Dev")))
    manual = {"definitionId": made["id"], "manualEnvironments": ["Dev"]}
    there = [(await server.made("releases", manual))["id"] for _ in range(7)]
    gone, seen, token = there[2], [], ""
    while token is not None:
        more = f"&continuationToken={token}" if token else ""
        page = await server.project("GET", f"releases?$top=2{more}")
        seen += [one["id"] for one in page.json()["value"]]
        token = page.headers.get("x-ms-continuationtoken")
        await server.made("releases", manual)
        if gone not in seen:
            await server.project("DELETE", f"releases/{gone}")
    assert len(seen) == len(set(seen))
    assert set(there) - {gone} <= set(seen)
    assert gone not in seen


@pytest.mark.parametrize("token", ["x", "-1", "1.5", "1e9", "9" * 40, "MTIz", "\u0661", "1 OR 1=1"])
@pytest.mark.parametrize("path", ["releases", "definitions", "deployments", "approvals"])
async def test_forged_tokens_are_refused(server: Server, path: str, token: str):
    answer = await server.project("GET", path, params={"continuationToken": token})
    assert answer.status_code == 400, answer.text
    assert "continuationToken" in answer.json()["message"]


@pytest.mark.parametrize("order", ["nameAscending", "lastModifiedDescending"])
async def test_tokens_of_another_order_are_refused(server: Server, order: str):
    for name in ("A", "B"):
        await server.made("definitions", definition(name, stage("Dev")))
    page = await server.project("GET", "definitions", params={"$top": 1, "queryOrder": order})
    token = page.headers["x-ms-continuationtoken"]
    for other in {"idAscending", "nameAscending", "lastModifiedDescending"} - {order}:
        asked = {"continuationToken": token, "queryOrder": other}
        assert (await server.project("GET", "definitions", params=asked)).status_code == 400


META = [
    "' OR 1=1 --",
    "'; DROP TABLE releases; --",
    '") OR ("1"="1',
    "%",
    "_",
    "\\",
    "%' ESCAPE '!",
    "\uff57\uff45\uff42",  # full width: a confusable twin of "web"
    "w\u0435b",  # the second letter is Cyrillic
    "${7*7}{{7*7}}",
]
SEARCHED = {
    "definitions": ("searchText", "tagFilter", "artifactSourceId", "artifactType"),
    "releases": (
        *("searchText", "tagFilter", "sourceBranchFilter", "artifactVersionId", "createdBy"),
        *("sourceId", "artifactTypeId"),
    ),
    "deployments": ("createdBy", "sourceBranch"),
    "approvals": ("assignedToFilter",),
}


@pytest.mark.parametrize("text", META)
async def test_signs_of_another_language_are_only_text(server: Server, text: str):
    """R-15: nothing typed into a filter finds more than what it says."""
    made = await server.made("definitions", definition("Web", stage("Dev")))
    await server.made("releases", {"definitionId": made["id"]})
    for path, filters in SEARCHED.items():
        for name in filters:
            answer = await server.project("GET", path, params={name: text})
            assert answer.status_code < 500, (path, name, answer.text)
            found = answer.json().get("value", [])
            assert found == [], (path, name, text)
    for name in ("queryOrder", "continuationToken", "$top"):
        answer = await server.project("GET", "releases", params={name: text})
        assert answer.status_code == 400, (name, answer.text)

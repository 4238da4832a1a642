"""Long lists are read and sent in parts that join to the whole, whatever happens meanwhile."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import msgspec
import pytest

from quaymaster.actions.people import people
from quaymaster.apis.azure import long_lists, router
from quaymaster.domain.access import Grant, Permission, definition_token
from quaymaster.store.people import people as stored_people
from tests.apis.azure.build import asking
from tests.apis.azure.server import BASE, MAX_BODY, Server, elsewhere
from tests.apis.azure.test_releases import web_stage
from tests.documents import BASH, definition, stage, task

RELEASE = "/default/Default/_apis/release"
BUILD = "/default/Default/_apis/build"
DEFINITIONS = f"{RELEASE}/definitions?$expand=environments,tags"
EACH = 4  # definitions of either kind, and releases of each of the first two
PAGE = 5

LISTS = [
    f"{RELEASE}/definitions?",
    f"{DEFINITIONS},lastRelease&queryOrder=idDescending",
    f"{DEFINITIONS}&queryOrder=nameAscending",
    f"{DEFINITIONS}&queryOrder=nameDescending",
    f"{DEFINITIONS}&queryOrder=lastModifiedAscending&api-version=4.1-preview",
    f"{DEFINITIONS}&queryOrder=lastModifiedDescending&path=%5CShop",
    f"{BUILD}/definitions?",
    f"{BUILD}/definitions?includeAllProperties=true",
    f"{BUILD}/definitions?includeAllProperties=true&queryOrder=definitionNameAscending",
    f"{BUILD}/definitions?includeAllProperties=true&queryOrder=definitionNameDescending",
    f"{BUILD}/definitions?includeLatestBuilds=true&queryOrder=lastModifiedAscending&name=b*",
    f"{BUILD}/definitions?includeAllProperties=true&queryOrder=lastModifiedDescending",
    f"{RELEASE}/releases?",
    f"{RELEASE}/releases?definitionId=1&statusFilter=active&queryOrder=ascending",
    f"{RELEASE}/releases?$expand=environments,artifacts,approvals,variables",
    f"{RELEASE}/releases?$expand=environments&queryOrder=ascending",
    f"{RELEASE}/releases?$expand=environments&definitionId=1&path=%5CShop",
    f"{RELEASE}/releases?propertyFilters=none&api-version=4.1-preview",
    "/default/_apis/release/releases?$expand=artifacts",
    f"{RELEASE}/deployments?",
    f"{RELEASE}/deployments?definitionId=1&queryOrder=ascending",
    f"{RELEASE}/deployments?definitionId=1&definitionEnvironmentId=1",
    f"{RELEASE}/deployments?latestAttemptsOnly=true",
]


@pytest.fixture
async def filled(server: Server) -> Server:
    for number in range(EACH):
        document = definition(f"D{number}", web_stage(), tags=["web"], path="\\Shop")
        await server.made("definitions", document)
        await asking.made(server, f"B{number}")
    for number in range(EACH):
        for of in (1, 2):
            start = {"definitionId": await _release_definition(server, of)}
            await server.made("releases", {**start, "description": f"number {number}"})
    return server


async def _release_definition(server: Server, place: int) -> int:
    listed = await server.seen("definitions")
    return int(listed["value"][place - 1]["id"])


@pytest.fixture
def in_small_parts(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have lists read in parts of two and answered in pieces from this size on."""

    def cut(sent_at_once: int) -> None:
        for name in ("LIGHT", "LINES", "WHOLE"):
            monkeypatch.setattr(long_lists, name, 2)
        monkeypatch.setattr(long_lists, "SENT_AT_ONCE", sent_at_once)

    return cut


async def listed(server: Server, path: str) -> httpx.Response:
    answer = await server.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.json()["count"] == len(answer.json()["value"])
    return answer


async def test_every_list_is_the_same_in_parts_and_in_one(
    filled: Server, in_small_parts: Callable[[int], None]
):
    in_one = {path: await listed(filled, path) for path in LISTS}
    in_small_parts(long_lists.SENT_AT_ONCE)
    for path, whole in in_one.items():
        assert (await listed(filled, path)).content == whole.content, path
    in_small_parts(0)
    for path, whole in in_one.items():
        sent = await listed(filled, path)
        assert sent.json() == whole.json(), path
        assert "content-length" not in sent.headers
        assert sent.headers["content-type"] == whole.headers["content-type"]


async def test_pages_that_are_read_in_parts_join_to_the_whole_list(
    filled: Server, in_small_parts: Callable[[int], None]
):
    in_one = {path: (await listed(filled, path)).json()["value"] for path in LISTS}
    in_small_parts(0)
    for path, whole in in_one.items():
        assert len(whole) >= EACH, path
        for top in (1, 3, PAGE):
            joined: list[Any] = []
            async for page in pages(filled, f"{path}&$top={top}"):
                assert len(page) <= top, path
                joined += page
            assert joined == whole, path


async def pages(server: Server, path: str) -> AsyncIterator[list[Any]]:
    token: str | None = ""
    while token is not None:
        page = await listed(server, f"{path}&continuationToken={token}" if token else path)
        yield page.json()["value"]
        token = page.headers.get("x-ms-continuationtoken")


async def test_deployments_of_several_environments_come_as_many_as_asked_for(
    filled: Server, in_small_parts: Callable[[int], None]
):
    every = (await listed(filled, f"{RELEASE}/deployments?")).json()["value"]
    places = sorted({(one["releaseDefinitionId"], one["definitionEnvironmentId"]) for one in every})
    assert len(places) == 2
    for most in (1, 3, EACH, 100):
        environments = [
            {"releaseDefinitionId": of, "definitionEnvironmentId": stage} for of, stage in places
        ]
        body = {"environments": environments, "deploymentsPerEnvironment": most}
        expected = [
            one["id"]
            for of, _ in places
            for one in [one for one in every if one["releaseDefinitionId"] == of][:most]
        ]
        for sent_at_once in (long_lists.SENT_AT_ONCE, 0):
            in_small_parts(sent_at_once)
            found = await filled.made("deployments", body)
            assert [one["id"] for one in found["value"]] == expected
            assert found["count"] == len(expected)


async def test_what_the_caller_may_not_see_is_not_counted(
    filled: Server, in_small_parts: Callable[[int], None]
):
    first = (await filled.seen("definitions?$top=1"))["value"][0]
    project = (await filled.get("/default/_apis/projects/Default")).json()["id"]
    token = await filled.user("ann", groups=("Contributors",))
    both = Permission.VIEW_RELEASES | Permission.VIEW_RELEASE_DEFINITION
    async with filled.database.transaction() as connection:
        ann = await people.found(connection, "ann")
        hidden = definition_token(project, "\\Shop", first["id"])
        await stored_people.grant(connection, ann.id, Grant(hidden, deny=both))
    in_small_parts(0)
    for path, there in (
        (DEFINITIONS, EACH),
        (f"{RELEASE}/releases?$expand=environments", 2 * EACH),
    ):
        found = (await filled.get(path, token=token)).json()
        assert len(found["value"]) == found["count"]
        assert 0 < found["count"] < there


class Reader:
    """A client that sees each piece of an answer as it comes, and keeps only what it is told to."""

    def __init__(self, server: Server) -> None:
        self._app = router.edge(elsewhere, lambda: server.installation, MAX_BODY)
        self._token = server.token
        self.is_ended = False

    async def ask(self, path: str, seen: Callable[[bytes], Any]) -> None:
        """GET this; `seen` is awaited with every piece."""
        path, _, query = path.partition("?")
        told = asyncio.Event()
        asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Any:
            for message in asked:
                return message
            await told.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                await seen(message["body"])
                if not message["more_body"]:
                    self.is_ended = True
                    told.set()

        url = httpx.URL(BASE)
        bearer = f"Bearer {self._token}".encode()
        scope: Any = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": url.scheme,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", url.host.encode()), (b"authorization", bearer)],
            "server": (url.host, 80),
            "client": ("127.0.0.1", 1),
        }
        await self._app(scope, receive, send)


async def test_what_comes_and_goes_meanwhile_neither_repeats_nor_hides_the_rest(
    filled: Server, in_small_parts: Callable[[int], None]
):
    order = "queryOrder=nameAscending"
    before = [one["name"] for one in (await filled.seen(f"definitions?{order}"))["value"]]
    in_small_parts(0)
    got = bytearray()
    happened = []

    async def seen(piece: bytes) -> None:
        got.extend(piece)
        if not happened:  # after D0 and D1: one before them, one that is gone, one within the page
            happened.append(True)
            await filled.made("definitions", definition("A", stage("Dev")))
            gone = (await filled.seen("definitions?searchText=D2"))["value"][0]["id"]
            assert (await filled.project("DELETE", f"definitions/{gone}")).status_code == 204
            await filled.made("definitions", definition("D2a", stage("Dev")))

    reader = Reader(filled)
    await reader.ask(f"{RELEASE}/definitions?{order}&$top=3", seen)
    page = msgspec.json.decode(bytes(got))
    names = [one["name"] for one in page["value"]]
    assert names == ["D0", "D1", "D2a"]
    assert page["count"] == 3
    assert before == ["D0", "D1", "D2", "D3"]  # so that the next page begins with D3


async def test_an_answer_that_cannot_be_ended_breaks_off(
    filled: Server, in_small_parts: Callable[[int], None]
):
    in_small_parts(0)
    reader, pieces = Reader(filled), []

    async def seen(piece: bytes) -> None:
        pieces.append(piece)
        if len(pieces) == 1:
            await renamed(filled, "documents", "away")

    try:
        with pytest.raises(Exception, match="response started"):
            await reader.ask(DEFINITIONS, seen)
        assert pieces
        assert not reader.is_ended  # whoever serves it cuts the connection
        begun_without = await filled.get(DEFINITIONS)
    finally:
        await renamed(filled, "away", "documents")
    assert begun_without.status_code == 500
    assert "activity id" in begun_without.json()["message"]


async def renamed(server: Server, table: str, name: str) -> None:
    async with server.database.transaction() as connection:
        await connection.execute(f"ALTER TABLE {table} RENAME TO {name}")


async def test_a_long_list_is_never_held_as_a_whole(server: Server):
    """40 definitions of 60 KB: 2.4 MB of text, decoded more than ten times of that."""
    inputs = {f"input{n}": f"value {n}" for n in range(60)}
    tasks = [task(BASH, "3.*", f"Step {rank}", inputs) for rank in range(40)]
    made = await server.made("definitions", definition("Large", stage("Dev", tasks=tasks)))
    async with server.database.transaction() as connection:
        await connection.execute(COPIES, made["id"], 39)
    size = 0

    async def seen(piece: bytes) -> None:
        nonlocal size
        size += len(piece)

    reader = Reader(server)
    await reader.ask(f"{DEFINITIONS}&$top=1", seen)  # everything is loaded once
    one, size = size, 0
    tracemalloc.start()
    await reader.ask(DEFINITIONS, seen)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert one > 60_000
    assert size > 39 * one
    assert most < 5 * size


COPIES = """
INSERT INTO definitions (kind, project_id, name, name_key, path, path_key, revision,
  document_digest, plan_digest, summary, created_by, created_at, modified_by, modified_at)
SELECT kind, project_id, name || n, name_key || n, path, path_key, revision, document_digest,
  plan_digest, summary, created_by, created_at, modified_by, modified_at
FROM definitions, generate_series(1, $2::integer) n WHERE id = $1
"""

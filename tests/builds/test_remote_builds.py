"""Another installation of ours as the source of a release: the client of remote builds and the
build API understand each other (issue 4.4)."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from quaymaster.outgoing.requests import WebAnswer, WebRequest
from quaymaster.protocol.job import Endpoint
from quaymaster.sources.asking import Asked, SourceProblem
from quaymaster.sources.azure_builds import AzureBuilds
from tests.apis.azure.build.asking import step
from tests.apis.azure.server import BASE
from tests.builds.conftest import Yard
from tests.builds.test_chain import PUBLISH
from tests.builds.test_running import at
from tests.gits import branch, commit
from tests.worker.conftest import world  # noqa: F401 - a fixture

REMOTE = AzureBuilds()


@dataclass(frozen=True)
class Line:
    """The way to the other installation."""

    client: httpx.AsyncClient

    async def ask(self, request: WebRequest) -> WebAnswer:
        answer = await self.client.request(
            request.method, request.url, headers=dict(request.headers), content=request.body
        )
        return WebAnswer(answer.status_code, dict(answer.headers), answer.content)


def wanted(yard: Yard, **more: str) -> Asked:
    reference = {"project": "Default", "definition": "Shop CI", **more}
    parameters = {"apitoken": yard.server.token}
    url = f"{BASE}/default"
    connection = Endpoint("1", "Other", "externaltfs", url, "Token", parameters)
    return Asked("_shop", "ExternalTFSBuild", reference, connection)


async def built(yard: Yard, definition: Any, **changes: Any) -> str:
    build = await yard.ended(await yard.queue(definition, **changes))
    assert build["result"] == "succeeded", build
    return str(build["id"])


async def test_builds_of_another_installation_are_listed_traced_and_downloaded(
    yard: Yard, shop: Path
) -> None:
    repository = {**at(shop), "defaultBranch": "main"}
    definition = await yard.define("Shop CI", step(PUBLISH), repository=repository)
    await yard.world.worker()
    older = await built(yard, definition)
    second = commit(shop, "page.txt", "two", "Second")
    newer = await built(yard, definition)
    branch(shop, "topic", second)
    topic = await built(yard, definition, sourceBranch="refs/heads/topic")
    line, asked = Line(yard.server.client), wanted(yard)

    assert [one.id for one in await REMOTE.versions(line, asked, 9)] == [topic, newer, older]
    on_topic = wanted(yard, defaultVersionBranch="topic")
    assert [one.id for one in await REMOTE.versions(line, on_topic, 9)] == [topic]
    found = await REMOTE.resolve(line, asked, newer)
    assert (found.commit, found.branch) == (second, "refs/heads/main")
    assert [one.id for one in await REMOTE.changes(line, asked, older, newer, 9)] == [second]
    (drop,) = await REMOTE.files(line, asked, newer)
    answer = await line.ask(WebRequest("GET", drop.url, dict(drop.headers)))
    assert zipfile.ZipFile(io.BytesIO(answer.body)).read("drop/page.txt") == b"two"
    with pytest.raises(SourceProblem, match="is no build"):
        await REMOTE.resolve(line, asked, "987654")

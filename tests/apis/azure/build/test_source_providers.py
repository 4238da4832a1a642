"""Repositories can be looked into before a definition is saved (CONTRACT B.1)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from quaymaster.actions.ports.outside import Outside
from quaymaster.connectors.repositories import GitFolder
from quaymaster.domain.pull_requests import PullRequest
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.store.candidates import pull_requests
from quaymaster.store.postgres.database import Database
from tests.apis.azure.build.asking import asked, made
from tests.apis.azure.build.fitting import fits
from tests.apis.azure.server import Server, serving
from tests.gits import commit, repository


@pytest.fixture
async def server(own_database: Database, tmp_path: Path) -> AsyncIterator[Server]:
    """An API that reads repositories, as the real one does."""
    folder = GitFolder(tmp_path / "copies", AllowedAddresses())
    async with serving(own_database, tmp_path, Outside(repositories=folder)) as found:
        found.client.event_hooks["response"].append(fits)
        yield found


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    place = repository(tmp_path / "shop")
    commit(place, "src/app.py", "print(1)\n")
    commit(place, "src/lib/a.py", "a\n")
    commit(place, "ci.yml", "steps: []\n")
    return place


async def look(server: Server, path: str, status: int = 200, **more: Any) -> Any:
    answer = await server.get(f"/default/Default/_apis/sourceProviders{path}", **more)
    assert answer.status_code == status, answer.text
    kind = answer.headers["content-type"]
    return answer.json() if kind.startswith("application/json") else answer.text


async def test_a_repository_is_found_and_read(server: Server, shop: Path):
    at = {"type": "Git", "id": "shop", "name": "shop", "url": str(shop), "defaultBranch": "main"}
    await made(server, "Shop", repository=at)
    names = [one["name"] for one in (await look(server, ""))["value"]]
    assert names == ["Git", "GitHub", "TfsGit"]
    [found] = (await look(server, "/git/repositories"))["repositories"]
    assert (found["id"], found["url"], found["defaultBranch"]) == ("shop", str(shop), "main")
    assert (await look(server, "/Git/repositories?repository=other"))["repositories"] == []
    assert (await look(server, "/Git/branches?repository=shop"))["value"] == ["main"]
    text = await look(server, "/Git/filecontents?repository=shop&path=/src/app.py")
    assert text == "print(1)\n"
    top = (await look(server, "/Git/pathcontents?repository=shop&commitOrBranch=main"))["value"]
    assert [(one["path"], one["isContainer"]) for one in top if "page" not in one["path"]] == [
        ("src", True),
        ("ci.yml", False),
    ]
    inside = (await look(server, "/Git/pathcontents?repository=shop&path=src"))["value"]
    assert [one["path"] for one in inside] == ["src/lib", "src/app.py"]


async def test_the_file_of_a_definition_is_that_which_its_revision_names(
    server: Server, shop: Path
):
    commit(shop, "new.yml", "steps:\n- script: new\n")
    at = {"type": "Git", "id": "shop", "name": "shop", "url": str(shop), "defaultBranch": "main"}
    process = {"type": 2, "yamlFilename": "ci.yml"}
    web = await made(server, "Shop", repository=at, process=process)
    url = f"definitions/{web['id']}"
    await asked(server, "PUT", url, json={**web, "process": {**process, "yamlFilename": "new.yml"}})
    for query, expected in (("", "new"), ("?revision=2", "new"), ("?revision=1", "[]")):
        assert expected in (await asked(server, "GET", f"{url}/yaml{query}"))["yaml"]
    await asked(server, "GET", f"{url}/yaml?revision=3", 404)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/Svn/branches?repository=shop", "no source provider 'svn'"),
        ("/Git/branches", "Name the repository"),
        ("/Git/branches?repository=/nowhere", "no git repository"),
        ("/Git/filecontents?repository={shop}&path=gone.txt", "no file gone.txt"),
        ("/Git/filecontents?repository={shop}&path=../../etc/passwd", "no file"),
        ("/Git/pathcontents?repository={shop}&path=ci.yml", "is a file"),
        ("/Git/pathcontents?repository={shop}&commitOrBranch=gone", "gone"),
        ("/Git/branches?repository={shop}&serviceEndpointId=nobody", "nobody"),
    ],
)
async def test_what_cannot_be_read_is_said(server: Server, shop: Path, path: str, said: str):
    refused = await look(server, path.format(shop=shop), 400)
    assert said in refused["message"]


async def test_only_who_may_edit_definitions_looks_into_repositories(server: Server, shop: Path):
    token = await server.user("rita", groups=("Readers",))
    await look(server, f"/Git/branches?repository={shop}", 403, token=token)
    assert (await look(server, "/Git/webhooks", 501, token=token))["message"]


async def test_a_pull_request_is_shown_as_it_was_told(server: Server):
    url = "https://github.com/octo/web.git"
    at = {"type": "GitHub", "id": "octo/web", "name": "octo/web", "url": url}
    web = await made(server, "Web", repository=at)
    told = PullRequest(("github.com/octo/web",), 7, "Faster", "ann", "https://x/7")
    async with server.database.transaction() as connection:
        project = UUID(web["project"]["id"])
        await pull_requests.tell(connection, project, told, datetime.now(UTC))
    path = "/GitHub/pullrequests/{}?repositoryId={}"
    found = await look(server, path.format(7, "octo/web"))
    assert (found["id"], found["title"], found["currentState"]) == ("7", "Faster", None)
    assert found["_links"]["web"]["href"] == "https://x/7"
    await look(server, path.format(8, "octo/web"), 404)
    await look(server, path.format(7, "octo/other"), 404)
    await look(server, path.format("x", "octo/web"), 400)
    await look(server, path.format(7, ""), 400)

"""GitHub, GitLab and Gitea are asked by their APIs whether a commit is there (AVIATOR 6)."""

import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from quaymaster.actions.ports.outside import Outside
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.outgoing.http import GuardedClient
from tests.apis.aviator.server import REPOSITORY, Aviator, serving
from tests.sources.counterparts.serving import NOTHING, Reply, Request, answer
from tests.sources.counterparts.serving import serving as server_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "t0k3n-of-the-server"
REFUSED = Reply(401, b'{"message": "Bad credentials"}')
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def commit_of(text: str) -> str | None:
    return COMMIT if COMMIT.startswith(text) and len(text) >= 7 else None


def github(request: Request) -> Reply:
    """As docs.github.com describes it, of an Enterprise server."""
    path = request.path.removeprefix("/api/v3")
    if path == "/app/installations/77/access_tokens":
        return installed(request)
    if path == f"/repos/{REPOSITORY}/installation" and is_app(request):
        return answer({"id": 77})
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        return REFUSED
    if path == f"/repos/{REPOSITORY}":
        return answer({"full_name": REPOSITORY})
    found = commit_of(path.removeprefix(f"/repos/{REPOSITORY}/commits/"))
    return answer({"sha": found}) if found else Reply(422, b'{"message": "No commit found"}')


def installed(request: Request) -> Reply:
    if request.method != "POST" or not is_app(request):
        return REFUSED
    return Reply(201, json.dumps({"token": TOKEN}).encode())


def is_app(request: Request) -> bool:
    """Whether the request bears a web token that the App's key has signed."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    signed, _, signature = token.rpartition(".")
    if scheme != "Bearer" or signed.count(".") != 1:
        return False
    KEY.public_key().verify(
        decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    claims = json.loads(decoded(signed.partition(".")[2]))
    return claims["iss"] == "4711" and claims["exp"] - claims["iat"] <= 600


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def gitlab(request: Request) -> Reply:
    """As docs.gitlab.com describes it: the path of a project is one encoded part."""
    if request.headers.get("PRIVATE-TOKEN") != TOKEN:
        return REFUSED
    project = f"/api/v4/projects/{REPOSITORY}"
    if request.path == project:
        return answer({"path_with_namespace": REPOSITORY})
    found = commit_of(request.path.removeprefix(f"{project}/repository/commits/"))
    return answer({"id": found}) if found else NOTHING


def gitea(request: Request) -> Reply:
    """As the API of Gitea describes itself."""
    if request.headers.get("Authorization") != f"token {TOKEN}":
        return REFUSED
    if request.path == f"/api/v1/repos/{REPOSITORY}":
        return answer({"full_name": REPOSITORY})
    found = commit_of(request.path.removeprefix(f"/api/v1/repos/{REPOSITORY}/git/commits/"))
    return answer({"sha": found}) if found else NOTHING


@dataclass(frozen=True)
class Far:
    """A server of one kind and what signs in to it."""

    type: str
    url: str
    parameters: dict[str, str]


def pem() -> str:
    return KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


KINDS: dict[str, tuple[str, Callable[[Request], Reply], dict[str, str]]] = {
    "github by token": ("github", github, {"AccessToken": TOKEN}),
    "github by app": ("github", github, {"appId": "4711", "privateKey": pem()}),
    "gitlab": ("gitlab", gitlab, {"apitoken": TOKEN}),
    "gitea": ("gitea", gitea, {"apitoken": TOKEN}),
}


@pytest.fixture(params=KINDS)
def far(request: Any) -> Iterator[Far]:
    kind, serve, parameters = KINDS[request.param]
    with server_of(serve) as url:
        yield Far(kind, url, parameters)


@pytest.fixture
async def product(database: Any, tmp_path: Path) -> AsyncIterator[Aviator]:
    outside = Outside(web=GuardedClient(AllowedAddresses.of(("127.0.0.1",))))
    async with serving(database, tmp_path, outside=outside) as running:
        yield await running.made()


async def connect(aviator: Aviator, far: Far, **parameters: str) -> None:
    body = {
        "name": "Repository",
        "type": far.type,
        "url": far.url,
        "authorization": {"scheme": "Token", "parameters": {**far.parameters, **parameters}},
        "data": {},
    }
    path = "/default/Default/_apis/serviceendpoint/endpoints"
    answered = await aviator.azure.ask("POST", path, json=body)
    assert answered.status_code == 200, answered.text


async def test_the_server_knows_which_commits_there_are(product: Aviator, far: Far):
    await connect(product, far)
    set_to = await product.in_project("PATCH", "", json={"source_connection": "Repository"})
    assert set_to.status_code == 200, set_to.text
    made = await product.cut("1.0-rc1", commit=COMMIT[:9])
    assert (made.status_code, made.json().get("commit")) == (201, COMMIT), made.text
    refused = await product.cut("1.1-rc1", commit="f" * 40)
    assert (refused.status_code, refused.json()) == (400, {"error": "Invalid commit hash"})


async def test_a_clock_may_cut_what_the_server_knows(product: Aviator, far: Far):
    await connect(product, far)
    settings = {"source_connection": "Repository", "scheduled_cut": {"cron": "0 2 * * *"}}
    set_to = await product.in_project("PATCH", "", json=settings)
    assert set_to.status_code == 200, set_to.text


async def test_a_repository_that_it_does_not_show(product: Aviator, far: Far):
    wrong = {name: "wrong" for name in far.parameters if name != "appId"}
    await connect(product, far, **wrong)
    body = {"source_connection": "Repository"}
    refused = await product.in_project("PATCH", "", json=body)
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("Invalid source_connection")
    assert TOKEN not in refused.text


async def test_a_token_that_was_taken_back(product: Aviator, far: Far):
    await connect(product, far)
    await product.in_project("PATCH", "", json={"source_connection": "Repository"})
    path = "/default/Default/_apis/serviceendpoint/endpoints"
    [kept] = (await product.azure.ask("GET", path)).json()["value"]
    gone = await product.azure.ask("DELETE", f"{path}/{kept['id']}")
    assert gone.status_code in (200, 204)
    refused = await product.cut("1.0-rc1", commit=COMMIT)
    said = {"error": "GitHub repository not found"}
    assert (refused.status_code, refused.json()) == (404, said)

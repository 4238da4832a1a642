"""One file or one folder of a build's artifact is downloaded alone (SEMANTICS 23.6)."""

import io
import zipfile
from typing import Any

import pytest

from tests.apis.azure.build.asking import asked, made, queued
from tests.apis.azure.build.test_artifacts import upload
from tests.apis.azure.server import Server

FILES = {"a.txt": b"one", "docs/b.txt": b"two", "docs/deep/c.txt": b"three", "docs2/d.txt": b"4"}


@pytest.fixture
async def build(server: Server) -> Any:
    """A build with an artifact of some files, and another beside it."""
    build = await queued(server, await made(server, "Web"))
    for name, text in FILES.items():
        await upload(server, build, f"drop/{name}", text, 201)
    await upload(server, build, "other/x.txt", b"not yours", 201)
    for name in ("drop", "other"):
        artifact = {"name": name, "resource": {"type": "Container"}}
        await asked(server, "POST", f"builds/{build['id']}/artifacts", json=artifact)
    return build


async def ids(server: Server, build: Any) -> dict[str, Any]:
    """What is known of each file of the build, by its path."""
    answer = await server.get(f"/default/_apis/resources/Containers/{build['id']}")
    return {one["path"]: one for one in answer.json()["value"]}


async def test_a_file_is_named_by_its_id_or_its_checksum(server: Server, build: Any):
    url = f"builds/{build['id']}/artifacts?artifactName=drop&fileName=b.txt&fileId="
    files = await ids(server, build)
    wanted = files["drop/docs/b.txt"]
    for named in (wanted["fileId"], wanted["contentId"], wanted["contentId"].upper()):
        assert await asked(server, "GET", f"{url}{named}") == b"two"
    for named in (files["other/x.txt"]["fileId"], 99999, "x"):
        refused = await asked(server, "GET", f"{url}{named}", 404)
        assert refused["typeKey"] == "FileNotFoundException"


@pytest.mark.parametrize(
    ("below", "expected"),
    [
        ("docs", ["docs/b.txt", "docs/deep/c.txt"]),
        ("/DOCS/deep/", ["docs/deep/c.txt"]),
        ("a.txt", ["a.txt"]),
        ("/", list(FILES)),
    ],
)
async def test_a_zip_holds_a_part_of_an_artifact(
    server: Server, build: Any, below: str, expected: list[str]
):
    url = f"builds/{build['id']}/artifacts?artifactName=drop&$format=zip&subPath={below}"
    with zipfile.ZipFile(io.BytesIO(await asked(server, "GET", url))) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {f"drop/{name}": FILES[name] for name in expected}


async def test_no_part_lies_outside_of_the_artifact(server: Server, build: Any):
    url = f"builds/{build['id']}/artifacts?artifactName=drop&$format=zip&subPath="
    await asked(server, "GET", f"{url}../other", 400)
    await asked(server, "GET", f"{url}gone", 404)

"""Artifacts of builds over HTTP: whole, in pieces, as a zip, and where they lie (SEMANTICS 23)."""

import asyncio
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from quaymaster.actions.builds import happening
from quaymaster.actions.builds.results import artifacts
from quaymaster.actions.call import Call
from quaymaster.actions.definitions import own_builds
from quaymaster.actions.jobs import build_jobs, build_publishing
from quaymaster.actions.people import people
from quaymaster.apis.azure.streaming import streamed
from quaymaster.apis.shared import requests
from quaymaster.domain.access import Grant, Permission
from quaymaster.domain.build import BuildId
from quaymaster.domain.build_access import BuildPermission
from quaymaster.domain.errors import Invalid
from quaymaster.domain.events import JobClaimed
from quaymaster.domain.release import JobId
from quaymaster.protocol.job import ArtifactDownload, ArtifactFiles, ArtifactNamed
from quaymaster.store.builds import files as build_files
from quaymaster.store.jobs.jobs import HeldJob
from quaymaster.store.people import people as stored_people
from tests.apis.azure.build.asking import asked, made, queued
from tests.apis.azure.server import Server
from tests.runner.make import job


async def upload(
    server: Server, build: Any, path: str, body: bytes, status: int, **headers: str
) -> Any:
    url = f"/default/_apis/resources/Containers/{build['id']}?itemPath={path}"
    answer = await server.ask("PUT", url, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_files_are_uploaded_whole_and_in_pieces_and_come_back_as_a_zip(server: Server):
    build = await queued(server, await made(server, "Web"))
    body = bytes(range(256)) * 20
    sums = {"X-Checksum-Sha256": hashlib.sha256(body).hexdigest()}
    item = await upload(server, build, "drop/a.bin", body, 201, **sums)
    assert item["fileLength"] == len(body)
    half = len(body) // 2
    first = {"Content-Range": f"bytes 0-{half - 1}/{len(body)}"}
    rest = {"Content-Range": f"bytes {half}-{len(body) - 1}/{len(body)}"}
    await upload(server, build, "drop/b.bin", body[half:], 409, **rest)
    await upload(server, build, "drop/b.bin", body[:half], 202, **first)
    item = await upload(server, build, "drop/b.bin", body[half:], 201, **rest)
    async with server.database.read() as connection:
        kept = await connection.fetch("SELECT sha256 FROM container_files")
    assert {item["contentId"], *(row["sha256"] for row in kept)} == {sums["X-Checksum-Sha256"]}
    artifact = {"name": "drop", "resource": {"type": "Container"}}
    url = f"builds/{build['id']}/artifacts"
    await asked(server, "POST", url, json=artifact)
    again = await asked(server, "POST", url, 409, json=artifact)
    assert "already exists" in again["message"]
    content = await asked(server, "GET", f"{url}?artifactName=DROP&$format=zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "drop/a.bin": body,
            "drop/b.bin": body,
        }
    [one] = (await asked(server, "GET", url))["value"]
    assert one["resource"]["downloadUrl"].endswith("format=zip")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("../../etc/passwd", {}),
        ("drop/../../x", {}),
        ("drop//x", {}),
        ("C:/x", {}),
        ("drop/x", {"X-Checksum-Sha256": "0" * 64}),
        ("drop/x", {"Content-Range": "bytes 0-99/50"}),
        ("drop/x", {"Content-Range": "bytes 0-1/50"}),
        ("drop/x", {"Content-Range": "all of it"}),
        ("drop/x", {"Content-Length": "99"}),  # cut on the way
    ],
)
async def test_an_upload_that_is_wrong_leaves_nothing(server: Server, path, headers):
    build = await queued(server, await made(server, "Web"))
    await upload(server, build, path, b"hello", 400, **headers)
    listed = await server.get(f"/default/_apis/resources/Containers/{build['id']}")
    assert listed.json()["count"] == 0
    async with server.database.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM container_files") == 0


async def test_a_file_and_a_folder_cannot_have_the_same_name(server: Server):
    build = await queued(server, await made(server, "Web"))
    await upload(server, build, "drop/bin", b"a file", 201)
    await upload(server, build, "drop/docs/a", b"in a folder", 201)
    await upload(server, build, "drop/docs-a", b"beside it", 201)
    for path in ("drop/BIN/tool", "drop/bin/x/y", "drop/docs", "drop", "Drop/Docs"):
        refused = await upload(server, build, path, b"x", 409)
        assert "a file and a folder cannot have the same name" in refused["message"]
    begun = {"Content-Range": "bytes 0-0/5"}
    await upload(server, build, "drop/docs", b"x", 409, **begun)
    await upload(server, build, "drop/bin", b"again", 201)
    listed = await server.get(f"/default/_apis/resources/Containers/{build['id']}")
    files = [one["path"] for one in listed.json()["value"] if one["itemType"] == "file"]
    assert sorted(files) == ["drop/bin", "drop/docs-a", "drop/docs/a"]


async def test_a_file_that_is_too_large_is_refused_before_it_is_sent(server: Server):
    build = await queued(server, await made(server, "Web"))
    whole = {"Content-Range": f"bytes 0-4/{2**41}"}
    refused = await upload(server, build, "drop/huge", b"hello", 400, **whole)
    assert "bytes" in refused["message"]
    async with server.database.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM container_files") == 0


@pytest.mark.parametrize("before", [2**31 - 1, 2**31, 2**32])
async def test_pieces_go_on_beyond_what_32_bits_can_count(server: Server, before: int):
    build = await queued(server, await made(server, "Web"))
    total = before + 5
    await upload(server, build, "drop/x", b"12345", 202, **{"Content-Range": f"bytes 0-4/{total}"})
    async with server.database.transaction() as connection:  # as if so many bytes had come
        await connection.execute("UPDATE container_pieces SET byte_count = $1", before)
    wrong = {"Content-Range": f"bytes {before - 1}-{before + 3}/{total}"}
    assert str(before) in (await upload(server, build, "drop/x", b"12345", 409, **wrong))["message"]
    last = {"Content-Range": f"bytes {before}-{total - 1}/{total}"}
    item = await upload(server, build, "drop/x", b"12345", 201, **last)
    assert item["fileLength"] == total


@pytest.mark.parametrize(
    ("items", "is_wanted"),
    [(None, True), (["share/x"], True), (["**/*.zip"], True), (["drop"], False), ([], False)],
)
async def test_what_lies_on_a_share_is_refused_by_name_where_it_is_wanted(
    server: Server, items: list[str] | None, is_wanted: bool
):
    web = await made(server, "Web")
    build = await queued(server, web)
    url = f"builds/{build['id']}/artifacts"
    place = {"type": "FilePath", "data": "\\\\server\\share"}
    await asked(server, "POST", url, json={"name": "share", "resource": place})
    label = {"type": "VersionControl", "data": "$/web"}
    await asked(server, "POST", url, json={"name": "label", "resource": label})
    reference = {"definition": str(web["id"]), "version": str(build["id"])}
    download = ArtifactDownload("_web", "Build", reference, items)
    project = web["project"]["id"]
    call = Call(server.installation)
    async with server.database.transaction() as connection:
        await connection.execute("UPDATE builds SET status = 'completed', finished_at = now()")
        asking = own_builds.with_files(connection, call, project, job(artifacts=[download]))
        if not is_wanted:
            assert (await asking).artifacts[0].files == []
            return
        with pytest.raises(Invalid, match=r"share of build .* is of the type FilePath"):
            await asking


async def test_an_artifact_says_where_it_lies_and_may_be_the_whole_container(server: Server):
    build = await queued(server, await made(server, "Web"))
    url = f"builds/{build['id']}/artifacts"
    share = {"name": "share", "resource": {"type": "FilePath"}}
    refused = await asked(server, "POST", url, 400, json=share)
    assert "does not say where it lies" in refused["message"]
    await upload(server, build, "a/b", b"content", 201)
    whole = {"name": "all", "resource": {"type": "Container", "data": f"#/{build['id']}/"}}
    await asked(server, "POST", url, json=whole)
    async with server.database.read() as connection:
        [file] = await build_files.stored(connection, build["id"])
    assert file.path == "all/a/b"


def place_of(server: Server, build: Any) -> Path:
    """The folder of the storage with a build's files."""
    storage = Path(urlsplit(server.installation.files.url).path)
    return storage / "builds" / "0" / str(build["id"])


async def test_a_storage_that_cannot_be_written_or_has_lost_a_file_is_told_as_such(server: Server):
    build = await queued(server, await made(server, "Web"))
    await upload(server, build, "drop/kept.txt", b"1", 201)
    place_of(server, build).rename(place_of(server, build).with_suffix(".away"))
    place_of(server, build).write_text("in the way")
    refused = await upload(server, build, "drop/new.txt", b"2", 503)
    assert "could not be written to the storage" in refused["message"]
    container = f"/default/_apis/resources/Containers/{build['id']}"
    lost = await server.ask("GET", f"{container}?itemPath=drop/kept.txt&$format=OctetStream")
    assert (lost.status_code, lost.headers["retry-after"]) == (503, "1")
    assert "could not be read from the storage" in lost.json()["message"]
    [kept] = (await server.ask("GET", container)).json()["value"]
    assert kept["path"] == "drop/kept.txt"
    place_of(server, build).unlink()
    await upload(server, build, "drop/new.txt", b"2", 201)


async def test_pieces_of_one_file_from_many_at_once_are_put_together_once(server: Server):
    build = await queued(server, await made(server, "Web"))
    url = f"/default/_apis/resources/Containers/{build['id']}?itemPath=drop/x"

    async def piece(first: int) -> int:
        headers = {"Content-Range": f"bytes {first}-{first}/9"}
        return (await server.ask("PUT", url, content=b"x", headers=headers)).status_code

    assert await piece(0) == 202
    for first in range(1, 8):
        assert sorted(await asyncio.gather(*[piece(first) for _ in range(4)])) == [202, *3 * [409]]
    assert sorted(await asyncio.gather(piece(8), piece(8))) == [201, 409]


async def content_of(server: Server, build: Any, path: str, status: int = 200) -> bytes:
    """The bytes that a file of the build has now."""
    url = f"/default/_apis/resources/Containers/{build['id']}?itemPath={path}&$format=OctetStream"
    answer = await server.ask("GET", url)
    assert answer.status_code == status, answer.text
    return answer.content


def part(first: int, last: int, total: int) -> dict[str, str]:
    return {"Content-Range": f"bytes {first}-{last}/{total}"}


async def test_a_file_stays_until_the_one_that_replaces_it_in_pieces_is_whole(server: Server):
    build = await queued(server, await made(server, "Web"))
    await upload(server, build, "drop/x", b"good", 201)
    await upload(server, build, "drop/x", b"ne", 202, **part(0, 1, 8))
    await upload(server, build, "drop/x", b"new", 202, **part(0, 2, 8))  # begun anew
    assert await content_of(server, build, "drop/x") == b"good"
    refused = await upload(server, build, "drop/x", b"ly", 409, **part(4, 5, 8))
    assert "3 bytes of this upload are there" in refused["message"]
    await upload(server, build, "drop/x", b"comer", 201, **part(3, 7, 8))
    assert await content_of(server, build, "drop/x") == b"newcomer"
    assert len(list(place_of(server, build).iterdir())) == 3  # no "ne"; "good" may be being read
    await upload(server, build, "drop/x", b"a", 409, **part(7, 7, 8))  # whole already


async def test_a_file_that_comes_whole_ends_an_upload_of_it_in_pieces(server: Server):
    build = await queued(server, await made(server, "Web"))
    await upload(server, build, "drop/x", b"ne", 202, **part(0, 1, 4))
    await content_of(server, build, "drop/x", 404)
    await upload(server, build, "drop/x", b"whole", 201)
    await upload(server, build, "drop/x", b"ws", 409, **part(2, 3, 4))
    assert await content_of(server, build, "drop/x") == b"whole"


async def test_downloads_under_way_end_with_what_they_began_with(server: Server):
    call = Call(server.installation)
    build = await queued(server, await made(server, "Web"))
    for path in ("drop/a", "drop/b"):
        await upload(server, build, path, b"old ", 202, **part(0, 3, 8))
        await upload(server, build, path, b"file", 201, **part(4, 7, 8))
    artifact = {"name": "drop", "resource": {"type": "Container", "data": f"#/{build['id']}/drop"}}
    await asked(server, "POST", f"builds/{build['id']}/artifacts", json=artifact)
    _, drop = await artifacts.get(call, build["id"], "drop")
    file = artifacts.bytes_of(call, await artifacts.file_at(call, build["id"], "drop/a"))
    zipped = await artifacts.zipped(call, build["id"], drop)
    begun, begun_zip = await anext(file), await anext(zipped)
    for path in ("drop/a", "drop/b"):
        await upload(server, build, path, b"new and longer", 201)
    assert begun + b"".join([piece async for piece in file]) == b"old file"
    whole = begun_zip + b"".join([piece async for piece in zipped])
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert [archive.read(f"drop/{name}") for name in "ab"] == [b"old file", b"old file"]
    assert await content_of(server, build, "drop/b") == b"new and longer"


async def test_a_file_is_read_and_sent_in_pieces_of_which_few_are_held(server: Server):
    files = server.installation.files
    body = bytes(range(256)) * 5000
    await files.put("builds/0/1/x", body)
    read = [piece async for piece in files.stream("builds/0/1/x")]
    assert max(map(len, read)) == 512 * 1024
    assert b"".join(read) == body

    async def large() -> AsyncIterator[bytes]:
        yield body
        yield body

    answer = await streamed(large(), "application/octet-stream")
    sent = [piece async for piece in answer.iterator]
    assert max(map(len, sent)) == 256 * 1024
    assert b"".join(sent) == body + body


async def test_a_folder_made_while_pieces_of_a_file_of_its_name_come_is_kept(server: Server):
    build = await queued(server, await made(server, "Web"))
    await upload(server, build, "drop/x", b"ne", 202, **part(0, 1, 4))
    await upload(server, build, "drop/x/y", b"inside", 201)
    await upload(server, build, "drop/x", b"ws", 409, **part(2, 3, 4))
    assert await content_of(server, build, "drop/x/y") == b"inside"


async def test_an_upload_is_forgotten_a_day_after_its_last_piece(server: Server):
    call = Call(server.installation)
    build = await queued(server, await made(server, "Web"))

    async def a_day_passes() -> None:
        async with server.database.transaction() as connection:
            await connection.execute(
                "UPDATE container_files SET created_at = created_at - interval '25 hours'"
            )

    await upload(server, build, "drop/x", b"good", 201)
    await upload(server, build, "drop/x", b"1", 202, **part(0, 0, 4))
    await a_day_passes()
    await upload(server, build, "drop/x", b"2", 202, **part(1, 1, 4))
    assert await artifacts.forget_unfinished(call) == 0  # it still goes on
    await upload(server, build, "drop/x", b"3", 202, **part(2, 2, 4))
    await a_day_passes()
    assert await artifacts.forget_unfinished(call) == 3
    await upload(server, build, "drop/x", b"4", 409, **part(3, 3, 4))
    assert await content_of(server, build, "drop/x") == b"good"
    assert len(list(place_of(server, build).iterdir())) == 1


REFUSALS = ("cannot be used", "must be one name", "control characters")


@pytest.mark.parametrize("name", ["..", ".", "a/..", "a\\b", "", "a\x00"])
async def test_an_artifact_of_a_name_that_no_folder_has_is_refused(
    server: Server, tmp_path: Path, name: str
):
    build = await queued(server, await made(server, "Web"))
    body = {"name": name, "resource": {"type": "Container"}}
    await asked(server, "POST", f"builds/{build['id']}/artifacts", 400, json=body)
    held = await claimed(server, build, "token")
    (tmp_path / "page.txt").write_text("x")
    call, page = Call(server.installation), str(tmp_path / "page.txt")
    for message in (
        ArtifactFiles(held.id, 0, name, "drop", page),
        ArtifactNamed(held.id, 0, name, "filepath", "/srv/docs"),
    ):
        problem = (await build_publishing.publish(call, held, message)).problem
        assert any(said in problem for said in REFUSALS), problem
    async with server.database.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM container_files") == 0
        assert await connection.fetchval("SELECT count(*) FROM build_artifacts") == 0


async def test_an_upload_of_which_nothing_more_comes_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(requests, "MOST_SILENT_SECONDS", 0.05)
    build = await queued(server, await made(server, "Web"))

    async def stalling() -> AsyncIterator[bytes]:
        yield b"1"
        await asyncio.Event().wait()

    url = f"/default/_apis/resources/Containers/{build['id']}?itemPath=drop/x"
    answer = await server.ask("PUT", url, content=stalling())
    assert answer.status_code == 408, answer.text
    assert "Nothing came for 0.05 seconds" in answer.json()["message"]
    assert list(place_of(server, build).iterdir()) == []


async def test_parts_of_a_file_are_downloaded_also_across_its_pieces(server: Server):
    build = await queued(server, await made(server, "Web"))
    for first in (0, 4):
        cut = {"Content-Range": f"bytes {first}-{first + 3}/8"}
        await upload(
            server, build, "drop/x", b"01234567"[first : first + 4], 202 - first // 4, **cut
        )
    await upload(server, build, "drop/none", b"", 201)
    url = f"/default/_apis/resources/Containers/{build['id']}?$format=OctetStream&itemPath=drop"

    async def part(asked: str, name: str = "x", **headers: str) -> tuple[int, bytes, str]:
        answer = await server.ask("GET", f"{url}/{name}", headers={"Range": asked, **headers})
        return answer.status_code, answer.content, answer.headers.get("content-range", "")

    assert await part("bytes=2-5") == (206, b"2345", "bytes 2-5/8")
    assert await part("bytes=4-") == (206, b"4567", "bytes 4-7/8")
    assert await part("bytes=6-99") == (206, b"67", "bytes 6-7/8")
    assert await part("bytes=-3") == (206, b"567", "bytes 5-7/8")
    assert await part("bytes=-99") == (206, b"01234567", "bytes 0-7/8")
    for whole in ("bytes=0-1,3-4", "bytes=5-2", "bytes=-", "lines=1-2", "bytes=a-b"):
        assert await part(whole) == (200, b"01234567", "")
    for outside, name, size in (
        ("bytes=8-", "x", 8),
        ("bytes=-0", "x", 8),
        ("bytes=0-", "none", 0),
    ):
        status, _, told = await part(outside, name)
        assert (status, told) == (416, f"bytes */{size}")
    tag = (await server.ask("GET", f"{url}/x")).headers["etag"]
    assert (await part("bytes=7-", **{"If-Range": tag}))[0] == 206
    assert (await part("bytes=7-", **{"If-Range": '"another"'}))[0] == 200


@pytest.mark.parametrize("cut", [{}, {"Content-Range": "bytes 0-1/4"}])
async def test_a_build_that_is_deleted_while_its_file_comes_keeps_nothing(server: Server, cut):
    build = await queued(server, await made(server, "Web"))

    async def interrupted() -> AsyncIterator[bytes]:
        yield b"1"
        async with server.database.transaction() as connection:
            await connection.execute("UPDATE builds SET is_deleted = true")
        yield b"2"

    url = f"/default/_apis/resources/Containers/{build['id']}?itemPath=drop/x"
    answer = await server.ask("PUT", url, content=interrupted(), headers=cut)
    assert answer.status_code == 404, answer.text
    assert list(place_of(server, build).iterdir()) == []
    async with server.database.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM container_files") == 0


async def claimed(server: Server, build: Any, token: str) -> HeldJob:
    """The build's only job, taken by a worker that shows this token."""
    number = BuildId(build["id"])
    async with server.database.read() as connection:
        job = await connection.fetchval("SELECT max(id) FROM jobs WHERE build_id = $1", number)
    await happening.happen(Call(server.installation), number, JobClaimed(job, "worker", token))
    return HeldJob(build_jobs.NO_RELEASE, JobId(job), token, "worker", number)


async def test_a_worker_that_lost_its_job_publishes_nothing_any_more(
    server: Server, tmp_path: Path
):
    """Its late files must not take the place of those of the attempt after it (I5)."""
    build = await queued(server, await made(server, "Web"))
    held = await claimed(server, build, "token")
    call, page = Call(server.installation), tmp_path / "page.txt"
    files = ArtifactFiles(held.id, 0, "drop", "drop", str(page))
    link = ArtifactNamed(held.id, 0, "docs", "filepath", "/srv/docs")
    page.write_text("in time")
    assert not (await build_publishing.publish(call, held, files)).problem
    page.write_text("too late")
    late = replace(held, token="lost")
    for message in (files, msgspec.structs.replace(files, folder="other"), link):
        assert (await build_publishing.publish(call, late, message)).problem == build_jobs.NOT_OURS
    url = f"builds/{build['id']}/artifacts"
    content = await asked(server, "GET", f"{url}?artifactName=drop&$format=zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "drop/page.txt": b"in time"
        }
    [only] = (await asked(server, "GET", url))["value"]
    assert only["source"]
    async with server.database.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM container_files") == 1
    assert not (await build_publishing.publish(call, held, link)).problem


async def test_a_container_that_the_caller_may_not_view_does_not_exist(server: Server):
    build = await queued(server, await made(server, "Web"))
    await upload(server, build, "drop/x", b"content", 201)
    stranger, reader = await server.user("eve"), await server.user("rita", groups=("Readers",))
    shut_out = await server.user("ann", groups=("Readers",))
    async with server.database.transaction() as connection:
        ann = await people.found(connection, "ann")
        denied = Grant(build["project"]["id"], deny=Permission(BuildPermission.VIEW_BUILDS.value))
        await stored_people.grant(connection, ann.id, denied, "build")

    async def told(place: str, token: str, method: str, number: int, **more: Any) -> Any:
        url = f"{place}/_apis/resources/Containers/{number}?itemPath=drop/x"
        answer = await server.ask(method, url, token=token, **more)
        message = answer.json().get("message", "") if answer.status_code >= 400 else ""
        return answer.status_code, message.replace(f"build {number} ", "build # ")

    for place in ("/default", "/default/Default"):
        for token in (stranger, shut_out):
            for method, more in (("GET", {}), ("PUT", {"content": b"mine"})):
                here = await told(place, token, method, build["id"], **more)
                assert here[0] == 404
                assert here == await told(place, token, method, 99999, **more)
    url = f"/default/_apis/build/builds/{build['id']}"
    assert (await server.ask("GET", url, token=stranger)).status_code == 404
    assert (await told("/default", reader, "GET", build["id"]))[0] == 200
    refused, why = await told("/default", reader, "PUT", build["id"], content=b"mine")
    assert refused == 403
    assert why.startswith("VS402904")
    assert await content_of(server, build, "drop/x") == b"content"


async def test_names_that_differ_only_in_case_do_not_overwrite_each_other(
    server: Server, tmp_path: Path
):
    build = await queued(server, await made(server, "Web"))
    await upload(server, build, "drop/READ.me", b"first", 201)
    for cut in ({}, part(0, 1, 4)):
        refused = await upload(server, build, "drop/read.me", b"ot", 409, **cut)
        alike = "'drop/READ.me' and 'drop/read.me' differ only in upper and lower case"
        assert alike in refused["message"]
    assert await content_of(server, build, "drop/READ.me") == b"first"
    await upload(server, build, "drop/READ.me", b"again", 201)
    assert await content_of(server, build, "drop/READ.me") == b"again"
    held = await claimed(server, build, "token")
    (tmp_path / "read.me").write_text("published")
    files = ArtifactFiles(held.id, 0, "drop", "drop", str(tmp_path / "read.me"))
    problem = (await build_publishing.publish(Call(server.installation), held, files)).problem
    assert alike in problem
    kept = sorted(one.read_bytes() for one in place_of(server, build).iterdir())
    assert kept == [b"again", b"first"], "nothing of what was refused"


async def test_pieces_of_another_spelling_are_no_pieces_of_the_upload(server: Server):
    build = await queued(server, await made(server, "Web"))
    await upload(server, build, "drop/x", b"ne", 202, **part(0, 1, 4))
    await upload(server, build, "drop/X", b"ws", 409, **part(2, 3, 4))
    await upload(server, build, "drop/x", b"ws", 201, **part(2, 3, 4))
    assert await content_of(server, build, "drop/x") == b"news"


async def test_a_name_that_no_disk_takes_is_refused_before_it_is_stored(
    server: Server, tmp_path: Path
):
    build = await queued(server, await made(server, "Web"))
    longest, longer = "\u00e4" * 127 + "x", "\u00e4" * 128
    await upload(server, build, f"drop/{longest}", b"fits", 201)
    held = await claimed(server, build, "token")
    (tmp_path / "x").write_text("x")
    call, place = Call(server.installation), str(tmp_path / "x")
    problems = [
        (await upload(server, build, f"{longer}/x", b"x", 400))["message"],
        (await upload(server, build, f"drop/{longer}", b"x", 400, **part(0, 0, 2)))["message"],
    ]
    for name, folder in ((longer, "drop"), ("drop", f"drop/{longer}")):
        files = ArtifactFiles(held.id, 0, name, folder, place)
        problems.append((await build_publishing.publish(call, held, files)).problem)
    assert ["256 bytes in UTF-8" in problem for problem in problems] == [True] * 4
    listed = await server.get(f"/default/_apis/resources/Containers/{build['id']}")
    assert [one["path"] for one in listed.json()["value"]] == [f"drop/{longest}"]


async def test_an_artifact_shows_the_masked_path_that_it_was_published_from(
    server: Server, tmp_path: Path
):
    build = await queued(server, await made(server, "Web"))
    held = await claimed(server, build, "token")
    page = tmp_path / "hunter2.txt"
    page.write_text("x")
    files = ArtifactFiles(held.id, 0, "***", "***", str(page), "/builds/***.txt")
    assert not (await build_publishing.publish(Call(server.installation), held, files)).problem
    [one] = (await asked(server, "GET", f"builds/{build['id']}/artifacts"))["value"]
    assert one["resource"]["data"] == f"#/{build['id']}/***"
    properties = {"localpath": "/builds/***.txt", "rootfolder": "***"}
    assert one["resource"]["properties"] == properties

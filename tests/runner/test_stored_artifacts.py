"""Downloading the artifacts of one of our own builds out of the storage (SEMANTICS 4.5)."""

import hashlib
from pathlib import Path

import pytest

from quaymaster.protocol.job import ArtifactDownload, JobResult, StoredFile
from quaymaster.runner.pool import HostPool
from tests.runner.make import Outcome, job, run, script


def stored(folder: Path, path: str, *pieces: bytes, sha256: str | None = None) -> StoredFile:
    """A file of a build whose objects are these pieces."""
    keys = []
    for number, piece in enumerate(pieces):
        key = f"builds/{hashlib.sha1(path.encode()).hexdigest()}-{number}"
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(piece)
        keys.append(key)
    whole = b"".join(pieces)
    digest = hashlib.sha256(whole).hexdigest() if sha256 is None else sha256
    return StoredFile(path, len(whole), digest, keys)


async def downloaded(
    pool: HostPool, tmp_path: Path, files: list[StoredFile], items: list[str] | None = None
) -> Outcome:
    download = ArtifactDownload("_ci", "Build", {"version": "7"}, items, files)
    return await run(
        pool,
        job(
            script("true"),
            artifacts=[download],
            storage=(tmp_path / "storage").as_uri(),
            work_directory=str(tmp_path / "w"),
        ),
    )


def found(tmp_path: Path) -> dict[str, bytes]:
    root = tmp_path / "w/r1/a/_ci"
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


async def test_every_file_is_copied_below_its_artifact_and_verified(
    pool: HostPool, tmp_path: Path
) -> None:
    storage = tmp_path / "storage"
    big = bytes(range(256)) * 20_000
    files = [
        stored(storage, "drop/web/index.html", b"<h1>"),
        stored(storage, "drop/big.bin", big[:3_000_000], big[3_000_000:]),
        stored(storage, "logs/empty", b""),
    ]
    outcome = await downloaded(pool, tmp_path, files)
    assert outcome.result is JobResult.SUCCEEDED, outcome.log_of(2)
    assert found(tmp_path) == {
        "drop/web/index.html": b"<h1>",
        "drop/big.bin": big,
        "logs/empty": b"",
    }
    assert "3 checksums were right" in outcome.log_of(2)


async def test_a_selective_download_takes_only_what_was_chosen(
    pool: HostPool, tmp_path: Path
) -> None:
    storage = tmp_path / "storage"
    files = [stored(storage, name, b"x") for name in ("drop/a.zip", "drop/b.txt", "logs/c.zip")]
    await downloaded(pool, tmp_path, files, ["drop/*.zip", "logs"])
    assert set(found(tmp_path)) == {"drop/a.zip", "logs/c.zip"}


async def test_a_file_that_was_changed_in_the_storage_fails_the_job(
    pool: HostPool, tmp_path: Path
) -> None:
    storage = tmp_path / "storage"
    for wrong in (
        stored(storage, "drop/a", b"x", sha256="0" * 64),
        StoredFile("drop/b", 99, "", stored(storage, "drop/b", b"short").keys),
    ):
        outcome = await downloaded(pool, tmp_path, [wrong])
        assert outcome.result is JobResult.FAILED
        assert outcome.results() == ["Skipped"]
        assert "is not what was published" in outcome.log_of(2)
        assert found(tmp_path) == {}


@pytest.mark.parametrize("path", ["../../../out", "/etc/out", "a/../../out"])
async def test_a_name_that_leads_out_is_refused(pool: HostPool, tmp_path: Path, path: str) -> None:
    outcome = await downloaded(pool, tmp_path, [stored(tmp_path / "storage", path, b"x")])
    assert outcome.result is JobResult.FAILED
    assert "forbidden name" in outcome.log_of(2)
    assert not list(tmp_path.rglob("out"))


async def test_an_object_that_is_gone_is_said(pool: HostPool, tmp_path: Path) -> None:
    gone = StoredFile("drop/a", 1, "", ["builds/never"])
    (tmp_path / "storage").mkdir()
    outcome = await downloaded(pool, tmp_path, [gone])
    assert outcome.result is JobResult.FAILED
    assert "The storage did not give a file" in outcome.log_of(2)

"""ExtractFiles@1, also with archives that mean harm (RELIABILITY R-11)."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from quaymaster.runner.tasks import archives
from quaymaster.runner.tasks.call import TaskFailed
from tests.runner.call import handle, plant, tree
from tests.runner.make import EXTRACT_FILES


def zipped(path: Path, entries: list[tuple[str, bytes]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def zip_link(path: Path, name: str, target: str) -> Path:
    with zipfile.ZipFile(path, "a") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, target)
    return path


def tarred(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    mode = "w:gz" if path.suffix in (".gz", ".tgz") else "w"
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.mode = kind, link, 0o755
    return entry


async def extract(directory: Path, **inputs: str) -> Path:
    target = directory / "out"
    await handle(EXTRACT_FILES, "1.*", directory, destinationFolder=str(target), **inputs)
    return target


async def test_zip_and_tar_archives_are_unpacked(tmp_path: Path) -> None:
    zipped(tmp_path / "in/site.zip", [("a.txt", b"A"), ("d/b.txt", b"B"), ("e/", b"")])
    tarred(
        tmp_path / "in/app.tgz",
        (member("./bin/run"), b"#!/bin/sh\n"),
        (member("bin/link", tarfile.SYMTYPE, "run"), b""),
    )
    target = await extract(tmp_path, archiveFilePatterns="in/*.zip\nin/*.tgz")
    assert tree(target) == ["a.txt", "bin/link", "bin/run", "d/b.txt"]
    assert (target / "bin/run").stat().st_mode & 0o100
    assert (target / "bin/link").read_text() == "#!/bin/sh\n"


async def test_full_paths_may_be_used_as_patterns(tmp_path: Path) -> None:
    zipped(tmp_path / "in/site.zip", [("a.txt", b"A")])
    assert tree(await extract(tmp_path, archiveFilePatterns=f"{tmp_path}/**/*.zip")) == ["a.txt"]


async def test_no_archive_at_all_fails(tmp_path: Path) -> None:
    with pytest.raises(TaskFailed, match="No archive matches"):
        await extract(tmp_path, archiveFilePatterns="*.zip")


async def test_existing_files_fail_the_task_unless_they_may_be_replaced(tmp_path: Path) -> None:
    zipped(tmp_path / "s.zip", [("a.txt", b"new")])
    plant(tmp_path / "out", "a.txt", "other")
    with pytest.raises(TaskFailed, match=r"a\.txt exists already"):
        await extract(tmp_path, cleanDestinationFolder="false")
    await extract(tmp_path, cleanDestinationFolder="false", overwriteExistingFiles="true")
    assert (tmp_path / "out/a.txt").read_text() == "new"
    assert tree(tmp_path / "out") == ["a.txt", "other"]


async def test_a_destination_that_holds_the_archive_is_not_cleaned(tmp_path: Path) -> None:
    zipped(tmp_path / "s.zip", [("a.txt", b"new")])
    with pytest.raises(TaskFailed, match="cannot be cleaned: it holds the archive"):
        await handle(EXTRACT_FILES, "1.*", tmp_path, destinationFolder=str(tmp_path))
    assert (tmp_path / "s.zip").exists()


def evil_zip(*entries: tuple[str, bytes]) -> Callable[[Path], Path]:
    return lambda directory: zipped(directory / "evil.zip", list(entries))


def evil_tar(*members: tuple[tarfile.TarInfo, bytes]) -> Callable[[Path], Path]:
    return lambda directory: tarred(directory / "evil.tar", *members)


EVIL: dict[str, tuple[Callable[[Path], Path], str]] = {
    "zip up": (evil_zip(("../pwned", b"x")), "would leave"),
    "zip absolute": (evil_zip(("/tmp/pwned", b"x")), "would leave"),
    "zip backslash": (evil_zip(("..\\pwned", b"x")), "would leave"),
    "zip drive": (evil_zip(("C:/pwned", b"x")), "would leave"),
    "zip file and folder": (evil_zip(("a", b"x"), ("a/b", b"x")), "lies below a file"),
    "zip link out": (lambda d: zip_link(d / "evil.zip", "l", "/etc"), "leads out"),
    "zip link up": (lambda d: zip_link(d / "evil.zip", "a/l", "../../x"), "leads out"),
    "tar up": (evil_tar((member("a/../../pwned"), b"x")), "would leave"),
    "tar twice": (evil_tar((member("a"), b"1"), (member("./a"), b"2")), "comes twice"),
    "tar hard link": (evil_tar((member("a", tarfile.LNKTYPE, "/etc/passwd"), b"")), "neither"),
    "tar device": (evil_tar((member("a", tarfile.CHRTYPE), b"")), "neither"),
    "tar pipe": (evil_tar((member("a", tarfile.FIFOTYPE), b"")), "neither"),
    "tar climbing link": (
        evil_tar((member("b", tarfile.SYMTYPE, "."), b""),
                 (member("a", tarfile.SYMTYPE, "b/b/../../.."), b"")),
        "leads out",
    ),
    "bomb": (evil_zip(("zeros", bytes(70 * 1024 * 1024))), "grows beyond"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "reason"), EVIL.values(), ids=EVIL.keys())
async def test_a_harmful_archive_is_refused_and_leaves_nothing(
    tmp_path: Path, make: Callable[[Path], Path], reason: str
) -> None:
    make(tmp_path)
    with pytest.raises(TaskFailed, match=reason):
        await extract(tmp_path, archiveFilePatterns="evil.*")
    assert tree(tmp_path / "out") == []
    assert not (tmp_path / "pwned").exists()


async def test_nothing_is_written_through_a_link_of_the_archive(tmp_path: Path) -> None:
    tarred(
        tmp_path / "evil.tar",
        (member("d", tarfile.SYMTYPE, "e"), b""),
        (member("d/f"), b"x"),
    )
    with pytest.raises((TaskFailed, FileExistsError)):
        await extract(tmp_path, archiveFilePatterns="evil.tar")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not really", b"x" * 1000])
@pytest.mark.parametrize("name", ["b.zip", "b.tar", "b.tar.gz"])
async def test_a_broken_archive_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TaskFailed, match="cannot be read"):
        await extract(tmp_path, archiveFilePatterns=name)


async def test_too_many_entries_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "USUAL", archives.Limits(entries=10))
    zipped(tmp_path / "many.zip", [(str(n), b"") for n in range(11)])
    with pytest.raises(TaskFailed, match="more than 10 entries"):
        await extract(tmp_path)


async def test_a_7z_archive_without_the_tool_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.7z").write_bytes(b"7z")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(TaskFailed, match="no 7-Zip"):
        await extract(tmp_path, archiveFilePatterns="a.7z")

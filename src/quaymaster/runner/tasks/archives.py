"""Reads zip and tar archives that nobody vouches for (RELIABILITY R-11).

Everything is unpacked into a fresh directory first. An entry that would leave it, comes twice, is
a device or a hard link, or an archive that grows out of proportion, is refused as a whole.
"""

import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from quaymaster.runner.containment import link_stays_inside, safe_parts

LARGEST_BYTES = 20 * 1024**3
MOST_ENTRIES = 200_000
FREE_BYTES = 64 * 1024**2
LARGEST_RATIO = 200
LONGEST_LINK = 4096
PIECE = 256 * 1024

TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz")
ZIP_ENDINGS = (".zip", ".jar", ".war", ".ear", ".nupkg")


class ArchiveRefused(Exception):
    """The archive is broken or dangerous; the text says which entry and why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may hold; `links` False refuses symbolic links of any kind."""

    bytes: int = LARGEST_BYTES
    entries: int = MOST_ENTRIES
    links: bool = True


USUAL = Limits()


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: `link` is where a symbolic link leads, `open` gives a file's content."""

    name: str
    mode: int
    is_directory: bool = False
    link: str | None = None
    open: Callable[[], AbstractContextManager[IO[bytes]]] | None = None


def everything(_name: str) -> bool:
    """What is wanted of an archive that is unpacked whole."""
    return True


def unpack(
    archive: Path,
    target: Path,
    check: Callable[[], None],
    limits: Limits | None = None,
    wanted: Callable[[str], bool] = everything,
) -> int:
    """Unpack into a directory without links; gives the number of files. `check` is called in
    between. Only entries that are `wanted` by their name are written.

    Raises ArchiveRefused; what is in `target` is then incomplete and of no use.
    """
    try:
        if archive.name.lower().endswith(TAR_ENDINGS):
            entries = _tar_entries(archive)
        else:
            entries = _zip_entries(archive)
        return _Unpacking(archive, target, check, limits or USUAL, wanted).run(entries)
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        NotImplementedError,
    ) as error:
        raise ArchiveRefused(f"{archive.name} cannot be read: {error}.") from error
    except OSError as error:
        if error.errno is not None:
            raise  # the disk's, not the archive's
        raise ArchiveRefused(f"{archive.name} cannot be read: {error}.") from error
    except RuntimeError as error:
        raise ArchiveRefused(f"{archive.name} is encrypted; it cannot be read.") from error


class _Unpacking:
    """The counters and names of one archive while it is unpacked."""

    def __init__(
        self,
        archive: Path,
        target: Path,
        check: Callable[[], None],
        limits: Limits,
        wanted: Callable[[str], bool],
    ) -> None:
        self._archive = archive
        self._target = target
        self._check = check
        self._limits = limits
        self._wanted = wanted
        self._allowed = min(limits.bytes, max(FREE_BYTES, archive.stat().st_size * LARGEST_RATIO))
        self._written = 0
        self._seen: set[tuple[str, ...]] = set()
        self._links: list[tuple[tuple[str, ...], str]] = []

    def run(self, entries: Iterator[Entry]) -> int:
        """Write directories and files, then the links, so that nothing is written through one."""
        files = 0
        for count, entry in enumerate(entries, 1):
            self._check()
            if count > self._limits.entries:
                raise self._refused(f"it has more than {self._limits.entries} entries")
            files += self._take(entry)
        for parts, leads_to in self._links:
            place = self._place(parts)
            place.symlink_to(leads_to)
        return files

    def _take(self, entry: Entry) -> int:
        parts = safe_parts(entry.name)
        if parts is None:
            if entry.is_directory and entry.name.strip("./") == "" and ".." not in entry.name:
                return 0
            raise self._refused(f"the entry {entry.name!r} would leave the target directory")
        if not self._wanted("/".join(parts)):
            return 0
        if entry.is_directory:
            self._place(parts).mkdir(exist_ok=True)
            return 0
        if parts in self._seen:
            raise self._refused(f"the entry {entry.name!r} comes twice")
        self._seen.add(parts)
        if entry.link is not None:
            self._remember_link(entry, parts)
        else:
            self._write(entry, parts)
        return 1

    def _remember_link(self, entry: Entry, parts: tuple[str, ...]) -> None:
        if not self._limits.links:
            raise self._refused(f"the entry {entry.name!r} is a symbolic link")
        if not link_stays_inside("/".join(parts), entry.link or ""):
            raise self._refused(f"the link {entry.name!r} leads out of the target directory")
        self._links.append((parts, entry.link or ""))

    def _write(self, entry: Entry, parts: tuple[str, ...]) -> None:
        if entry.open is None:
            raise self._refused(
                f"the entry {entry.name!r} is neither a file, a directory nor a link"
            )
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        executable = 0o755 if entry.mode & 0o111 else 0o644
        descriptor = os.open(self._place(parts), flags, executable)
        with os.fdopen(descriptor, "wb") as file, entry.open() as content:
            while piece := content.read(PIECE):
                self._written += len(piece)
                if self._written > self._allowed:
                    raise self._refused(f"it grows beyond {self._allowed} bytes when unpacked")
                file.write(piece)
                self._check()

    def _place(self, parts: tuple[str, ...]) -> Path:
        place = self._target.joinpath(*parts)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise self._refused(f"{'/'.join(parts)!r} lies below a file") from error
        return place

    def _refused(self, reason: str) -> ArchiveRefused:
        return ArchiveRefused(f"{self._archive.name} was refused: {reason}.")


def _zip_entries(archive: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            mode = member.external_attr >> 16
            kind = stat.S_IFMT(mode)
            is_link = kind == stat.S_IFLNK
            is_plain = kind in (0, stat.S_IFREG)
            if is_link and member.file_size > LONGEST_LINK:
                raise ArchiveRefused(f"{archive.name} was refused: a link is too long.")
            yield Entry(
                name=member.filename.rstrip("/"),
                mode=mode,
                is_directory=member.is_dir(),
                link=os.fsdecode(opened.read(member)) if is_link else None,
                open=_opener(opened, member) if is_plain else None,
            )


def _opener(
    opened: zipfile.ZipFile, member: zipfile.ZipInfo
) -> Callable[[], AbstractContextManager[IO[bytes]]]:
    return lambda: opened.open(member)


def _tar_entries(archive: Path) -> Iterator[Entry]:
    with tarfile.open(archive, "r:*") as opened:
        for member in opened:
            yield Entry(
                name=member.name,
                mode=member.mode,
                is_directory=member.isdir(),
                link=member.linkname if member.issym() else None,
                open=_tar_opener(opened, member) if member.isreg() else None,
            )
        _read_to_the_end(archive, opened)


def _read_to_the_end(archive: Path, opened: tarfile.TarFile) -> None:
    """What is compressed has its sum behind everything else, and only who reads it compares it."""
    left = FREE_BYTES
    while opened.fileobj is not None and (piece := opened.fileobj.read(PIECE)):
        left -= len(piece)
        if left < 0:
            raise ArchiveRefused(f"{archive.name} was refused: too much follows its end.")


def _tar_opener(
    opened: tarfile.TarFile, member: tarfile.TarInfo
) -> Callable[[], AbstractContextManager[IO[bytes]]]:
    @contextmanager
    def content() -> Iterator[IO[bytes]]:
        file = opened.extractfile(member)
        if file is None:
            raise ArchiveRefused(f"The entry {member.name!r} has no content.")
        with file:
            yield file

    return content

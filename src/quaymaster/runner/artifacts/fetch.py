"""Downloads one version of an artifact from its source; run as a program of its own.

As a child process it can be ended at any moment and gives its memory back. It reads what to do
from the environment variable QUAYMASTER_DOWNLOAD and prints lines for the log. Nothing leaves its
folder, everything is bounded, and what has a checksum is not kept unless that is right.
"""

import asyncio
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.outgoing.requests import Unreachable, WebRequest
from quaymaster.protocol.job import Endpoint
from quaymaster.runner.containment import safe_parts
from quaymaster.runner.items import taker
from quaymaster.runner.programs import EXIT_FAILED, EXIT_FINAL, say
from quaymaster.runner.tasks import archives
from quaymaster.runner.tasks.call import TaskFailed
from quaymaster.sources.asking import Asked, SourceProblem
from quaymaster.sources.source import sources
from quaymaster.sources.versions import Checksum, RemoteFile

if TYPE_CHECKING:
    from quaymaster.outgoing.http import GuardedClient

REQUEST_VARIABLE = "QUAYMASTER_DOWNLOAD"
AT_ONCE = 4
MOST_FILES = archives.MOST_ENTRIES
MOST_BYTES = archives.LARGEST_BYTES
ANSWER_BYTES = 64 * 1024**2  # of a list of files
_ALGORITHMS = ("md5", "sha1", "sha256", "sha384", "sha512")


class Download(msgspec.Struct, frozen=True):
    """What to download and where to; `allowed` are the addresses beside public ones."""

    alias: str
    type: str
    version: str
    target: str
    aside: str
    reference: dict[str, str]
    items: list[str] | None = None
    connection: Endpoint | None = None
    allowed: list[str] = []


_EXPECTED = (
    *(SourceProblem, Unreachable, archives.ArchiveRefused, TaskFailed, OSError),
    ValueError,  # an address that a source told is not a URL
)


def main() -> int:
    """Do what the environment asks; the exit code says whether a retry may help."""
    asked = msgspec.json.decode(os.environ.pop(REQUEST_VARIABLE), type=Download)
    try:
        with tempfile.TemporaryDirectory(prefix="artifact-", dir=asked.aside) as aside:
            asyncio.run(_Fetching.of(asked, Path(aside)).run())
    except _EXPECTED as error:
        say(f"##[error]{error}")
        may_pass = isinstance(error, Unreachable | OSError) or (
            isinstance(error, SourceProblem) and not error.is_final
        )
        return EXIT_FAILED if may_pass else EXIT_FINAL
    return 0


@dataclass(slots=True)
class _Fetching:
    """One artifact on its way, and what has come of it."""

    wanted: Download
    aside: Path
    client: "GuardedClient"
    takes: Callable[[str], bool]
    files: int = 0
    bytes: int = 0
    verified: int = 0
    places: set[str] = field(default_factory=set)

    @staticmethod
    def of(wanted: Download, aside: Path) -> "_Fetching":
        # Every job host knows this module, and none of them fetches anything itself.
        from quaymaster.outgoing.http import GuardedClient  # noqa: PLC0415 - needs 6 MB

        allowed = AllowedAddresses.of(tuple(wanted.allowed))
        client = GuardedClient(allowed, most_bytes=ANSWER_BYTES)
        return _Fetching(wanted, aside, client, taker(wanted.items))

    async def run(self) -> None:
        wanted = self.wanted
        source = sources()[wanted.type.casefold()]
        asked = Asked(wanted.alias, wanted.type, wanted.reference, wanted.connection)
        listed = await source.files(self.client, asked, wanted.version)
        if len(listed) > MOST_FILES:
            raise SourceProblem(
                f"Artifact {wanted.alias} has {len(listed)} files; at most {MOST_FILES} are taken."
            )
        free = asyncio.Semaphore(AT_ONCE)

        async def one(file: RemoteFile) -> None:
            async with free:
                await self._take(file)

        working = [asyncio.ensure_future(one(file)) for file in listed]
        try:
            await asyncio.gather(*working)
        finally:
            for work in working:
                work.cancel()
        say(
            f"Downloaded {self.files} files, {self.bytes} bytes; "
            f"{self.verified} downloads had a checksum, which was right."
        )

    async def _take(self, file: RemoteFile) -> None:
        if not file.unpacked and not self.takes(file.path):
            return
        place = self._place(file.path) if file.path else Path(self.wanted.target)
        kept = await self._save(file)
        if file.unpacked:
            self.files += await asyncio.to_thread(self._unpack, kept, place)
            return
        kept.replace(place)
        self.files += 1
        say(f"Downloaded {file.path}")

    def _unpack(self, archive: Path, place: Path) -> int:
        """Unpack a whole archive aside, and move what is in it into place.

        Two archives may not share a folder: a link of one could lead files of the other astray.
        """
        fresh = archive.with_suffix(".unpacked")
        fresh.mkdir()
        limits = archives.Limits(bytes=MOST_BYTES)
        count = archives.unpack(archive, fresh, lambda: None, limits, self.takes)
        place.mkdir(parents=True, exist_ok=True)
        for entry in fresh.iterdir():
            if (place / entry.name).exists():
                raise SourceProblem(f"Artifact {self.wanted.alias} holds {entry.name!r} twice.")
            entry.replace(place / entry.name)
        say(f"Unpacked {count} files.")
        return count

    async def _save(self, file: RemoteFile) -> Path:
        """Stream a file to a place of its own aside, counting and adding up; where it is."""
        sum_up = _summing(file.checksum)
        size = 0
        ending = f".{file.unpacked}" if file.unpacked else ".part"
        descriptor, name = tempfile.mkstemp(ending, dir=self.aside)
        with os.fdopen(descriptor, "wb") as out:

            def take(part: bytes) -> None:
                nonlocal size
                out.write(part)
                size += len(part)
                self.bytes += len(part)
                if self.bytes > MOST_BYTES:
                    raise SourceProblem(
                        f"Artifact {self.wanted.alias} is larger than {MOST_BYTES} bytes."
                    )
                if sum_up is not None:
                    sum_up.update(part)

            request = WebRequest("GET", file.url, {"User-Agent": "Quaymaster", **file.headers})
            answer = await self.client.save(request, take, MOST_BYTES)
        shown = file.path or "its archive"
        if not 200 <= answer.status < 300:
            raise SourceProblem(
                f"Artifact {self.wanted.alias}: {shown} was not given; the server answered "
                f"{answer.status}.",
                is_final=400 <= answer.status < 500 and answer.status not in (408, 429),
            )
        self._check(file, shown, size, sum_up)
        return Path(name)

    def _check(self, file: RemoteFile, name: str, size: int, sum_up: Any) -> None:
        if file.size is not None and size != file.size:
            raise SourceProblem(
                f"Artifact {self.wanted.alias}: {name} came with {size} bytes in place of "
                f"{file.size}.",
                is_final=False,
            )
        if file.checksum is None or sum_up is None:
            return
        if sum_up.hexdigest() != file.checksum.digest.lower():
            raise SourceProblem(
                f"Artifact {self.wanted.alias}: {name} does not have the {file.checksum.algorithm} "
                f"checksum that its source tells ({file.checksum.digest}); it was not kept."
            )
        self.verified += 1

    def _parts(self, path: str) -> tuple[str, ...]:
        parts = safe_parts(path)
        if parts is None:
            raise SourceProblem(
                f"Artifact {self.wanted.alias} holds a file with the forbidden name {path!r}."
            )
        return parts

    def _place(self, path: str) -> Path:
        parts = self._parts(path)
        if (whole := "/".join(parts)) in self.places:
            raise SourceProblem(f"Artifact {self.wanted.alias} holds {whole!r} twice.")
        self.places.add(whole)
        place = Path(self.wanted.target, *parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place


def _summing(checksum: Checksum | None) -> Any:
    """The running sum of a download; an algorithm that is not known is a refusal."""
    if checksum is None:
        return None
    if checksum.algorithm not in _ALGORITHMS:
        raise SourceProblem(
            f"The checksum {checksum.algorithm[:20]!r} of a file cannot be verified."
        )
    return hashlib.new(checksum.algorithm, usedforsecurity=False)


if __name__ == "__main__":
    sys.exit(main())

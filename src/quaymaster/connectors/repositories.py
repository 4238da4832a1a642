"""Git repositories, on this machine or on the network, as the actions read them.

What is on the network is copied into a folder first and read there. What reads git is loaded with
the first question: it takes 10 MB that most processes of an idle product never need.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from quaymaster.actions.ports.outside import CodeRepository, Commit, Listed
from quaymaster.actions.ports.picking import Offer, Pick, Picked
from quaymaster.domain.errors import Invalid, Refused
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.runner.repositories.keeping import KEPT_UNUSED, remove_unused
from quaymaster.runner.repositories.reach import KNOWN_HOSTS, Errand, Reach

if TYPE_CHECKING:
    from dulwich.repo import Repo

    from quaymaster.runner.repositories.addresses import Address

T = TypeVar("T")
AT_ONCE = 16
LONGEST_SECONDS = 900.0
SECONDS_FOR_REFS = 60.0  # which are asked for without copying anything


class GitFolder:
    """The `Repositories` whose copies are kept in a folder.

    `seconds` bound every question, its time in line and copying what it is about included. Whoever
    asked may leave before; the copy is finished for the next one who asks. No path inside of
    `home`, where the product keeps copies and files of all projects, is a repository.
    """

    def __init__(
        self,
        folder: Path,
        allowed: AllowedAddresses,
        seconds: float = LONGEST_SECONDS,
        home: Path | None = None,
    ) -> None:
        self._folder = folder
        self._allowed = allowed
        self._seconds = seconds
        self._home = (home or folder).resolve()
        self._threads = ThreadPoolExecutor(AT_ONCE, "git")  # others' disk work must not wait for it
        self._running: set[asyncio.Task[Any]] = set()

    async def heads(self, repository: CodeRepository) -> Mapping[str, str]:
        """The commit id of each ref as it is now."""
        from quaymaster.connectors import repository_reading as reading  # noqa: PLC0415

        def ask(reach: Reach) -> Mapping[str, str]:
            from quaymaster.runner.repositories import mirrors  # noqa: PLC0415

            place = self._place(repository)
            if place.path is not None:
                with reading.opened(place.path) as found:
                    return reading.heads(found)
            mirror = mirrors.place_of(place, self._folder)
            return mirrors.refs(place, mirror, reach)

        return await self._answer(repository, ask, SECONDS_FOR_REFS)

    async def commit(self, repository: CodeRepository, named: str) -> Commit:
        """The commit that a ref, a branch, a tag or an id means; "" is the default branch's."""
        from quaymaster.connectors import repository_reading as reading  # noqa: PLC0415

        return await self.read(repository, lambda found: reading.commit(found, named), "")

    async def commits(
        self, repository: CodeRepository, older: str, newer: str, most: int
    ) -> list[Commit]:
        """The commits of `newer` that are not in `older`, newest first."""
        from quaymaster.connectors import repository_reading as reading  # noqa: PLC0415

        return await self.read(
            repository, lambda found: reading.commits(found, older, newer, most), newer
        )

    async def changes(
        self, repository: CodeRepository, older: str, newer: str, most: int
    ) -> list[tuple[Commit, list[str]]]:
        """The same commits with the paths that each changed."""
        from quaymaster.connectors import repository_reading as reading  # noqa: PLC0415

        def ask(found: "Repo") -> list[tuple[Commit, list[str]]]:
            listed = reading.commits(found, older, newer, most)
            return [(one, reading.paths(found, "", one.id)) for one in listed]

        return await self.read(repository, ask, newer)

    async def paths(self, repository: CodeRepository, older: str, newer: str) -> list[str]:
        """The paths in which two commits differ."""
        from quaymaster.connectors import repository_reading as reading  # noqa: PLC0415

        return await self.read(repository, lambda found: reading.paths(found, older, newer), newer)

    async def history(self, repository: CodeRepository, newer: str, most: int) -> list[Commit]:
        """A commit and those before it, newest first."""
        from quaymaster.connectors import repository_reading as reading  # noqa: PLC0415

        return await self.read(repository, lambda found: reading.history(found, newer, most), newer)

    async def contained(
        self, repository: CodeRepository, commit: str, wanted: Sequence[str]
    ) -> set[str]:
        """Those of these commits that a commit has, itself or as picks."""
        from quaymaster.connectors.cherry_picking import contained  # noqa: PLC0415

        return await self.read(repository, lambda found: contained(found, commit, wanted), commit)

    async def picked(self, repository: CodeRepository, pick: Pick) -> Picked:
        """Put commits on another and move a branch there."""

        def ask(reach: Reach) -> Picked:
            from dulwich.file import FileLocked  # noqa: PLC0415

            from quaymaster.connectors import cherry_picking  # noqa: PLC0415
            from quaymaster.connectors.repository_reading import opened  # noqa: PLC0415
            from quaymaster.runner.repositories.program import GitFailed  # noqa: PLC0415

            copy = self._copy(repository, "", reach)
            with opened(copy) as found:
                try:
                    made = cherry_picking.put_on(found, pick)
                except FileLocked as error:
                    raise GitFailed("Somebody else writes the very same commits.") from error
                if made.commit and made.commit != pick.base:
                    _move(Point(repository, found, reach), pick, made.commit)
            return made

        return await self._answer(repository, ask)

    async def offered(self, repository: CodeRepository, offer: Offer) -> None:
        """Make the two branches of an offer, where they are not there already."""

        def ask(reach: Reach) -> None:
            from quaymaster.connectors import repository_reading as reading  # noqa: PLC0415

            with reading.opened(self._copy(repository, "", reach)) as found:
                known = reading.heads(found)
                for ref, commit in ((offer.branch, offer.base), (offer.head, offer.commit)):
                    if ref not in known:
                        Point(repository, found, reach).to(ref, "", commit)

        await self._answer(repository, ask)

    async def file(self, repository: CodeRepository, commit: str, path: str) -> bytes:
        """The content of a file of a commit."""
        from quaymaster.connectors import repository_reading as reading  # noqa: PLC0415

        return await self.read(repository, lambda found: reading.file(found, commit, path), commit)

    async def folder(self, repository: CodeRepository, commit: str, path: str) -> list[Listed]:
        """What is in a folder of a commit, folders first."""
        from quaymaster.connectors import repository_reading as reading  # noqa: PLC0415

        return await self.read(
            repository, lambda found: reading.folder(found, commit, path), commit
        )

    async def forget_unused(self, unused: timedelta = KEPT_UNUSED) -> int:
        """Remove the copies that nobody asked anything of for so long; how many."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, remove_unused, self._folder, unused)

    async def read(
        self, repository: CodeRepository, question: "Callable[[Repo], T]", commit: str
    ) -> T:
        """Ask a repository something in a thread, of a copy that has this commit, or ("") of one
        that is as new as can be. Raises Invalid."""

        def ask(reach: Reach) -> T:
            from quaymaster.connectors import repository_reading as reading  # noqa: PLC0415

            place = self._copy(repository, commit, reach)
            with reading.opened(place) as found:
                return question(found)

        return await self._answer(repository, ask)

    async def _answer(
        self,
        repository: CodeRepository,
        ask: Callable[[Reach], T],
        seconds: float = LONGEST_SECONDS,
    ) -> T:
        """The answer of a question that is asked in a thread. Raises Invalid, also when there is
        none in time."""
        errand = Errand()
        seconds = min(seconds, self._seconds)
        working = asyncio.create_task(self._bounded(repository, ask, errand, seconds))
        self._running.add(working)
        working.add_done_callback(self._ended)
        try:
            return await asyncio.shield(working)
        finally:
            errand.leave()

    async def _bounded(
        self,
        repository: CodeRepository,
        ask: Callable[[Reach], T],
        errand: Errand,
        seconds: float,
    ) -> T:
        """The same until its time is over or this program ends, after which nothing runs on."""
        reach = Reach(self._allowed, self._folder / KNOWN_HOSTS, errand)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                return await loop.run_in_executor(self._threads, _said, repository, ask, reach)
        except TimeoutError:
            raise Invalid(_too_late(repository, seconds)) from None
        finally:
            errand.break_off()

    def _ended(self, working: "asyncio.Task[Any]") -> None:
        self._running.discard(working)
        if not working.cancelled():
            working.exception()  # whoever asked has it, or has left

    def _place(self, repository: CodeRepository) -> "Address":
        """Where a repository is. Raises CannotReach."""
        from quaymaster.connectors import repository_reading as reading  # noqa: PLC0415
        from quaymaster.runner.repositories.addresses import CannotReach  # noqa: PLC0415

        place = reading.place_of(repository)
        if place.path is not None and place.path.resolve().is_relative_to(self._home):
            raise CannotReach(
                f"{place.shown} is kept by the product for itself. Name the repository by the "
                "address that it is fetched from, or a path elsewhere."
            )
        return place

    def _copy(self, repository: CodeRepository, commit: str, reach: Reach) -> Path:
        from quaymaster.connectors import repository_reading as reading  # noqa: PLC0415
        from quaymaster.runner.repositories import keeping, mirrors  # noqa: PLC0415

        place = self._place(repository)
        if place.path is not None:
            return place.path
        mirror = mirrors.place_of(place, self._folder)
        if commit and mirror.exists():
            with reading.opened(mirror) as found:
                if reading.has(found, commit):
                    keeping.use(mirror)
                    return mirror
        return mirrors.up_to_date(place, mirror, reach)


@dataclass(frozen=True, slots=True)
class Point:
    """Lets refs of a repository point to other commits, which its copy has."""

    repository: CodeRepository
    copy: "Repo"
    reach: Reach

    def to(self, ref: str, before: str, commit: str) -> None:
        """Let a ref point to a commit instead of that before ("": it was not there)."""
        from quaymaster.connectors import repository_reading as reading  # noqa: PLC0415
        from quaymaster.runner.repositories import pushing  # noqa: PLC0415

        place = reading.place_of(self.repository)
        if place.path is not None:
            pushing.move(self.copy, ref, before, commit)
        else:
            pushing.push(place, Path(self.copy.path), self.reach, ref, before, commit)


def _move(point: Point, pick: Pick, commit: str) -> None:
    """Let the branch point to the commit, when all it has is part of that. Raises Refused."""
    from quaymaster.connectors import repository_reading as reading  # noqa: PLC0415
    from quaymaster.connectors.cherry_picking import contained  # noqa: PLC0415

    before = reading.heads(point.copy).get(pick.branch, "")
    if before == commit:
        return
    if before and not contained(point.copy, commit, [before]):
        raise Refused(
            f"{pick.branch} is at {before[:12]}, which is no part of the release. Move it to "
            f"{pick.base[:12]} or remove it, and ask again."
        )
    point.to(pick.branch, before, commit)


def _said(repository: CodeRepository, ask: Callable[[Reach], T], reach: Reach) -> T:
    """The answer; whatever is wrong with the repository becomes a sentence."""
    from quaymaster.connectors.repository_reading import TROUBLES, sentence  # noqa: PLC0415

    try:
        return ask(reach)
    except TROUBLES as trouble:
        raise Invalid(sentence(repository, trouble)) from trouble


def _too_late(repository: CodeRepository, seconds: float) -> str:
    from quaymaster.connectors.repository_reading import sentence  # noqa: PLC0415

    return sentence(repository, TimeoutError(f"it had no answer within {seconds:g} seconds."))

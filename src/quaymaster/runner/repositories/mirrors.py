"""Local copies of repositories on the network, kept from one use to the next.

The git program fetches where there is one; without it dulwich does, over http and https.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from quaymaster.runner.programs import say
from quaymaster.runner.repositories.addresses import Address, CannotReach
from quaymaster.runner.repositories.keeping import remove_unused, written
from quaymaster.runner.repositories.program import GitFailed, git_for, program
from quaymaster.runner.repositories.reach import Reach

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from dulwich.objects import ObjectID
    from dulwich.pack import UnpackedObject
    from dulwich.refs import Ref
    from dulwich.repo import Repo

NETWORK_SECONDS = 120.0
_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
_EVERYTHING = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


def place_of(place: Address, folder: Path) -> Path:
    """Where the copy of a repository is kept; the folder is made.

    It is one for each that signs in: what a copy has is known to whoever could fetch it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = f"{place.url}\0{place.signed_in_with}"
    return folder / hashlib.sha256(key.encode()).hexdigest()[:24]


def with_version(place: Address, mirror: Path, reach: Reach, version: str) -> Path:
    """The copy with this commit, branch or tag in it: one commit alone where that can be had.

    Raises CannotReach, GitFailed.
    """
    with written(mirror, reach.errand):
        if not (_COMMIT.fullmatch(version) and _has(mirror, version)):
            say(f"Fetching {place.shown}.")
            _fetch(place, mirror, reach, version if _COMMIT.fullmatch(version) else "")
    return mirror


def up_to_date(place: Address, mirror: Path, reach: Reach) -> Path:
    """The copy with every branch and tag as they are now, and HEAD at the default branch."""
    with written(mirror, reach.errand):
        _fetch(place, mirror, reach, "")
    return mirror


def refs(place: Address, mirror: Path, reach: Reach) -> Mapping[str, str]:
    """The commit of each branch and tag of the repository as it is now, without fetching any."""
    if program() is None:
        return dict(client(place, reach).get_refs_text())
    directory = mirror.parent
    with git_for([place], directory, reach) as git:
        listed = git.run("ls-remote", "--quiet", "--", place.shown)
    pairs = (line.partition("\t") for line in listed.splitlines())
    return {name: commit for commit, _, name in pairs if not name.endswith("^{}")}


def _has(mirror: Path, version: str) -> bool:
    from dulwich.objects import ObjectID  # noqa: PLC0415 - loaded where it is used
    from dulwich.repo import Repo  # noqa: PLC0415 - loaded where it is used

    if not mirror.exists():
        return False
    with Repo(str(mirror)) as repository:
        return ObjectID(version.encode()) in repository.object_store


def _fetch(place: Address, mirror: Path, reach: Reach, commit: str) -> None:
    from dulwich.repo import Repo  # noqa: PLC0415 - loaded where it is used

    if not (mirror / "HEAD").exists():
        remove_unused(mirror.parent)  # room for a new one
        Repo.init_bare(str(mirror), mkdir=not mirror.exists()).close()
    if program() is None:
        with Repo(str(mirror)) as repository:
            client(place, reach).bring(repository, commit)
        return
    with git_for([place], mirror, reach) as git:
        if commit:
            try:
                git.run("fetch", "--quiet", "--no-tags", "--depth=1", "--", place.shown, commit)
            except GitFailed:
                say("The server gives no single commits; fetching all branches and tags.")
            else:
                return
        shallow = ["--unshallow"] if (mirror / "shallow").exists() else []
        words = ["--quiet", "--prune", "--force", "--update-head-ok", *shallow]
        git.run("fetch", *words, "--", place.shown, *_EVERYTHING)
        told = git.run("ls-remote", "--quiet", "--symref", "--", place.shown, "HEAD")
        if default := re.match(r"ref: (refs/heads/\S+)\tHEAD", told):
            git.run("symbolic-ref", "HEAD", default[1])


def client(place: Address, reach: Reach) -> "_Dulwich":
    """What reaches a repository without the git program. Raises CannotReach."""
    if place.scheme == "ssh":
        raise CannotReach(
            f"{place.shown}: repositories over ssh need the git program, which is not here."
        )
    return _Dulwich(place, reach)


class _Dulwich:
    """Fetches over http(s) on a machine without the git program."""

    def __init__(self, place: Address, reach: Reach) -> None:
        from dulwich.client import HttpGitClient  # noqa: PLC0415 - loaded where it is used

        from quaymaster.runner.repositories.checked_pool import checked_pool  # noqa: PLC0415

        self._client = HttpGitClient(
            place.origin.rstrip("/"),
            pool_manager=checked_pool(reach, NETWORK_SECONDS),
            username=place.user or None,
            password=place.password or None,
        )
        self._path = place.url[len(place.origin) - 1 :]

    def get_refs_text(self) -> Mapping[str, str]:
        found = self._client.get_refs(self._path.encode()).refs
        return {os.fsdecode(name): value.decode() for name, value in found.items() if value}

    def bring(self, repository: "Repo", commit: str) -> None:
        """Fetch one commit without its history, else every branch and tag."""
        if commit and self._one(repository, commit):
            return
        result = self._client.fetch(self._path, repository)
        for name, value in result.refs.items():
            if value is not None and name.startswith((b"refs/heads/", b"refs/tags/")):
                repository.refs[name] = value
        default = (result.symrefs or {}).get(_ref(b"HEAD"))
        if default is not None:
            repository.refs.set_symbolic_ref(_ref(b"HEAD"), default)

    def move(self, mirror: Path, ref: str, old: str, new: str) -> None:
        """Let a ref point to a commit of the copy. Raises GitFailed when it was not at `old`."""
        from dulwich.objects import ObjectID  # noqa: PLC0415
        from dulwich.repo import Repo  # noqa: PLC0415

        def update(refs: "dict[Ref, ObjectID]") -> "dict[Ref, ObjectID]":
            if refs.get(_ref(ref.encode()), b"").decode() != old:
                raise GitFailed(f"{ref} has moved meanwhile.")
            return {_ref(ref.encode()): ObjectID(new.encode())}

        with Repo(str(mirror)) as repository:

            def pack(
                have: "AbstractSet[ObjectID]",
                want: "AbstractSet[ObjectID]",
                *,
                ofs_delta: bool = False,
                progress: "Callable[[bytes], None] | None" = None,  # noqa: ARG001 - nobody looks
            ) -> "tuple[int, Iterator[UnpackedObject]]":
                return repository.generate_pack_data(set(have), set(want), ofs_delta=ofs_delta)

            told = self._client.send_pack(self._path, update, pack)
        if problem := (told.ref_status or {}).get(ref.encode()):
            raise GitFailed(f"{ref} could not be moved: {problem}")

    def _one(self, repository: "Repo", commit: str) -> bool:
        from dulwich.errors import GitProtocolError  # noqa: PLC0415

        def only_wanted(
            refs: "Mapping[Ref, ObjectID | None]",  # noqa: ARG001 - whatever the server offers
            depth: int | None = None,  # noqa: ARG001 - dulwich passes it by name
        ) -> "list[ObjectID]":
            from dulwich.objects import ObjectID  # noqa: PLC0415

            return [ObjectID(commit.encode())]

        try:
            self._client.fetch(self._path, repository, only_wanted, depth=1)
        except (GitProtocolError, KeyError, AssertionError):
            say("The server gives no single commits; fetching all branches and tags.")
            return False
        return True


def _ref(name: bytes) -> "Ref":
    from dulwich.refs import Ref  # noqa: PLC0415

    return Ref(name)

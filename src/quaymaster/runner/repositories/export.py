"""Checks one commit of a repository out into a directory; run as a program of its own.

As a child process it can be ended at any moment and gives its memory back. It reads what to do
from the environment variable QUAYMASTER_CHECKOUT and prints lines for the log. The files are
written without a `.git` directory: no hook, no filter and no configuration of the repository is
ever used.
"""

import json
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.protocol.job import Endpoint
from quaymaster.runner.containment import link_stays_inside, safe_parts
from quaymaster.runner.items import taker
from quaymaster.runner.programs import EXIT_FAILED, EXIT_FINAL, say
from quaymaster.runner.repositories import mirrors
from quaymaster.runner.repositories.addresses import CannotReach, address
from quaymaster.runner.repositories.reach import KNOWN_HOSTS, Reach

if TYPE_CHECKING:
    from dulwich.objects import Commit, TreeEntry
    from dulwich.repo import Repo

REQUEST_VARIABLE = "QUAYMASTER_CHECKOUT"


class CannotCheckOut(Exception):
    """The commit cannot be checked out, and trying again would not help."""


def main() -> int:
    """Do what the environment asks; the exit code says whether a retry may help."""
    request = json.loads(os.environ.pop(REQUEST_VARIABLE))
    try:
        check_out(request)
    except CannotCheckOut as error:
        say(f"##[error]{error}")
        return EXIT_FINAL
    except Exception as error:  # noqa: BLE001 - whatever git or the network answers is the log's
        say(f"##[error]{type(error).__name__}: {error}")
        return EXIT_FAILED
    return 0


def check_out(request: dict[str, Any]) -> None:
    """Bring `version` of `source` into `target`, or only the paths in `items`."""
    repository = _open(request)
    commit = _commit(repository, request["version"], request["source"])
    count = _write_tree(repository, commit, Path(request["target"]), request.get("items"))
    say(f"Checked out commit {commit.id.decode()} ({count} files).")


def _open(request: dict[str, Any]) -> "Repo":
    from dulwich.errors import NotGitRepository  # noqa: PLC0415 - loaded in the child only
    from dulwich.repo import Repo  # noqa: PLC0415

    try:
        place = address(request["source"], _connection(request))
        if place.path is None:
            allowed = AllowedAddresses.of(tuple(request.get("allowed", ())))
            folder = Path(request["mirrors"])
            reach = Reach(allowed, folder / KNOWN_HOSTS)
            mirror = mirrors.place_of(place, folder)
            return Repo(str(mirrors.with_version(place, mirror, reach, request["version"])))
    except CannotReach as error:
        raise CannotCheckOut(str(error)) from error
    try:
        return Repo(str(place.path))
    except (NotGitRepository, OSError) as error:
        raise CannotCheckOut(f"{place.path} is not a git repository on this machine.") from error


def _connection(request: dict[str, Any]) -> Endpoint | None:
    """What signs in, where the address itself does not hold it."""
    if not request.get("password") and not request.get("private_key"):
        return None
    parameters = {"username": request.get("user", ""), "password": request.get("password", "")}
    data = {"PrivateKey": request.get("private_key", "")}
    return Endpoint(request.get("connection", ""), "", "git", parameters=parameters, data=data)


def _commit(repository: "Repo", version: str, source: str) -> "Commit":
    from dulwich.objectspec import parse_commit  # noqa: PLC0415

    try:
        return parse_commit(repository, version)
    except (KeyError, ValueError) as error:
        raise CannotCheckOut(
            f"{address(source).shown} has no commit {version}. Was the branch rewritten since the "
            "release was created?"
        ) from error


def _write_tree(
    repository: "Repo", commit: "Commit", target: Path, items: Iterable[str] | None
) -> int:
    """Write the files, then the links, so that no file is written through a link."""
    from dulwich.object_store import iter_tree_contents  # noqa: PLC0415

    count = 0
    links: list[tuple[str, str]] = []
    wanted = taker(None if items is None else list(items))
    for entry in iter_tree_contents(repository.object_store, commit.tree):
        name = os.fsdecode(entry.path)
        if not wanted(name):
            continue
        if stat.S_IFMT(entry.mode) == stat.S_IFLNK:
            links.append((name, os.fsdecode(_blob(repository, entry))))
        elif stat.S_ISREG(entry.mode):
            _write_file(target, name, _blob(repository, entry), entry.mode)
            count += 1
        else:
            say(f"##[warning]{name} is a submodule; submodules are not checked out.")
    return count + sum(_write_link(target, name, leads_to) for name, leads_to in links)


def _write_file(target: Path, name: str, content: bytes, mode: int) -> None:
    path = _place(target, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, 0o755 if mode & 0o100 else 0o644), "wb") as file:
        file.write(content)


def _write_link(target: Path, name: str, leads_to: str) -> bool:
    if not link_stays_inside(name, leads_to):
        say(f"##[warning]{name} is a link that leads out of the repository; it was left out.")
        return False
    path = _place(target, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(leads_to)
    return True


def _place(target: Path, name: str) -> Path:
    parts = safe_parts(name)
    if parts is None or any(part.lower() == ".git" for part in parts):
        raise CannotCheckOut(f"The commit holds a file with the forbidden name {name!r}.")
    return target.joinpath(*parts)


def _blob(repository: "Repo", entry: "TreeEntry") -> bytes:
    assert entry.sha is not None  # noqa: S101 - the walk yields no entry without one
    return repository.object_store[entry.sha].as_raw_string()


if __name__ == "__main__":
    sys.exit(main())

"""Checks one commit of a repository out into a directory; run as a program of its own.

As a child process it can be ended at any moment and gives its memory back. It reads what to do
from the environment variable QUAYMASTER_CHECKOUT and prints lines for the log. The files are
written without a `.git` directory: no hook, no filter and no configuration of the repository is
ever used.
"""

import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from quaymaster.runner.artifacts.items import taker
from quaymaster.runner.containment import link_stays_inside, safe_parts

if TYPE_CHECKING:
    from dulwich.client import HttpGitClient
    from dulwich.objects import Commit, TreeEntry
    from dulwich.refs import Ref
    from dulwich.repo import Repo

REQUEST_VARIABLE = "QUAYMASTER_CHECKOUT"
NETWORK_SECONDS = 120.0
EXIT_FAILED = 1
EXIT_FINAL = 2  # trying again would not help


class CannotCheckOut(Exception):
    """The commit cannot be checked out, and trying again would not help."""


def main() -> int:
    """Do what the environment asks; the exit code says whether a retry may help."""
    request = json.loads(os.environ.pop(REQUEST_VARIABLE))
    try:
        check_out(request)
    except CannotCheckOut as error:
        _say(f"##[error]{error}")
        return EXIT_FINAL
    except Exception as error:  # noqa: BLE001 - whatever git or the network answers is the log's
        _say(f"##[error]{type(error).__name__}: {error}")
        return EXIT_FAILED
    return 0


def check_out(request: dict[str, Any]) -> None:
    """Bring `version` of `source` into `target`, or only the paths in `items`."""
    repository = _open(request)
    commit = _commit(repository, request["version"], request["source"])
    count = _write_tree(repository, commit, Path(request["target"]), request.get("items"))
    _say(f"Checked out commit {commit.id.decode()} ({count} files).")


def local_path(source: str) -> Path | None:
    """The directory that a source names, None for an address on the network."""
    parts = urlsplit(source)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if parts.scheme and "://" in source else Path(source)


def _open(request: dict[str, Any]) -> "Repo":
    from dulwich.errors import NotGitRepository  # noqa: PLC0415 - loaded in the child only
    from dulwich.repo import Repo  # noqa: PLC0415

    path = local_path(request["source"])
    if path is None:
        return _mirror(request)
    try:
        return Repo(str(path))
    except (NotGitRepository, OSError) as error:
        raise CannotCheckOut(f"{path} is not a git repository on this machine.") from error


def _mirror(request: dict[str, Any]) -> "Repo":
    """The local copy of a repository on the network, with the wanted commit in it."""
    from dulwich.repo import Repo  # noqa: PLC0415

    source, version = request["source"], request["version"]
    if urlsplit(source).scheme not in ("http", "https"):
        raise CannotCheckOut(
            f"{_shown(source)}: repositories are reached by http, https or a path."
        )
    place = Path(request["mirrors"]) / hashlib.sha256(source.encode()).hexdigest()[:24]
    place.parent.mkdir(parents=True, exist_ok=True)
    repository = Repo(str(place)) if place.exists() else Repo.init_bare(str(place), mkdir=True)
    if not (_is_id(version) and version.encode() in repository.object_store):
        _fetch(request, repository)
    return repository


def _fetch(request: dict[str, Any], repository: "Repo") -> None:
    """Fetch the one commit where the server allows it, else every branch and tag."""
    from dulwich.client import HttpGitClient  # noqa: PLC0415

    parts = urlsplit(request["source"])
    client = HttpGitClient(
        f"{parts.scheme}://{parts.netloc}",
        username=request.get("user") or None,
        password=request.get("password") or None,
        timeout=NETWORK_SECONDS,
    )
    _say(f"Fetching {_shown(request['source'])}.")
    if _is_id(request["version"]) and _fetch_one(
        client, parts.path, repository, request["version"]
    ):
        return
    result = client.fetch(parts.path, repository)
    for name, commit in result.refs.items():
        if commit is not None and name.startswith((b"refs/heads/", b"refs/tags/")):
            repository.refs[name] = commit


def _fetch_one(client: "HttpGitClient", path: str, repository: "Repo", version: str) -> bool:
    """Fetch a single commit without its history; False when the server does not give it."""
    from dulwich.errors import GitProtocolError  # noqa: PLC0415
    from dulwich.objects import ObjectID  # noqa: PLC0415

    wanted = ObjectID(version.encode())

    def only_wanted(
        refs: "Mapping[Ref, ObjectID | None]",  # noqa: ARG001 - whatever the server offers
        depth: int | None = None,  # noqa: ARG001 - dulwich passes it by name
    ) -> list[ObjectID]:
        return [wanted]

    try:
        client.fetch(path, repository, only_wanted, depth=1)
    except (GitProtocolError, KeyError, AssertionError):
        _say("The server gives no single commits; fetching all branches and tags.")
        return False
    return True


def _commit(repository: "Repo", version: str, source: str) -> "Commit":
    from dulwich.objectspec import parse_commit  # noqa: PLC0415

    try:
        return parse_commit(repository, version)
    except (KeyError, ValueError) as error:
        raise CannotCheckOut(
            f"{_shown(source)} has no commit {version}. Was the branch rewritten since the "
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
            _say(f"##[warning]{name} is a submodule; submodules are not checked out.")
    return count + sum(_write_link(target, name, leads_to) for name, leads_to in links)


def _write_file(target: Path, name: str, content: bytes, mode: int) -> None:
    path = _place(target, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, 0o755 if mode & 0o100 else 0o644), "wb") as file:
        file.write(content)


def _write_link(target: Path, name: str, leads_to: str) -> bool:
    if not link_stays_inside(name, leads_to):
        _say(f"##[warning]{name} is a link that leads out of the repository; it was left out.")
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


def _is_id(version: str) -> bool:
    return len(version) == 40 and all(letter in "0123456789abcdef" for letter in version.lower())


def _say(text: str) -> None:
    """A line for the log of the step that started this program."""
    sys.stdout.write(text + "\n")


def _shown(source: str) -> str:
    """An address without the user and password that it may hold."""
    parts = urlsplit(source)
    if not parts.hostname:
        return source
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


if __name__ == "__main__":
    sys.exit(main())

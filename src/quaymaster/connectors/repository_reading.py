"""Questions to a git repository that lies on this machine."""

import re
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from dulwich.client import HTTPUnauthorized
from dulwich.diff_tree import tree_changes
from dulwich.errors import GitProtocolError, NotGitRepository
from dulwich.object_store import tree_lookup_path
from dulwich.objects import Blob, ObjectID, Tag, Tree
from dulwich.objects import Commit as GitCommit
from dulwich.repo import BaseRepo, Repo
from urllib3.exceptions import HTTPError

from quaymaster.actions.ports.outside import CodeRepository, Commit, Listed
from quaymaster.domain.errors import Invalid
from quaymaster.runner.repositories.addresses import Address, CannotReach, address
from quaymaster.runner.repositories.program import GitFailed

SHORT_ID = re.compile("[0-9a-f]{7,39}")
HEADS, TAGS = "refs/heads/", "refs/tags/"
TROUBLES = (
    CannotReach,
    GitFailed,
    NotGitRepository,
    GitProtocolError,
    HTTPUnauthorized,
    HTTPError,
    OSError,
)
LARGEST_FILE = 4 * 1024**2
MOST_PATHS = 100_000


def place_of(repository: CodeRepository) -> Address:
    """Where a repository is. Raises CannotReach."""
    return address(repository.address, repository.connection)


def opened(place: Path) -> Repo:
    """The repository at a path. Raises NotGitRepository."""
    return Repo(str(place))


def sentence(repository: CodeRepository, trouble: Exception) -> str:
    """What is wrong with a repository, without anything that signs in."""
    if isinstance(trouble, CannotReach):
        return str(trouble)
    try:
        shown = place_of(repository).shown
    except CannotReach as error:
        return str(error)
    if isinstance(trouble, NotGitRepository | FileNotFoundError):
        return f"There is no git repository at {shown} that this server can read."
    reason = str(trouble).replace("\n", " ") or type(trouble).__name__
    return f"The repository {shown} cannot be read: {reason}"


def heads(repository: Repo) -> Mapping[str, str]:
    """The commit of each ref; a HEAD that stands for a branch without commits is none."""
    found = {}
    for name in repository.refs.allkeys():
        _, commit_id = repository.refs.follow(name)
        if commit_id:
            found[name.decode(errors="replace")] = _peeled(repository, commit_id)
    return found


def has(repository: BaseRepo, commit: str) -> bool:
    """Whether a commit id is there."""
    return _is_id(commit) and ObjectID(commit.encode()) in repository.object_store


def commit(repository: Repo, named: str) -> Commit:
    """The commit that a ref, a branch, a tag or an id means. Raises Invalid."""
    known = heads(repository)
    for name in (named, HEADS + named, TAGS + named) if named else ("HEAD",):
        if name in known:
            return _commit(found_commit(repository, known[name]))
    if has(repository, named):
        return _commit(found_commit(repository, named))
    if SHORT_ID.fullmatch(named) and (meant := _abbreviated(repository, named)):
        return _commit(meant)
    what = f"branch, tag or commit {named[:200]}" if named else "commit yet"
    raise Invalid(f"The repository has no {what}.")


def _abbreviated(repository: Repo, named: str) -> GitCommit | None:
    """The only commit whose id begins so."""
    ids = repository.object_store.iter_prefix(named.encode())
    found = [one for one in map(repository.get_object, ids) if isinstance(one, GitCommit)]
    return found[0] if len(found) == 1 else None


def commits(repository: Repo, older: str, newer: str, most: int) -> list[Commit]:
    """Those of `newer` that are not in `older`, newest first."""
    include = [found_commit(repository, newer).id]
    exclude = [ObjectID(older.encode())] if has(repository, older) else []
    limit = most if exclude else min(most, 1)
    walker = repository.get_walker(include=include, exclude=exclude, max_entries=limit)
    return [_commit(entry.commit) for entry in walker]


def history(repository: Repo, newer: str, most: int) -> list[Commit]:
    """A commit and those before it, newest first."""
    start = found_commit(repository, newer).id
    return [_commit(one.commit) for one in repository.get_walker([start], max_entries=most)]


def paths(repository: Repo, older: str, newer: str) -> list[str]:
    """The paths in which two commits differ."""
    after = found_commit(repository, newer)
    before = older or (after.parents[0].decode() if after.parents else "")
    tree = found_commit(repository, before).tree if before and has(repository, before) else None
    found: dict[str, None] = {}
    for change in tree_changes(repository.object_store, tree, after.tree):
        for side in (change.old, change.new):
            if side is not None and side.path is not None:
                found[side.path.decode(errors="replace")] = None
        if len(found) > MOST_PATHS:
            break
    return list(found)


def file(repository: Repo, commit_id: str, path: str) -> bytes:
    """The content of a file. Raises Invalid."""
    tree = found_commit(repository, commit_id).tree
    try:
        _, found = tree_lookup_path(
            repository.object_store.__getitem__, tree, path.strip("/").encode()
        )
    except (KeyError, NotADirectoryError, ValueError):
        raise Invalid(f"There is no file {path[:200]} in commit {commit_id[:8]}.") from None
    blob = repository.object_store[found]
    if not isinstance(blob, Blob):
        raise Invalid(f"{path[:200]} is a folder in commit {commit_id[:8]}, not a file.")
    if blob.raw_length() > LARGEST_FILE:
        raise Invalid(f"{path[:200]} is larger than {LARGEST_FILE} bytes.")
    return blob.as_raw_string()


def folder(repository: Repo, commit_id: str, path: str) -> list[Listed]:
    """What is in a folder. Raises Invalid."""
    inside = path.strip("/")
    found = repository.object_store[found_commit(repository, commit_id).tree]
    if inside:
        try:
            _, number = tree_lookup_path(
                repository.object_store.__getitem__, found.id, inside.encode()
            )
        except (KeyError, NotADirectoryError, ValueError):
            raise Invalid(f"There is no folder {path[:200]} in commit {commit_id[:8]}.") from None
        found = repository.object_store[number]
    if not isinstance(found, Tree):
        raise Invalid(f"{path[:200]} is a file in commit {commit_id[:8]}, not a folder.")
    listed = [
        Listed(f"{inside}/{name.decode(errors='replace')}".lstrip("/"), stat.S_ISDIR(mode))
        for name, mode, _ in found.iteritems()
    ]
    return sorted(listed, key=lambda one: (not one.is_folder, one.path))


def found_commit(repository: BaseRepo, commit_id: str) -> GitCommit:
    """The commit of this id. Raises Invalid."""
    if has(repository, commit_id):
        found = repository.object_store[ObjectID(_peeled(repository, commit_id.encode()).encode())]
        if isinstance(found, GitCommit):
            return found
    raise Invalid(f"The repository has no commit {commit_id[:60]}.")


def _peeled(repository: BaseRepo, object_id: bytes) -> str:
    """The id of what a tag stands for."""
    found = repository.object_store[ObjectID(object_id)]
    while isinstance(found, Tag):
        found = repository.object_store[found.object[1]]
    return found.id.decode()


def _commit(found: GitCommit) -> Commit:
    name, _, rest = _text(found.author).partition(" <")
    return Commit(
        id=found.id.decode(),
        message=_text(found.message).strip("\n"),
        author_name=name,
        author_email=rest.rstrip(">"),
        authored_at=_time(found.author_time),
        at=_time(found.commit_time),
        parents=tuple(parent.decode() for parent in found.parents),
    )


def _text(said: bytes) -> str:
    """What somebody wrote into a commit; whoever may push may push any bytes."""
    return said.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _time(seconds: int) -> datetime:
    """When a commit says that it was made; the beginning of 1970 for what is no time."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _is_id(text: str) -> bool:
    return len(text) == 40 and all(letter in "0123456789abcdef" for letter in text)

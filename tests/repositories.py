"""Git repositories on this machine, with commits in them, for tests of what reads them."""

from itertools import count
from pathlib import Path

from dulwich.porcelain import add, commit, init
from dulwich.refs import Ref
from dulwich.repo import Repo

AUTHOR = b"Ann <ann@example.org>"
_numbers = count(1)


def made(place: Path, branch: str = "main") -> str:
    """A repository with one commit on this branch; the commit's id."""
    init(str(place), symlinks=False).close()
    with Repo(str(place)) as repository:
        repository.refs.set_symbolic_ref(Ref(b"HEAD"), Ref(f"refs/heads/{branch}".encode()))
    return committed(place)


def committed(place: Path, message: str = "") -> str:
    """One more commit on the branch that is checked out; its id."""
    number = next(_numbers)
    (place / "page.txt").write_text(f"version {number}")
    add(str(place), [str(place / "page.txt")])
    made_commit = commit(
        str(place),
        (message or f"Change {number}").encode(),
        author=AUTHOR,
        committer=AUTHOR,
        sign=False,
    )
    return made_commit.decode()


def branched(place: Path, branch: str, commit_id: str) -> None:
    """Let a branch point to this commit."""
    with Repo(str(place)) as repository:
        repository.refs[Ref(f"refs/heads/{branch}".encode())] = commit_id.encode()


def tagged(place: Path, tag: str, commit_id: str) -> None:
    """Give a commit a tag."""
    with Repo(str(place)) as repository:
        repository.refs[Ref(f"refs/tags/{tag}".encode())] = commit_id.encode()

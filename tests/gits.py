"""Real git repositories for tests, made with dulwich, and one served over HTTP."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from dulwich import porcelain
from dulwich.object_store import iter_tree_contents
from dulwich.objects import ObjectID
from dulwich.refs import Ref
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

AUTHOR = b"Ann <ann@example.org>"


def repository(place: Path, branch: str = "main") -> Path:
    """An empty repository whose first commit will be on this branch."""
    with Repo.init(str(place), mkdir=True) as repo:
        repo.refs.set_symbolic_ref(b"HEAD", f"refs/heads/{branch}".encode())
    return place


def commit(place: Path, name: str, text: str, message: str = "") -> str:
    """One more commit of the branch that is checked out there, which writes one file; its id."""
    (place / name).parent.mkdir(parents=True, exist_ok=True)
    (place / name).write_text(text)
    porcelain.add(str(place), [str(place / name)])
    made = porcelain.commit(
        str(place), message=(message or f"{name} {text}").encode(), author=AUTHOR, committer=AUTHOR
    )
    return made.decode()


def head(place: Path, name: str) -> str | None:
    """The commit that a branch points to; None without such a branch."""
    with Repo(str(place)) as repo:
        found = repo.refs.as_dict(Ref(b"refs/heads")).get(Ref(name.encode()))
        return found.decode() if found else None


def branch(place: Path, name: str, commit_id: str) -> None:
    """Let a branch point to a commit."""
    with Repo(str(place)) as repo:
        repo.refs[Ref(f"refs/heads/{name}".encode())] = ObjectID(commit_id.encode())


def switch(place: Path, name: str, commit_id: str = "") -> None:
    """Check a branch out, which begins at a commit if one is given."""
    if commit_id:
        branch(place, name, commit_id)
    porcelain.checkout(str(place), name, force=True)


def files(place: Path, name: str) -> set[str]:
    """The files of the newest commit of a branch."""
    with Repo(str(place)) as repo:
        tree = repo[repo.refs[Ref(f"refs/heads/{name}".encode())]].tree
        return {entry.path.decode() for entry in iter_tree_contents(repo.object_store, tree)}


def message(place: Path, commit_id: str) -> str:
    """What a commit says."""
    with Repo(str(place)) as repo:
        said: str = repo[ObjectID(commit_id.encode())].message.decode()
        return said


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The test's output stays its own."""


@contextmanager
def over_http(
    place: Path, *, signs_in: bool = False, before: Callable[[], object] = lambda: None
) -> Iterator[str]:
    """The address of the repository behind HTTP, as any git server offers it; each answer comes
    after `before`."""
    git_server = make_wsgi_chain(DictBackend({"/shop.git": Repo(str(place))}))

    def answer(environment: Any, start: Any) -> Any:
        before()
        if signs_in and not environment.get("HTTP_AUTHORIZATION", "").startswith("Basic "):
            start("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="git"')])
            return [b""]
        return git_server(environment, start)

    server = make_server("127.0.0.1", 0, answer, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/shop.git"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

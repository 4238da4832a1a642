"""Real git repositories for tests, made with dulwich, and one served over HTTP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from dulwich import porcelain
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import HTTPGitApplication

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


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The test's output stays its own."""


@contextmanager
def over_http(place: Path, *, signs_in: bool = False) -> Iterator[str]:
    """The address of the repository behind HTTP, as any git server offers it."""
    git_server = HTTPGitApplication(DictBackend({"/shop.git": Repo(str(place))}))

    def answer(environment: Any, start: Any) -> Any:
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

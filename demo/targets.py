"""The three places the demo deploys to: a directory each, served by a web server each.

They stand for the machines of a real installation: they run before the first release and go on
running whatever the release manager does.
"""

import threading
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files; the demo prints what matters itself."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        del format, args


@dataclass(frozen=True, slots=True)
class Target:
    """One environment's web root and the server in front of it."""

    name: str
    root: Path
    server: ThreadingHTTPServer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def running_version(self) -> str:
        """The version that visitors get now, fetched over HTTP; "nothing" before the first."""
        try:
            with urlopen(f"{self.url}/current/version.txt", timeout=5) as answer:  # noqa: S310
                text: bytes = answer.read()
                return text.decode().strip()
        except HTTPError as error:
            return "nothing" if error.code == 404 else f"HTTP {error.code}"

    def page(self) -> str:
        """The page as a visitor gets it."""
        with urlopen(f"{self.url}/current/index.html", timeout=5) as answer:  # noqa: S310
            text: bytes = answer.read()
            return text.decode()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def serve(name: str, root: Path) -> Target:
    """A running web server on a free port of this machine, over an empty directory."""
    root.mkdir(parents=True)
    handler = partial(QuietHandler, directory=str(root))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return Target(name, root, server)

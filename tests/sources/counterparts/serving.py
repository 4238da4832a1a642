"""A small HTTP server around a function, and what every kind of source is expected to find."""

import base64
import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from quaymaster.protocol.job import Endpoint

USER, SECRET = "reader", "s3cr3t-of-the-source"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    url: str
    body: bytes = b""

    @property
    def signs_in(self) -> bool:
        """Whether it carries the right password, as Basic or as a bearer's token."""
        pair = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
        return self.headers.get("Authorization", "") in (f"Basic {pair}", f"Bearer {SECRET}")


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def answer(value: Any, **headers: str) -> Reply:
    return Reply(200, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})


NOTHING = Reply(404, b'{"message": "Not Found"}')
Serve = Callable[[Request], Reply]


@contextmanager
def serving(serve: Serve) -> Iterator[str]:
    """The address of a server that answers with this function."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            host = f"http://{self.headers['Host']}"
            query = dict(parse_qsl(parts.query))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(self.command, unquote(parts.path), query, self.headers, host, body)
            reply = serve(request)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)

        do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Counterpart:
    """One kind of source: its server, an artifact of it, and what is there.

    `versions` are the ids newest first. `files` are those of the version `of`, by path, as they
    are downloaded; `sums_up` says whether the protocol has checksums.
    """

    type: str
    serve: Serve
    reference: dict[str, str]
    versions: list[str]
    of: str
    files: dict[str, bytes] = field(default_factory=dict)
    path: str = ""  # of the connection's address
    scheme: str = "UsernamePassword"
    sums_up: bool = True
    on_branch: tuple[dict[str, str], list[str]] | None = None
    downloads: bool = True
    between: tuple[str, str, list[str]] | None = None  # two versions, the changes newest first

    def connection(self, url: str, password: str = SECRET) -> Endpoint:
        parameters = (
            {"accessToken": password}
            if self.scheme == "Token"
            else {"username": USER, "password": password}
        )
        return Endpoint(
            "c0ffee00-0000-4000-8000-000000000001",
            "far",
            "any",
            url + self.path,
            self.scheme,
            parameters,
        )


def zipped(files: Mapping[str, bytes]) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return body.getvalue()


def digest(algorithm: str, content: bytes) -> str:
    return hashlib.new(algorithm, content).hexdigest()

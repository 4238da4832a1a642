"""Addresses of repositories: paths, http(s) and ssh URLs, and what of them may be shown."""

import socket
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from quaymaster.domain.pushes import github_address, is_at_github
from quaymaster.outgoing.addresses import AllowedAddresses, NotAllowed
from quaymaster.protocol.job import Endpoint
from quaymaster.sources.asking import secret_of, token_of

PORTS = {"http": 80, "https": 443, "ssh": 22}


class CannotReach(Exception):
    """A repository cannot be reached as it is written; the text names it without credentials."""


@dataclass(frozen=True, slots=True)
class Address:
    """A repository: `path` on this machine, or a `url` without credentials, which stand beside.

    `host` and `port` are empty for a path. `signed_in_with` names what signs in: the service
    connection, whose token may change, or else all that the address held.
    """

    url: str = ""
    path: Path | None = None
    scheme: str = ""
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    signed_in_with: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        return self.url or str(self.path)

    @property
    def origin(self) -> str:
        """Scheme, host and port, to which credentials go and to nothing else."""
        parts = urlsplit(self.url)
        return f"{self.scheme}://{parts.netloc.rpartition('@')[2]}/"


def address(text: str, connection: Endpoint | None = None) -> Address:
    """What a text means as the place of a repository, with what signs in to it.

    Raises CannotReach for a scheme that is neither http, https, ssh nor file.
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
    except ValueError:
        raise CannotReach("The address of the repository is not a URL.") from None
    if parts.scheme == "file":
        return Address(path=Path(unquote(parts.path)))
    if not parts.scheme and ":" in text.partition("/")[0]:
        host, _, path = text.partition(":")  # user@host:path, as scp writes it
        return address(f"ssh://{host}/{path.removeprefix('/')}", connection)
    if "://" not in text:
        return _local(text)
    if parts.scheme not in PORTS or not parts.hostname:
        raise CannotReach(
            f"{parts.scheme[:20]}://…: repositories are reached by a path, http, https or ssh."
        )
    user, password = sign_in(connection, parts.username or "", parts.password or "")
    key = private_key(connection)
    netloc = parts.netloc.rpartition("@")[2]
    if parts.scheme == "ssh" and user:
        netloc = f"{user}@{netloc}"
    return Address(
        url=parts._replace(netloc=netloc, query="", fragment="").geturl(),
        scheme=parts.scheme,
        host=parts.hostname,
        port=_port(parts.scheme, text),
        user=user,
        password=password,
        private_key=key,
        signed_in_with=_signed_in_with(connection, user, password, key),
    )


def repository_text(kind: str, name: str, url: str, connection: Endpoint | None) -> str:
    """Where a repository is that a definition names: a URL or path, or owner/name at GitHub."""
    if url:
        return url
    if "://" in name or name.startswith("/"):
        return name
    server = connection.url.rstrip("/") if connection and connection.url else ""
    return github_address(name, server) if is_at_github(kind, name) else server


def pinned(place: Address, allowed: AllowedAddresses) -> str:
    """The one address that a host is reached at, checked now (R-13); "" for a path.

    Raises CannotReach when the host has no address or may not be called.
    """
    if place.path is not None:
        return ""
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for each in addresses:
            allowed.check(place.host, each)
    except (OSError, UnicodeError):
        raise CannotReach(f"{place.shown}: its host's name cannot be resolved.") from None
    except NotAllowed as error:
        raise CannotReach(str(error)) from None
    return addresses[0]


def _local(text: str) -> Address:
    path = Path(text)
    if not path.is_absolute():
        raise CannotReach(
            f"{text[:200]!r} is no address of a repository: give an absolute path on the machine "
            "that runs the job, or an http, https or ssh URL."
        )
    return Address(path=path)


def sign_in(connection: Endpoint | None, user: str = "", password: str = "") -> tuple[str, str]:
    """The connection's user and password, a token as the password; without a connection, those
    that the address itself holds."""
    if connection is None or not connection.parameters:
        return unquote(user), unquote(password)
    if token := token_of(connection):
        return secret_of(connection, "username") or "token", token
    name = secret_of(connection, "username") or unquote(user)
    return name, secret_of(connection, "password")


def _signed_in_with(connection: Endpoint | None, user: str, password: str, key: str) -> str:
    if connection is None or not connection.id:
        return f"{user}\0{password}\0{key}"
    held = () if connection.parameters else (user, password)  # then the address itself has them
    return "\0".join(("connection", connection.id, *held))


def private_key(connection: Endpoint | None) -> str:
    """The key for ssh that a connection holds among its data; "" without one."""
    held = {name.lower(): value for name, value in (connection.data if connection else {}).items()}
    return held.get("privatekey", "")


def _port(scheme: str, text: str) -> int:
    try:
        return urlsplit(text).port or PORTS[scheme]
    except ValueError:
        raise CannotReach("The address of the repository has a port that is no number.") from None

"""How the ssh program reaches the servers of repositories: by a file of settings of its own.

Each server has its block: the address that was checked (R-13), and the key that signs in there and
nowhere else. Any other host is refused, whatever git reads out of an address.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from quaymaster.runner.repositories.addresses import Address

_ALWAYS = """\
BatchMode yes
ConnectTimeout 20
ServerAliveInterval 15
StrictHostKeyChecking accept-new
"""
_OTHERS = """\
Host *
    ProxyCommand echo "This host is not one of those that were checked." >&2
"""


def written(own: Path, places: Sequence[tuple[Address, str]], known_hosts: Path) -> Path:
    """The file of settings in `own`, where keys are kept, too, for these places and the addresses
    at which they are reached. A server's key is remembered in `known_hosts` when first seen."""
    servers: dict[str, list[tuple[Address, str]]] = {}
    for place, at in places:
        servers.setdefault(place.host, []).append((place, at))
    blocks = [_ALWAYS + f"UserKnownHostsFile {_path(known_hosts)}\n"]
    blocks += [_block(own, host, known) for host, known in servers.items()]
    settings = own / "ssh_config"
    settings.write_text("".join([*blocks, _OTHERS]))
    return settings


def _block(own: Path, host: str, places: Sequence[tuple[Address, str]]) -> str:
    """How one server is reached. Its name stands there as it is typed, too: case counts here."""
    names = dict.fromkeys([host, *(_typed(place) for place, _ in places)])
    lines = [
        f"Host {' '.join(names)}",
        f"    HostName {places[0][1]}",
        f"    HostKeyAlias {host}",
        "    ProxyCommand none",
    ]
    signing_in = next((place for place, _ in places if place.private_key), None)
    if signing_in is not None:
        lines += [f"    IdentityFile {_path(_kept(own, signing_in))}", "    IdentitiesOnly yes"]
    return "\n".join([*lines, ""])


def _typed(place: Address) -> str:
    netloc = urlsplit(place.url).netloc.rpartition("@")[2]
    return netloc.removeprefix("[")[: len(place.host)]


def _kept(own: Path, place: Address) -> Path:
    """The file of a key, which only this user may read."""
    key = own / f"key-{place.host.replace(':', '_')}"
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(place.private_key.replace("\r", "").rstrip("\n") + "\n")
    return key


def _path(path: Path) -> str:
    """A path as ssh reads it in a file of settings."""
    return '"' + str(path).replace("%", "%%") + '"'

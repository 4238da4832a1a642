"""The git program, called so that nothing of this machine's set-up, no prompt and no hook counts.

Credentials go through its environment and only to the host that they are for; a host is reached at
the address that was checked (R-13), and redirects are not followed.
"""

import os
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.runner.repositories.addresses import Address, pinned

LONGEST_SAID = 2000
_ALWAYS = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("safe.directory", "*"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("http.followRedirects", "false"),
    ("http.proxy", ""),
    ("http.lowSpeedLimit", "1"),  # a server that says nothing for a minute is given up
    ("http.lowSpeedTime", "60"),
    ("advice.detachedHead", "false"),
    ("credential.helper", ""),
)

_PATIENCE = ("-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=15")


class GitFailed(Exception):
    """The program ended with an error; `said` is what it printed about it."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


def program() -> str | None:
    """Where the git program is; None on a machine without it."""
    return shutil.which("git")


@dataclass(frozen=True, slots=True)
class Git:
    """Calls for one repository and whatever it leads to (`others`: those of submodules)."""

    executable: str
    environment: dict[str, str] = field(repr=False)
    directory: Path

    def run(self, *words: str, directory: Path | None = None) -> str:
        """What it prints to standard output. Raises GitFailed."""
        done = subprocess.run(  # noqa: S603 - our own words, options end before what others wrote
            [self.executable, *words],
            cwd=directory or self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise GitFailed(done.stderr.decode(errors="replace").strip()[-LONGEST_SAID:])
        return done.stdout.decode(errors="replace")


@contextmanager
def git_for(places: Sequence[Address], directory: Path, allowed: AllowedAddresses) -> Iterator[Git]:
    """The program for these repositories, the first of which is the main one.

    Raises CannotReach for an address that may not be called, GitFailed without the program.
    """
    executable = program()
    if executable is None:
        raise GitFailed("There is no git program on this machine.")
    with TemporaryDirectory(prefix="git-") as own:
        settings = [*_ALWAYS]
        ssh = ["ssh", "-F", os.devnull, "-o", "BatchMode=yes", *_PATIENCE]
        for place in places:
            settings += _reaching(place, pinned(place, allowed))
        ssh += _over_ssh(places[0], allowed, Path(own), directory)
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": own,
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "GIT_ALLOW_PROTOCOL": _protocols(places),
            "GIT_SSH_COMMAND": " ".join(map(_quoted, ssh)),
            **_configured(settings),
        }
        yield Git(executable, environment, directory)


def _protocols(places: Sequence[Address]) -> str:
    """What submodules may be fetched by: a path only from a repository that is one itself."""
    return "http:https:ssh:file" if places[0].path is not None else "http:https:ssh"


def _reaching(place: Address, at: str) -> list[tuple[str, str]]:
    if place.scheme not in ("http", "https"):
        return []
    shown = f"[{at}]" if ":" in at else at
    found = [("http.curloptResolve", f"{place.host}:{place.port}:{shown}")]
    if place.user or place.password:
        pair = b64encode(f"{place.user}:{place.password}".encode()).decode()
        found.append((f"http.{place.origin}.extraHeader", f"Authorization: Basic {pair}"))
    return found


def _over_ssh(place: Address, allowed: AllowedAddresses, own: Path, directory: Path) -> list[str]:
    """How ssh signs in: with the connection's key; a host's key is remembered when first seen."""
    if place.scheme != "ssh":
        return []
    known = directory.parent / "_known_hosts"
    words = ["-o", f"HostName={pinned(place, allowed)}", "-o", f"HostKeyAlias={place.host}"]
    words += ["-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={known}"]
    if place.private_key:
        key = own / "key"
        with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(place.private_key.replace("\r", "").rstrip("\n") + "\n")
        words += ["-i", str(key), "-o", "IdentitiesOnly=yes"]
    return words


def _configured(settings: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Settings as the environment carries them: arguments could be seen by everybody."""
    found = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        found[f"GIT_CONFIG_KEY_{number}"] = key
        found[f"GIT_CONFIG_VALUE_{number}"] = value
    return found


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def say(text: str) -> None:
    """A line for the log of the step that started this program."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()

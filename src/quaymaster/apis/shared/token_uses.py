"""When tokens were used last, written down seldom and beside the requests."""

import asyncio
from time import monotonic

import structlog

from quaymaster.actions.people import people
from quaymaster.domain.errors import Conflict
from quaymaster.store.postgres.database import Database, DatabaseUnavailable

APART_SECONDS = 60.0  # of this process; how seldom rows are written is for `people.USES_APART`
MOST = 2000

_log = structlog.get_logger(__name__)


class TokenUses:
    """Tells the database of tokens in use: all that came meanwhile in one statement, by one
    connection at a time. No request waits for it or fails by it; what cannot be written now is
    written with a later use.
    """

    def __init__(self) -> None:
        self._noted: dict[bytes, float] = {}
        self._untold: dict[bytes, None] = {}
        self._telling: asyncio.Task[None] | None = None

    def note(self, database: Database, digest: bytes) -> None:
        """The token of this digest is in use now."""
        now = monotonic()
        noted = self._noted.get(digest)
        if noted is not None and now - noted < APART_SECONDS:
            return
        if len(self._noted) >= MOST:
            self._noted.clear()
        self._noted[digest] = now
        self._untold[digest] = None
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell_all(database))

    async def _tell_all(self, database: Database) -> None:
        while self._untold:
            told, self._untold = list(self._untold), {}
            try:
                await people.note_uses(database, told)
            except (DatabaseUnavailable, Conflict) as error:
                _log.warning("uses of tokens were not noted", tokens=len(told), reason=str(error))

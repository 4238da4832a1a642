"""Whose token a request carries, asked of the database once and remembered for a moment."""

from datetime import UTC, datetime

from quaymaster.actions.call import Caller
from quaymaster.actions.people import people
from quaymaster.apis.shared import credentials
from quaymaster.apis.shared.remembering import ShortMemory
from quaymaster.apis.shared.token_uses import TokenUses
from quaymaster.store.postgres.database import Database


class Callers:
    """Those who have asked lately, by the digests of their tokens."""

    def __init__(self) -> None:
        self._known: ShortMemory[bytes, Caller] = ShortMemory()
        self._uses = TokenUses()

    async def signed_in(self, database: Database, authorization: str) -> Caller | None:
        """Who sends this Authorization header; None for nobody that we know."""
        now = datetime.now(UTC)
        for token in credentials.tokens(authorization):

            async def find(token: str = token) -> Caller | None:
                caller = await people.sign_in(database, token, now)
                if caller:
                    self._uses.note(database, people.digest(token))
                return caller

            found = await self._known.get(people.digest(token), find)
            if found:
                return found
        return None

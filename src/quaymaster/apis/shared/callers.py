"""Whose token a request carries, asked of the database once and remembered for a moment."""

from datetime import UTC, datetime

from quaymaster.actions.call import Caller
from quaymaster.actions.people import people
from quaymaster.apis.shared import credentials
from quaymaster.apis.shared.refusals import NotSignedIn, RightsLost
from quaymaster.apis.shared.remembering import ShortMemory
from quaymaster.apis.shared.token_uses import TokenUses
from quaymaster.domain.access import Permission, permissions_at
from quaymaster.domain.build_access import BuildPermission, build_permissions_at
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

    async def check_still(self, database: Database, authorization: str, caller: Caller) -> None:
        """Raise NotSignedIn if the header is not good any more, and RightsLost if the caller may
        do less than when the request began (R-06)."""
        now = await self.signed_in(database, authorization)
        if now is None or now.id != caller.id:
            raise NotSignedIn("The token ended while the request was under way.")
        if _may_less(now, caller):
            raise RightsLost("You may do less than when the request began. Send it again.")


def _may_less(now: Caller, before: Caller) -> bool:
    places = {grant.token for one in (now, before) for grant in (*one.grants, *one.build_grants)}
    return (
        not now.groups >= before.groups
        or any(_at(place, before) & ~_at(place, now) for place in places)
        or any(_builds_at(place, before) & ~_builds_at(place, now) for place in places)
    )


def _at(place: str, caller: Caller) -> Permission:
    return permissions_at(caller.grants, place)


def _builds_at(place: str, caller: Caller) -> BuildPermission:
    return build_permissions_at(caller.build_grants, place)

"""How many requests somebody may send: a limit for each identity, which never delays anybody.

Every identity has room for a minute's requests, which fills up again steadily. Kept in memory by
each process on its own: one number an identity, and only of those that have asked lately.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from quaymaster.apis.shared.refusals import Refusal

WINDOW_SECONDS = 60.0
MOST_IDENTITIES = 20_000
RATE_LIMITED = "Quaymaster/Requests"


@dataclass(frozen=True, slots=True)
class Usage:
    """What somebody has left after a request; `reset_in` seconds it is the whole limit again.

    `retry_in` is how long to wait before the next request, 0 when there is room for one.
    """

    limit: int
    remaining: int
    reset_in: float
    retry_in: float = 0.0

    @property
    def is_worth_telling(self) -> bool:
        """From half of the limit on, so that clients can slow down before they are refused."""
        return self.remaining * 2 < self.limit

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The published headers (CONTRACT A.8); nobody is delayed but who is refused."""
        told = {
            b"x-ratelimit-resource": RATE_LIMITED,
            b"x-ratelimit-delay": f"{self.retry_in:.3f}",
            b"x-ratelimit-limit": str(self.limit),
            b"x-ratelimit-remaining": str(self.remaining),
            b"x-ratelimit-reset": str(math.ceil(time.time() + self.reset_in)),
        }
        return [(name, value.encode()) for name, value in told.items()]


class TooManyRequests(Refusal):
    """Somebody has sent more requests than they may."""

    status = 429
    kind = "tooMany"

    def __init__(self, message: str, usage: Usage) -> None:
        super().__init__(message, {"Retry-After": str(max(1, math.ceil(usage.retry_in)))})
        self.usage = usage


class RequestLimits:
    """The requests of all identities; times are seconds of any steady clock."""

    def __init__(
        self, most_identities: int = MOST_IDENTITIES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most_identities
        self._clock = clock
        self._full_again: OrderedDict[str, float] = OrderedDict()  # those used longest ago first

    def __len__(self) -> int:
        return len(self._full_again)

    def count(self, identity: str, limit: int) -> Usage | None:
        """Count one request of somebody now; None where there is no limit. Raises as `take`."""
        return self.take(identity, limit, self._clock()) if limit else None

    def take(self, identity: str, limit: int, now: float) -> Usage:
        """Count one request of somebody who may send `limit` of them a minute.

        Raises TooManyRequests, and counts nothing, when there is no room for it.
        """
        each = WINDOW_SECONDS / limit
        full_again = max(self._full_again.get(identity, now), now) + each
        used = full_again - now
        if used > WINDOW_SECONDS + each * 1e-6:
            raise TooManyRequests(
                _refusal(limit), Usage(limit, 0, used - each, used - WINDOW_SECONDS)
            )
        self._full_again[identity] = full_again
        self._full_again.move_to_end(identity)
        if len(self._full_again) > self._most:
            self._full_again.popitem(last=False)
        return Usage(limit, math.floor((WINDOW_SECONDS - used) / each + 1e-6), used)


def _refusal(limit: int) -> str:
    return (
        f"More than {limit} requests a minute were sent by this identity. Wait as long as "
        "Retry-After says; the operator sets the limit by QUAYMASTER_REQUESTS_PER_MINUTE."
    )

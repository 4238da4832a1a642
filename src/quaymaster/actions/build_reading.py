"""Looking up what was built: metrics of definitions, badges (SEMANTICS 22.6, 24.1)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from quaymaster.actions.call import Call
from quaymaster.store import build_definition_lists
from quaymaster.store.build_definition_lists import Counted

METRICS_REACH = timedelta(days=30)


def month_before(now: datetime) -> datetime:
    """From when on metrics are counted where nobody says."""
    return now - METRICS_REACH


async def metrics(call: Call, ids: Sequence[int], since: datetime) -> list[Counted]:
    """How many builds of these definitions ended on each day, and how many are under way.

    For definitions that the caller was shown already.
    """
    async with call.database.read() as connection:
        return await build_definition_lists.counted(connection, ids, since)

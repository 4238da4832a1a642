"""Deployment frequency, lead time, failure rate and time to restore of a definition (AVIATOR 7)."""

from datetime import datetime

from quaymaster.actions.call import Call
from quaymaster.actions.repositories import repositories
from quaymaster.domain.errors import Invalid
from quaymaster.store.candidates import delivery_metrics
from quaymaster.store.candidates.delivery_metrics import DeliveryMetrics
from quaymaster.store.candidates.repositories import RepositoryEnvironment


async def measured(
    call: Call, project: str, since: datetime, until: datetime
) -> list[tuple[RepositoryEnvironment, DeliveryMetrics]]:
    """The figures of each environment in its order. Raises NotFound, Invalid, Forbidden."""
    if since >= until:
        raise Invalid("Invalid from: it must lie before to.")
    found = await repositories.looked_up(call, project)
    known = await repositories.environments(call, found)
    async with call.database.read() as connection:
        figures = await delivery_metrics.of_environments(
            connection, [one.id for one in known], since, until
        )
    return [(one, figures[one.id]) for one in known]

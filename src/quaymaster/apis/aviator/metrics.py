"""How often and how well a project is deployed (AVIATOR 7)."""

from datetime import datetime, timedelta
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from quaymaster.actions.repositories import delivery_metrics
from quaymaster.apis.aviator import present
from quaymaster.apis.aviator.asked import AviatorRequest, time_in
from quaymaster.apis.aviator.policy import needs
from quaymaster.apis.aviator.projects import ONE
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.candidates.delivery_metrics import DeliveryMetrics
from quaymaster.store.candidates.repositories import RepositoryEnvironment

USUAL = timedelta(days=30)
SECONDS_A_DAY = 24 * 60 * 60


@get(ONE + "/metrics", opt=needs(Scope.RELEASE))
async def get_metrics(request: AviatorRequest, project: FromPath[str]) -> Response[bytes]:
    """The figures of each environment from `from` to `to`: the last thirty days."""
    query = request.asked.query
    until = time_in({"to": query.text("to")}, "to") or request.call.now
    since = time_in({"from": query.text("from")}, "from") or until - USUAL
    found = await delivery_metrics.measured(request.call, project, since, until)
    shown = [_figures(environment, one, since, until) for environment, one in found]
    span = {"from": present.time(since), "to": present.time(until)}
    return request.answer({**span, "environments": shown})


def _figures(
    environment: RepositoryEnvironment, found: DeliveryMetrics, since: datetime, until: datetime
) -> dict[str, Any]:
    days = (until - since).total_seconds() / SECONDS_A_DAY
    ended = found.deployments
    return {
        "environment_name": environment.name,
        "tier": environment.tier,
        "deployments": ended,
        "succeeded": found.succeeded,
        "failed": found.failed,
        "deployment_frequency_per_day": round(found.succeeded / days, 4),
        "lead_time_seconds": found.lead_seconds,
        "change_failure_rate": round(found.failed / ended, 4) if ended else None,
        "time_to_restore_seconds": found.restore_seconds,
    }


ROUTES = [get_metrics]

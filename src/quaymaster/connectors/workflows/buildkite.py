"""Buildkite: a run is a build of a pipeline (buildkite.com/docs/apis/rest-api/builds)."""

from typing import Any
from urllib.parse import quote

from quaymaster.actions.ports.outside import WebClient
from quaymaster.actions.ports.workflows import (
    FarRun,
    Order,
    Sighting,
    WorkflowPutOff,
    WorkflowRefused,
)
from quaymaster.connectors.workflows.asking import Asking, begun, name_in
from quaymaster.domain.statuses import ReportedStatus as Status
from quaymaster.sources.asking import authorization, objects, page_in, text_in

PUBLIC_API = "https://api.buildkite.com"
KEY = "quaymaster-key"
STATES = {
    "running": Status.IN_PROGRESS,
    "failing": Status.IN_PROGRESS,
    "blocked": Status.IN_PROGRESS,
    "canceling": Status.CANCELING,
    "passed": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "waiting_failed": Status.FAILED,
    "canceled": Status.CANCELED,
    "skipped": Status.CANCELED,
    "not_run": Status.CANCELED,
}


class Buildkite:
    """The `WorkflowService` of Buildkite; a pipeline is written `organization/pipeline`."""

    is_watched = True

    def __init__(self, client: WebClient) -> None:
        self._client = client

    async def begin(self, order: Order) -> FarRun:
        """Create a build that carries the order's key, by which it is found again."""
        url = _builds(order)
        body = {
            "commit": order.commit or "HEAD",
            "branch": order.workflow.ref or "main",
            "message": order.title,
            "env": dict(order.inputs),
            "meta_data": {KEY: order.key},
        }
        answer = await self._asking(order).begin(url, body, (201,))
        return begun(answer, url, _run)

    async def find(self, order: Order) -> FarRun | Sighting:
        """The build that carries the order's key."""
        query = {f"meta_data[{KEY}]": order.key, "per_page": 1}
        for one in objects(await self._asking(order).json(_builds(order), query)):
            return _run(one)
        return Sighting.NOTHING

    async def state(self, order: Order, run_id: str) -> FarRun:
        """How the build stands."""
        return _run(await self._asking(order).json(_url(order, run_id)))

    async def cancel(self, order: Order, run_id: str) -> None:
        """Cancel the build; Buildkite refuses for one that is over."""
        try:
            await self._asking(order).json(f"{_url(order, run_id)}/cancel", method="PUT")
        except WorkflowRefused as refused:
            if " answered 422" not in str(refused):
                raise

    def _asking(self, order: Order) -> Asking:
        return Asking(self._client, order, authorization(order.connection, bearer=True))


def _builds(order: Order) -> str:
    named = order.connection.url.rstrip("/") if order.connection else ""
    organization, _, pipeline = order.workflow.target.partition("/")
    base = f"{named or PUBLIC_API}/v2/organizations/{quote(organization, safe='')}"
    return f"{base}/pipelines/{quote(pipeline, safe='')}/builds"


def _url(order: Order, run_id: str) -> str:
    return f"{_builds(order)}/{quote(run_id, safe='')}"


def _run(found: Any) -> FarRun:
    number, page = name_in(found, "number"), page_in(found, "web_url")
    if not number:
        raise WorkflowPutOff("Buildkite answered with a build that has no number.")
    state = text_in(found, "state")
    status = STATES.get(state, Status.PENDING)
    problem = f"The build ended as {state}." if status is Status.FAILED else ""
    return FarRun(number, page, page, status, problem)

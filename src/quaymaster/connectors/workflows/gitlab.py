"""GitLab: a run is a pipeline of a project (docs.gitlab.com/api/pipelines)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from quaymaster.actions.ports.outside import WebClient
from quaymaster.actions.ports.workflows import FarRun, Order, Sighting, WorkflowPutOff
from quaymaster.connectors.workflows.asking import Asking, begun, name_in
from quaymaster.domain.statuses import ReportedStatus as Status
from quaymaster.sources.asking import objects, page_in, text_in, token_of

PUBLIC = "https://gitlab.com"
KEY = "QUAYMASTER_KEY"
CLOCKS_DIFFER = timedelta(minutes=2)
STATES = {
    "running": Status.IN_PROGRESS,
    "canceling": Status.CANCELING,
    "success": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "canceled": Status.CANCELED,
    "skipped": Status.CANCELED,
}


class GitLab:
    """The `WorkflowService` of GitLab; a project is written as its path or its id."""

    is_watched = True

    def __init__(self, client: WebClient) -> None:
        self._client = client

    async def begin(self, order: Order) -> FarRun:
        """Create a pipeline; one of its variables is the order's key, by which it is found."""
        url = f"{_project(order)}/pipeline"
        variables = [{"key": key, "value": value} for key, value in order.inputs.items()]
        body = {
            "ref": order.workflow.ref or "main",
            "variables": [*variables, {"key": KEY, "value": order.key}],
        }
        answer = await self._asking(order).begin(url, body, (201,))
        return begun(answer, url, _run)

    async def find(self, order: Order) -> FarRun | Sighting:
        """The pipeline with the order's key among those that were made by API since."""
        asking = self._asking(order)
        since = (order.asked_at or datetime.now(UTC)) - CLOCKS_DIFFER
        query = {
            "source": "api",
            "updated_after": since.astimezone(UTC).isoformat(),
            "per_page": 100,
        }
        listed = list(objects(await asking.json(f"{_project(order)}/pipelines", query)))
        for one in listed:
            variables = await asking.json(f"{_url(order, text_in(one, 'id'))}/variables")
            for each in objects(variables):
                if each.get("key") == KEY and each.get("value") == order.key:
                    return _run(one)
        return Sighting.UNCLEAR if len(listed) == query["per_page"] else Sighting.NOTHING

    async def state(self, order: Order, run_id: str) -> FarRun:
        """How the pipeline stands."""
        return _run(await self._asking(order).json(_url(order, run_id)))

    async def cancel(self, order: Order, run_id: str) -> None:
        """Cancel the jobs of the pipeline, if any still run."""
        await self._asking(order).json(f"{_url(order, run_id)}/cancel", method="POST")

    def _asking(self, order: Order) -> Asking:
        found = order.connection
        token = token_of(found, or_password=True) if found else ""
        return Asking(self._client, order, {"PRIVATE-TOKEN": token} if token else {})


def _project(order: Order) -> str:
    named = order.connection.url.rstrip("/") if order.connection else ""
    return f"{named or PUBLIC}/api/v4/projects/{quote(order.workflow.target, safe='')}"


def _url(order: Order, run_id: str) -> str:
    return f"{_project(order)}/pipelines/{quote(run_id, safe='')}"


def _run(found: Any) -> FarRun:
    number, page = name_in(found, "id"), page_in(found, "web_url")
    if not number:
        raise WorkflowPutOff("GitLab answered with a pipeline that has no id.")
    state = text_in(found, "status")
    status = STATES.get(state, Status.PENDING)
    problem = "The pipeline ended as failed." if status is Status.FAILED else ""
    return FarRun(number, page, page, status, problem)

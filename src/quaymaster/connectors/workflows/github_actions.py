"""GitHub Actions: a workflow is begun by `workflow_dispatch` (docs.github.com/en/rest/actions).

Newer servers tell the id of the run. Of older ones it is looked for: among the runs that were
dispatched since, the one whose name holds the id or the key of the order; or the workflow calls
back (AVIATOR 1, 4).
"""

import re
from datetime import UTC, datetime, timedelta
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
from quaymaster.sources.asking import (
    Asked,
    SourceProblem,
    authorization,
    inside,
    objects,
    page_in,
    text_in,
)
from quaymaster.sources.github import HEADERS, api_of

DETAILS = "return_run_details"
CLOCKS_DIFFER = timedelta(minutes=2)
CONCLUDED = {
    "success": Status.SUCCEEDED,
    "neutral": Status.SUCCEEDED,
    "skipped": Status.CANCELED,
    "cancelled": Status.CANCELED,
    "failure": Status.FAILED,
    "timed_out": Status.FAILED,
    "startup_failure": Status.ERROR,
    "action_required": Status.ERROR,
    "stale": Status.ERROR,
}


class GitHubActions:
    """The `WorkflowService` of GitHub and GitHub Enterprise."""

    is_watched = True

    def __init__(self, client: WebClient) -> None:
        self._client = client

    async def begin(self, order: Order) -> FarRun:
        """Dispatch the workflow on its branch."""
        asking, base = self._asking(order)
        url = f"{_workflow(base, order)}/dispatches"
        body = {"ref": order.workflow.ref or "main", "inputs": dict(order.inputs)}
        try:
            answer = await asking.begin(url, {**body, DETAILS: True}, (200, 204))
        except WorkflowRefused as refused:
            if DETAILS not in str(refused):
                raise
            answer = await asking.begin(url, body, (204,))
        if answer.status == 204 or not answer.body:
            return FarRun()
        return begun(answer, url, _dispatched)

    async def find(self, order: Order) -> FarRun | Sighting:
        """The run whose name holds the order's id or key. Without one, none was begun only where
        nobody has dispatched this workflow since."""
        asking, base = self._asking(order)
        since = (order.asked_at or datetime.now(UTC)) - CLOCKS_DIFFER
        query = {
            "event": "workflow_dispatch",
            "created": f">={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "per_page": 100,
        }
        listed = await asking.json(f"{_workflow(base, order)}/runs", query)
        runs = list(objects(inside(listed, "workflow_runs")))
        named = [one for one in runs if _names(order, text_in(one, "display_title"))]
        if len(named) == 1:
            return _run(named[0])
        return Sighting.UNCLEAR if runs else Sighting.NOTHING

    async def state(self, order: Order, run_id: str) -> FarRun:
        """How the run stands, by its status and conclusion."""
        asking, base = self._asking(order)
        return _run(await asking.json(_url(base, order, run_id)))

    async def cancel(self, order: Order, run_id: str) -> None:
        """Cancel the run; GitHub refuses for one that is over."""
        asking, base = self._asking(order)
        url = f"{_url(base, order, run_id)}/cancel"
        try:
            await asking.begin(url, None, (202,))
        except WorkflowRefused as refused:
            if " answered 409" not in str(refused):
                raise

    def _asking(self, order: Order) -> tuple[Asking, str]:
        headers = {**HEADERS, **authorization(order.connection, bearer=True)}
        try:
            base = api_of(Asked("workflow", "GitHub", {}, order.connection))
        except SourceProblem as problem:
            raise WorkflowRefused(problem.message) from problem
        return Asking(self._client, order, headers), base


def _repository(base: str, order: Order) -> str:
    return f"{base}/repos/{quote(order.repository)}/actions"


def _workflow(base: str, order: Order) -> str:
    return f"{_repository(base, order)}/workflows/{quote(order.workflow.target, safe='')}"


def _url(base: str, order: Order, run_id: str) -> str:
    return f"{_repository(base, order)}/runs/{quote(run_id, safe='')}"


def _names(order: Order, title: str) -> bool:
    """Whether a title holds the key, or the id as a word of its own."""
    words = re.split(r"[\s,;:()\[\]#/]+", title)
    return order.key in title or order.number in words


def _dispatched(found: Any) -> FarRun:
    page = page_in(found, "html_url")
    return FarRun(name_in(found, "workflow_run_id"), page, page)


def _run(found: Any) -> FarRun:
    number, page = name_in(found, "id"), page_in(found, "html_url")
    if not number:
        raise WorkflowPutOff("GitHub answered with a run that has no id.")
    ended = name_in(found, "conclusion")
    match text_in(found, "status"):
        case "completed":
            status = CONCLUDED.get(ended, Status.ERROR)
        case "in_progress":
            status = Status.IN_PROGRESS
        case _:
            status = Status.PENDING
    is_bad = status in (Status.FAILED, Status.ERROR)
    return FarRun(number, page, page, status, f"The run ended as {ended}." if is_bad else "")

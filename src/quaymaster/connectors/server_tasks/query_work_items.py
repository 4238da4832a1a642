"""Query Work Items: how many a saved query of an Azure DevOps server finds (SEMANTICS 10.5)."""

import re
from urllib.parse import quote

from quaymaster.connectors.server_tasks import signing_in
from quaymaster.connectors.server_tasks.asking import Asking, CannotRun
from quaymaster.connectors.server_tasks.invoke_rest_api import CONNECTION
from quaymaster.connectors.server_tasks.verdicts import by_status, root_of
from quaymaster.domain.numbers import digits
from quaymaster.outgoing.requests import WebAnswer, WebRequest
from quaymaster.plans.connections import is_address

API_VERSION = "3.1"
MOST_DIGITS = 9

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


async def run(asking: Asking) -> str:
    """Whether the query finds as many work items as the thresholds allow.

    Why it failed; empty when it succeeded. Raises CannotRun, Unreachable.
    """
    least, most = _threshold(asking, "minThreshold"), _threshold(asking, "maxThreshold")
    answer = await asking.ask(_request(asking))
    problem = by_status(answer)
    if problem:
        return problem
    found = _count(answer)
    if found is None:
        return "The answer is not that of a work item query."
    asking.lines.append(f"{found} work items; from {least} to {most} are allowed")
    if least <= found <= most:
        return ""
    return f"The query finds {found} work items; from {least} to {most} are allowed."


def _request(asking: Asking) -> WebRequest:
    word = asking.text(*CONNECTION)
    if not word:
        raise CannotRun(
            f"Task {asking.task.name} cannot be run: there are no work items here. Name a service "
            "connection (serviceConnection) to the Azure DevOps server that has them."
        )
    query = asking.text("queryId")
    if not _GUID.fullmatch(query):
        raise CannotRun(f"Its queryId is not the id (a GUID) of a saved query: {query[:60]!r}.")
    endpoint = asking.connection(word)
    if not is_address(endpoint.url):
        raise CannotRun(f"The service connection {endpoint.name} has no http:// or https:// URL.")
    project = asking.text("project")
    base = endpoint.url.rstrip("/") + (f"/{quote(project, safe='')}" if project else "")
    url = f"{base}/_apis/wit/wiql/{query.lower()}?api-version={API_VERSION}"
    return WebRequest("GET", url, {"Accept": "application/json", **signing_in.headers(endpoint)})


def _threshold(asking: Asking, name: str) -> int:
    text = asking.text(name) or "0"
    number = digits(text, MOST_DIGITS)
    if number is None:
        raise CannotRun(f"Its {name} is {text[:40]!r}, and must be a whole number.")
    return number


def _count(answer: WebAnswer) -> int | None:
    """The work items of a flat query, the relations of the two other kinds."""
    root = root_of(answer)
    if not isinstance(root, dict):
        return None
    kind = str(root.get("queryType", "")).lower()
    listed = root.get("workItems" if kind == "flat" else "workItemRelations")
    if kind not in ("flat", "tree", "onehop") or not isinstance(listed, list):
        return None
    return len(listed)

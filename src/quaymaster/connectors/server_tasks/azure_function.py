"""Invoke Azure Function: an HTTP request that shows a function key (SEMANTICS 10.5, 20.3)."""

from urllib.parse import quote

from quaymaster.connectors.server_tasks.asking import Asking, CannotRun
from quaymaster.connectors.server_tasks.invoke_rest_api import body_of, headers_of, method_of
from quaymaster.connectors.server_tasks.verdicts import verdict
from quaymaster.outgoing.requests import WebRequest
from quaymaster.plans.connections import is_address


async def run(asking: Asking) -> str:
    """One request to the function, judged as Invoke REST API judges its own.

    Why it failed; empty when it succeeded. Raises CannotRun, Unreachable.
    """
    function, key = asking.text("function"), asking.text("key")
    if not is_address(function):
        raise CannotRun(
            f"Task {asking.task.name} needs the address of its function, such as "
            "https://app.azurewebsites.net/api/name."
        )
    asking.masker.add(key)
    method = method_of(asking)
    url = _url(function, key, asking.text("queryParameters"))
    request = WebRequest(method, url, headers_of(asking), body_of(asking, method))
    return verdict(asking, await asking.ask(request))


def _url(function: str, key: str, query: str) -> str:
    """The function with its key and then the query that was written."""
    parts = [f"code={quote(key, safe='')}" if key else "", query.lstrip("?&")]
    added = "&".join(part for part in parts if part)
    if not added:
        return function
    return f"{function}{'&' if '?' in function else '?'}{added}"

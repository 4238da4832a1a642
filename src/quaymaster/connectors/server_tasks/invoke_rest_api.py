"""Invoke REST API, the server task that asks somebody else's HTTP API (SEMANTICS 20.3)."""

import msgspec

from quaymaster.actions.ports.outside import WebRequest
from quaymaster.connectors.server_tasks import signing_in
from quaymaster.connectors.server_tasks.asking import Asking, CannotRun
from quaymaster.connectors.server_tasks.verdicts import verdict
from quaymaster.plans.connections import is_address

METHODS = {"OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "PATCH"}
WITHOUT_BODY = {"GET", "HEAD", "TRACE"}
CONNECTION = ("serviceConnection", "connectedServiceName", "genericService")
TO_REPORT = {
    "PlanUrl": "System.CollectionUri",
    "ProjectId": "System.TeamProjectId",
    "HubName": "System.HostType",
    "PlanId": "System.PlanId",
    "JobId": "System.JobId",
    "TimelineId": "System.TimelineId",
    "TaskInstanceId": "System.TaskInstanceId",
    "AuthToken": "System.AccessToken",
}
USUAL_HEADERS = {"Content-Type": "application/json"}


async def run(asking: Asking) -> str:
    """One request, judged by its status and by the success expression, if there is one.

    Why it failed; empty when it succeeded. Raises CannotRun, Unreachable.
    """
    base, own = _base(asking)
    method = method_of(asking)
    given = headers_of(asking)
    headers = {**own, **given} if not _names(given, signing_in.HEADER) else given
    url = joined(base, asking.text("urlSuffix"))
    answer = await asking.ask(WebRequest(method, url, headers, body_of(asking, method)))
    return verdict(asking, answer)


def _base(asking: Asking) -> tuple[str, dict[str, str]]:
    """The address to ask and the header that signs in there; a header given wins over it."""
    word = asking.text(*CONNECTION)
    if asking.text("connectedServiceNameSelector").lower() == "connectedservicenamearm":
        raise CannotRun(
            f"Task {asking.task.name} asks through an Azure Resource Manager connection; here it "
            "can ask through a generic one, with a token in it or in the headers."
        )
    if is_address(word):
        return word, {}
    if not word:
        raise CannotRun(
            f"Task {asking.task.name} names no service connection. Name one, or put the address "
            "itself, https://…, into serviceConnection."
        )
    endpoint = asking.connection(word)
    if not is_address(endpoint.url):
        raise CannotRun(f"The service connection {endpoint.name} has no http:// or https:// URL.")
    return endpoint.url, dict(signing_in.headers(endpoint))


def method_of(asking: Asking) -> str:
    """The method that the task asks with. Raises CannotRun."""
    method = asking.text("method").upper() or "POST"
    if method not in METHODS:
        raise CannotRun(f"Its method is {method[:20]!r}, and must be one of the methods of HTTP.")
    return method


def body_of(asking: Asking, method: str) -> bytes:
    body = "" if method in WITHOUT_BODY else asking.inputs.get("body", "")
    return body.encode("utf-8", "replace")


def headers_of(asking: Asking) -> dict[str, str]:
    """The headers that the task writes as a JSON object. Raises CannotRun."""
    written = asking.text("headers")
    if not written:
        is_default = asking.waits and "headers" not in asking.inputs
        return {**USUAL_HEADERS, **(to_report(asking) if is_default else {})}
    try:
        found = msgspec.json.decode(written, type=dict[str, str | int | float | bool | None])
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise CannotRun(f"Its headers are not a JSON object of texts: {error}.") from None
    return {name: "" if value is None else str(value) for name, value in found.items()}


def to_report(asking: Asking) -> dict[str, str]:
    """The task's own default headers: what a service needs to report how it went."""
    variables = asking.task.variables
    return {name: variables.value(source) for name, source in TO_REPORT.items()}


def joined(base: str, suffix: str) -> str:
    """The address of the connection and the suffix, as they stand side by side."""
    if not suffix or suffix.startswith("?"):
        return base + suffix
    return f"{base.rstrip('/')}/{suffix.lstrip('/')}"


def _names(headers: dict[str, str], name: str) -> bool:
    return any(each.casefold() == name.casefold() for each in headers)

"""The HTTP request that an installed task declares in its task.json (SEMANTICS 20.3)."""

from dataclasses import replace

from quaymaster.connectors.server_tasks import signing_in
from quaymaster.connectors.server_tasks.asking import Asking, CannotRun
from quaymaster.connectors.server_tasks.invoke_rest_api import body_of, headers_of, method_of
from quaymaster.connectors.server_tasks.verdicts import verdict
from quaymaster.domain.ordinal import IgnoreCase
from quaymaster.domain.variable_expansion import expand
from quaymaster.outgoing.requests import WebRequest
from quaymaster.plans.connections import is_address
from quaymaster.plans.server_executions import ServerExecution
from quaymaster.protocol.job import Endpoint


async def run(asking: Asking) -> str:
    """One request as the task declares it, judged as Invoke REST API judges its own.

    Why it failed; empty when it succeeded. Raises CannotRun, Unreachable.
    """
    execution = asking.execution
    if execution is None or not execution.asks:
        kind = execution.kind if execution else "no execution"
        raise CannotRun(
            f"Task {asking.task.name} ({asking.task.task_id}) runs {kind} without an agent, which "
            "cannot be done here; of installed tasks those with an HttpRequest can be run."
        )
    known = {**expand(asking.task.variables).variables.texts(), **asking.inputs}  # inputs win
    word = execution.text("endpointid", IgnoreCase(known)).strip()
    endpoint = asking.connection(word) if word else None
    values = IgnoreCase({**known, "endpoint.url": endpoint.url if endpoint else ""})
    url = execution.text("endpointurl", values).strip()
    if not is_address(url):
        raise CannotRun(
            f"Task {asking.task.name} asks at an address without http:// or https://; its inputs "
            "and its service connection make the address that its EndpointUrl declares."
        )
    return await _asked(_filled(asking, execution, values), url, endpoint)


def _filled(asking: Asking, execution: ServerExecution, values: IgnoreCase[str]) -> Asking:
    """The task as one with the inputs of Invoke REST API."""
    parts = {
        "method": "method",
        "headers": "headers",
        "body": "body",
        "successCriteria": "expression",
    }
    inputs = {name: execution.text(part, values) for name, part in parts.items()}
    return replace(asking, inputs=IgnoreCase(inputs))


async def _asked(asking: Asking, url: str, endpoint: Endpoint | None) -> str:
    method = method_of(asking)
    headers = headers_of(asking)
    if endpoint and not any(name.casefold() == "authorization" for name in headers):
        headers = {**signing_in.headers(endpoint), **headers}
    request = WebRequest(method, url, headers, body_of(asking, method))
    return verdict(asking, await asking.ask(request))

"""Publish to Azure Service Bus: one message to a queue, by its REST interface (SEMANTICS 20.1)."""

import hashlib
import hmac
import json
import time
from base64 import b64encode
from urllib.parse import quote, urlsplit

from quaymaster.connectors.server_tasks import signing_in
from quaymaster.connectors.server_tasks.asking import Asking, CannotRun
from quaymaster.connectors.server_tasks.invoke_rest_api import to_report
from quaymaster.connectors.server_tasks.verdicts import by_status
from quaymaster.outgoing.requests import WebRequest
from quaymaster.protocol.job import Endpoint

VALID_SECONDS = 300
CONNECTION = ("connectedServiceName", "azureSubscription", "serviceConnection")


async def run(asking: Asking) -> str:
    """Send the message; the service must have taken it.

    Why it failed; empty when it succeeded. Raises CannotRun, Unreachable.
    """
    if asking.flag("signPayload"):
        raise CannotRun(
            f"Task {asking.task.name} signs its message with a certificate, which cannot be done "
            "here; switch signPayload off."
        )
    endpoint = asking.connection(asking.text(*CONNECTION))
    settings = _settings(endpoint)
    queue = signing_in.datum(endpoint, "serviceBusQueueName") or settings.get("entitypath", "")
    address = _address(endpoint, settings, queue)
    headers = {
        signing_in.HEADER: signature(
            address, settings["sharedaccesskeyname"], settings["sharedaccesskey"], _expires_at()
        ),
        "Content-Type": "application/json",
        **_properties(asking),
    }
    session = asking.text("sessionId")
    if session:
        headers["BrokerProperties"] = json.dumps({"SessionId": session})
    body = asking.inputs.get("messageBody", "").encode("utf-8", "replace")
    asking.masker.add(settings["sharedaccesskey"])
    return by_status(await asking.ask(WebRequest("POST", f"{address}/messages", headers, body)))


def _settings(endpoint: Endpoint) -> dict[str, str]:
    """The parts of the connection string by their names in lower case. Raises CannotRun."""
    written = signing_in.datum(endpoint, "serviceBusConnectionString") or signing_in.parameter(
        endpoint, "serviceBusConnectionString"
    )
    parts = (part.partition("=") for part in written.split(";") if "=" in part)
    found = {name.strip().lower(): value.strip() for name, _, value in parts}
    missing = {"endpoint", "sharedaccesskeyname", "sharedaccesskey"} - found.keys()
    if missing:
        raise CannotRun(
            f"The service connection {endpoint.name} has no whole connection string of a service "
            "bus: Endpoint, SharedAccessKeyName and SharedAccessKey."
        )
    return found


def _address(endpoint: Endpoint, settings: dict[str, str], queue: str) -> str:
    host = urlsplit(settings["endpoint"]).netloc
    if not host or not queue:
        raise CannotRun(f"The service connection {endpoint.name} names no service bus and queue.")
    return f"https://{host}/{quote(queue)}"


def signature(address: str, name: str, key: str, expires_at: int) -> str:
    """A shared access signature for an address, valid until then (seconds since the epoch)."""
    resource = quote(address.lower(), safe="")
    signed = f"{resource}\n{expires_at}".encode()
    made = b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()
    return (
        f"SharedAccessSignature sr={resource}&sig={quote(made, safe='')}&se={expires_at}"
        f"&skn={quote(name, safe='')}"
    )


def _expires_at() -> int:
    return int(time.time()) + VALID_SECONDS


def _properties(asking: Asking) -> dict[str, str]:
    """The message's properties, each a header that holds a JSON text."""
    return {name: json.dumps(value) for name, value in to_report(asking).items()}

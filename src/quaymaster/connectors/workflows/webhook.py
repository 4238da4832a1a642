"""Any service that takes a POST, does the work, and calls back with how it stands."""

import hashlib
import hmac
from typing import Any

import msgspec

from quaymaster.actions.ports.outside import WebClient
from quaymaster.actions.ports.workflows import FarRun, Order, Sighting, WorkflowPutOff
from quaymaster.connectors.workflows.asking import Asking, decoded, name_in
from quaymaster.sources.asking import authorization, page_in, secret_of

SIGNATURE = "X-Quaymaster-Signature-SHA256"
KEY = "Idempotency-Key"
TAKEN = tuple(range(200, 300))


class Webhook:
    """The `WorkflowService` of whoever listens at an address. It cannot be asked: it tells."""

    is_watched = False

    def __init__(self, client: WebClient) -> None:
        self._client = client

    async def begin(self, order: Order) -> FarRun:
        """POST the order with its key, signed where the connection has a `secret`. The answer may
        be a JSON object with `run_id`, `run_url` and `logs_url`."""
        body = {
            "key": order.key,
            "title": order.title,
            "commit": order.commit,
            "repository": order.repository,
            "inputs": dict(order.inputs),
        }
        if order.call_back:
            body["call_back"] = {"url": order.call_back.url, "token": order.call_back.token}
        asking = Asking(self._client, order, _headers(order, order.key, body))
        answer = await asking.begin(order.workflow.target, body, TAKEN, follows=False)
        try:
            found = decoded(answer, order.workflow.target) if answer.body.strip() else None
        except WorkflowPutOff:
            found = None  # it need not say anything
        run, page = name_in(found, "run_id"), page_in(found, "run_url")
        return FarRun(run, page, page_in(found, "logs_url"))

    async def find(self, order: Order) -> FarRun | Sighting:
        """Nobody can be asked; one that knows its key again may be told once more."""
        return Sighting.NOTHING if order.workflow.is_repeatable else Sighting.UNCLEAR

    async def state(self, _order: Order, run_id: str) -> FarRun:
        """Not known here."""
        raise WorkflowPutOff(f"The run {run_id} cannot be asked how it stands; it tells.")

    async def cancel(self, order: Order, run_id: str) -> None:
        """Tell the same address that the run is to stop, signed as the order was."""
        body = {"key": order.key, "run_id": run_id, "cancel": True, "inputs": dict(order.inputs)}
        asking = Asking(self._client, order, _headers(order, f"{order.key}-cancel", body))
        await asking.begin(order.workflow.target, body, TAKEN, follows=False)


def _headers(order: Order, key: str, body: dict[str, Any]) -> dict[str, str]:
    """The key of what is told, what signs in, and the signature of the body as it is sent."""
    headers = {KEY: key, **authorization(order.connection, bearer=True)}
    secret = secret_of(order.connection, "secret") if order.connection else ""
    if secret:
        signed = hmac.new(secret.encode(), msgspec.json.encode(body), hashlib.sha256)
        headers[SIGNATURE] = signed.hexdigest()
    return headers

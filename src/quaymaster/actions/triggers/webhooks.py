"""Deliveries of webhooks: who may deliver, each delivery once, and what it tells (issue 4.3).

A webhook is a service connection of the type Incoming WebHook: its name is part of the address, and
its secret signs what is delivered. A delivery that is not signed with it does not exist for us.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.follow_up import PUSH
from quaymaster.domain.connections import ServiceConnection
from quaymaster.domain.pull_requests import PullRequest
from quaymaster.domain.pushes import Push
from quaymaster.store.candidates import pull_requests
from quaymaster.store.postgres.queue import Wakeup, enqueue
from quaymaster.store.resources import connections
from quaymaster.store.resources.connections import KeptConnection
from quaymaster.store.triggers import pushes

TYPE = "incomingwebhook"
REMEMBERED = timedelta(days=30)  # longer than anybody repeats a delivery
_ALGORITHMS = {40: "sha1", 64: "sha256"}  # by the length of what they add up to, in hex


@dataclass(frozen=True, slots=True)
class Proof:
    """How a delivery shows that its sender knows the secret: by itself or by a signature.

    `signatures` are in hex, `secrets` as they were sent. `headers` (names in lower case) are for
    webhooks that name a header of their own.
    """

    signatures: tuple[str, ...] = field(default=(), repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came: the webhook's name, the whole body, and under which key it would come again."""

    webhook: str
    key: str
    event: str
    body: bytes = field(repr=False)
    proof: Proof = field(repr=False)


@dataclass(frozen=True, slots=True)
class Door:
    """A webhook whose secret a delivery knows."""

    connection_id: str
    kept: KeptConnection


async def doors(call: Call, delivery: Delivery) -> list[Door]:
    """The webhooks of this name, or with this id, whose secret the delivery proves to know.

    None for a stranger. Every candidate is looked at in constant time, whatever the proof.
    """
    async with call.database.read() as connection:
        found = await connections.of_type(connection, TYPE)
    return [
        Door(kept.connection.id, kept)
        for kept in found
        if delivery.webhook.casefold() in (_name(kept.connection), kept.connection.id)
        and proves(connections.opened(call.vault, kept), delivery)
    ]


async def take_in(
    call: Call,
    found: Sequence[Door],
    delivery: Delivery,
    told: Sequence[Push],
    about: Sequence[PullRequest] = (),
) -> int:
    """Keep what a delivery tells, once for each webhook; how many have not had it before.

    It is answered in the background, also when we are killed right after.
    """
    new = 0
    async with call.database.transaction() as connection:
        for door in found:
            if not await pushes.delivered(
                connection, door.connection_id, delivery.key[:200], delivery.event[:60], call.now
            ):
                continue
            new += 1
            for one in about:
                await pull_requests.tell(connection, door.kept.project_id, one, call.now)
            numbers = await pushes.tell(connection, door.kept.project_id, told, call.now)
            await enqueue(connection, [Wakeup(PUSH, {"id": number}) for number in numbers])
    return new


async def forget_old(call: Call) -> int:
    """Forget deliveries that nobody will repeat any more."""
    async with call.database.transaction() as connection:
        return await pushes.forget_deliveries(connection, call.now - REMEMBERED)


def proves(webhook: ServiceConnection, delivery: Delivery) -> bool:
    """Whether the sender knows the webhook's secret; one without a secret takes nothing."""
    secret = webhook.parameter("secret") or webhook.parameter("password")
    if not secret:
        return False
    proof = delivery.proof
    named = webhook.parameter("header") or webhook.datum("header")
    own = proof.headers.get(named.strip().casefold(), "") if named.strip() else ""
    signatures = [*proof.signatures, *([own] if own else [])]
    secrets = [*proof.secrets, *([own] if own else [])]
    known = [hmac.compare_digest(one.encode(), secret.encode()) for one in secrets]
    signed = [_is_signature(one, secret.encode(), delivery.body) for one in signatures]
    return any(known) or any(signed)


def _is_signature(text: str, secret: bytes, body: bytes) -> bool:
    """`sha256=…`, `sha1=…` or the sum alone."""
    digest = text.strip().rpartition("=")[2].lower()
    algorithm = _ALGORITHMS.get(len(digest))
    if algorithm is None:
        return False
    return hmac.compare_digest(
        digest.encode(), hmac.new(secret, body, algorithm).hexdigest().encode()
    )


def _name(webhook: ServiceConnection) -> str:
    named = webhook.parameter("webhookname") or webhook.datum("webhookname")
    return (named or webhook.name).strip().casefold()


def key_of(body: bytes) -> str:
    """Under which key a delivery comes again that has no id of its own."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"

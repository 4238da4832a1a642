"""The port to the job queue: wake-ups written in our transaction, delivered after its commit.

A queue row only says "look there": losing or doubling one must be harmless (ENGINE 1, 3).
PgQueuer's deduplication is not used on purpose: it drops a wake-up that comes while an equal one
is handled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
from pgqueuer.adapters.persistence.qb import QueryQueueBuilder

from quaymaster.store.database import Connection

PAYLOAD_VERSION = 1
ENQUEUE = QueryQueueBuilder().build_enqueue_query()


@dataclass(frozen=True, slots=True)
class Wakeup:
    """Look at something: `kind` names the handler, `payload` holds ids only.

    `run_after` is counted from the commit's transaction start; None or zero is at once.
    """

    kind: str
    payload: Mapping[str, int | str] = field(default_factory=dict)
    run_after: timedelta | None = None


async def enqueue(connection: Connection, wakeups: Sequence[Wakeup]) -> None:
    """Put all of these into the queue, in this transaction and in one statement."""
    if not wakeups:
        return
    await connection.execute(
        ENQUEUE,
        [0] * len(wakeups),
        [wakeup.kind for wakeup in wakeups],
        [msgspec.json.encode({"v": PAYLOAD_VERSION, **wakeup.payload}) for wakeup in wakeups],
        [max(wakeup.run_after or timedelta(0), timedelta(0)) for wakeup in wakeups],
        [None] * len(wakeups),
        ["{}"] * len(wakeups),
    )


def read_payload(payload: bytes | None) -> dict[str, int | str]:
    """The ids of a wake-up; ValueError for a payload that no version of ours wrote."""
    try:
        read = msgspec.json.decode(payload or b"", type=dict[str, int | str])
    except msgspec.MsgspecError as error:
        raise ValueError(f"a wake-up's payload could not be read: {error}") from error
    if read.pop("v", None) != PAYLOAD_VERSION:
        raise ValueError("a wake-up's payload is of a version that this one does not know")
    return read

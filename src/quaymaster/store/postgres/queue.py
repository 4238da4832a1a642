"""The port to the job queue: wake-ups written in our transaction, delivered after its commit.

A queue row only says "look there": losing or doubling one must be harmless (decision 0006).
PgQueuer's deduplication is not used on purpose: it drops a wake-up that comes while an equal one
is handled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from quaymaster.store.postgres.database import Connection

PAYLOAD_VERSION = 1

# What PgQueuer writes itself for rows without a deduplication key. Asked for its own statement, it
# comes as a whole with pydantic, which takes 10 MB of a server that only enqueues.
ENQUEUE = """
WITH queued AS (
  INSERT INTO pgqueuer (priority, entrypoint, payload, execute_after, headers, status)
  SELECT 0, w.kind, w.payload, now() + w.run_after, '{}', 'queued'
  FROM unnest($1::text[], $2::bytea[], $3::interval[])
    WITH ORDINALITY AS w(kind, payload, run_after, place)
  ORDER BY w.place
  RETURNING id, priority, entrypoint)
INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority)
SELECT id, 'queued', entrypoint, priority FROM queued
"""


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
        [wakeup.kind for wakeup in wakeups],
        [msgspec.json.encode({"v": PAYLOAD_VERSION, **wakeup.payload}) for wakeup in wakeups],
        [max(wakeup.run_after or timedelta(0), timedelta(0)) for wakeup in wakeups],
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

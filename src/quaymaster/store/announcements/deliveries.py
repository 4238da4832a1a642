"""What is told to whom: queued with the change it is about, sent in order, kept until old."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.announcements import Announcement
from quaymaster.store.announcements.outboxes import Failure, Outbox
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases.writing import saving
from quaymaster.store.releases.writing.statements import Beside, Difference

QUEUE_FOR_ENVIRONMENT = """
INSERT INTO deliveries (subscription_id, fact, created_at, due_at)
SELECT s.id, $4::json, $5, $5
FROM environments e JOIN projects p ON p.id = e.project_id
  JOIN subscriptions s ON s.organization_id = p.organization_id AND s.is_enabled
    AND (s.project_id IS NULL OR s.project_id = p.id)
    AND (s.definition_id IS NULL OR s.definition_id = e.definition_id)
    AND (s.definition_stage_id IS NULL OR s.definition_stage_id = e.id)
    AND $2 = ANY (s.happenings) AND (s.statuses = '{}' OR $3 = ANY (s.statuses))
WHERE e.id = $1
"""

QUEUE_FOR_BUILD = """
INSERT INTO deliveries (subscription_id, fact, created_at, due_at)
SELECT s.id, $4::json, $5, $5
FROM builds b JOIN projects p ON p.id = b.project_id
  JOIN subscriptions s ON s.organization_id = p.organization_id AND s.is_enabled
    AND (s.project_id IS NULL OR s.project_id = p.id)
    AND (s.definition_id IS NULL OR s.definition_id = b.definition_id)
    AND $2 = ANY (s.happenings) AND (s.statuses = '{}' OR $3 = ANY (s.statuses))
WHERE b.id = $1
"""

# The first of each release that is due, and of each environment; what comes later waits for it, so
# that a receiver hears of a deployment's end after its start, and of a thaw after its freeze.
# Builds, and what is sent to try a subscription out, wait for nothing: the CASE keeps them from
# being compared with all others, as the `=` does, which alone uses the index of the order.
CLAIM = """
UPDATE deliveries SET attempts = attempts + 1, due_at = $1::timestamptz + $2::interval
WHERE id IN (
  SELECT d.id FROM deliveries d
  WHERE d.status = 'queued' AND d.due_at <= $1 AND d.subscription_id <> ALL ($3::uuid[])
    AND NOT EXISTS (SELECT FROM deliveries e WHERE e.status = 'queued'
      AND e.subscription_id = d.subscription_id AND e.release_id = d.release_id
      AND e.number < d.number)
    AND NOT EXISTS (SELECT FROM deliveries e WHERE e.status = 'queued'
      AND e.subscription_id = CASE WHEN d.release_id IS NULL
        AND d.fact->>'definition_stage' <> '0' THEN d.subscription_id END
      AND e.release_id IS NULL AND e.number < d.number
      AND e.fact->>'definition_stage' = d.fact->>'definition_stage')
  ORDER BY d.number LIMIT $4 FOR UPDATE SKIP LOCKED)
RETURNING id, number, subscription_id, release_id, fact, body, attempts, created_at
"""
COLUMNS = """
SELECT d.id, d.number, d.subscription_id, d.release_id, d.fact, {body} AS body, d.status,
  d.attempts, d.created_at, d.due_at, d.ended_at, d.answer, d.problem FROM deliveries d
"""
ONE, LISTED = COLUMNS.format(body="d.body"), COLUMNS.format(body="NULL::bytea")

OUTBOX = Outbox("deliveries", "id", "delivered")

_fact = msgspec.json.Decoder(Announcement)


class DeliveryStatus(StrEnum):
    """QUEUED is sent until somebody takes it; PARKED waits for a person."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Letter:
    """A delivery that this process is to send now; `body` is None before the first attempt."""

    id: UUID
    number: int
    subscription: UUID
    fact: Announcement
    attempts: int
    created_at: datetime
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as people look at it; `answer` is the HTTP status that came last."""

    id: UUID
    number: int
    subscription: UUID
    fact: Announcement
    status: DeliveryStatus
    attempts: int
    created_at: datetime
    due_at: datetime
    ended_at: datetime | None
    answer: int | None
    problem: str
    body: bytes | None = field(default=None, repr=False)


async def queue(
    connection: Connection, release: int, told: Sequence[Announcement], at: datetime
) -> int:
    """Queue what subscriptions want of this where it goes with no change of the release itself
    (`releases.keep` does that); how many deliveries that makes."""
    return await saving.write(connection, [Difference(release, beside=Beside(at, told=told))])


async def queue_for_environment(connection: Connection, told: Announcement, at: datetime) -> int:
    """The same for what happens to an environment and no release; how many deliveries."""
    return await _queue_for(connection, QUEUE_FOR_ENVIRONMENT, told.definition_stage, told, at)


async def queue_for_build(connection: Connection, told: Announcement, at: datetime) -> int:
    """The same for what happens to a build; how many deliveries."""
    return await _queue_for(connection, QUEUE_FOR_BUILD, told.build, told, at)


async def _queue_for(
    connection: Connection, sql: str, subject: int, told: Announcement, at: datetime
) -> int:
    done: str = await connection.execute(
        sql,
        subject,
        told.happening,
        told.status,
        msgspec.json.encode(told).decode(),
        at,
    )
    return int(done.rpartition(" ")[2])


async def queue_one(
    connection: Connection, subscription: UUID, told: Announcement, at: datetime
) -> int:
    """Queue one for this subscription whatever it wants; its number."""
    number: int = await connection.fetchval(
        "INSERT INTO deliveries (subscription_id, release_id, fact, created_at, due_at)"
        " VALUES ($1, $2, $3, $4, $4) RETURNING number",
        subscription,
        told.release or None,
        msgspec.json.encode(told).decode(),
        at,
    )
    return number


async def claimed(
    connection: Connection, at: datetime, lease: timedelta, busy: Sequence[UUID], most: int
) -> list[Letter]:
    """Take what is due and not for one of the busy subscriptions; nobody else gets it within
    the lease, and after it somebody does unless its end was told."""
    rows = await connection.fetch(CLAIM, at, lease, list(busy), most)
    return [
        Letter(
            row["id"],
            row["number"],
            row["subscription_id"],
            _fact.decode(row["fact"]),
            row["attempts"],
            row["created_at"],
            row["body"],
        )
        for row in sorted(rows, key=lambda row: row["number"])
    ]


async def keep_body(connection: Connection, delivery: UUID, body: bytes) -> None:
    """What is sent now and again at every later attempt."""
    await connection.execute(
        "UPDATE deliveries SET body = $2 WHERE id = $1 AND body IS NULL", delivery, body
    )


async def delivered(connection: Connection, delivery: UUID, answer: int, at: datetime) -> None:
    """The receiver took it."""
    await OUTBOX.sent(connection, delivery, answer, at)


async def failed(connection: Connection, letter: Letter, failure: Failure) -> None:
    """It was not taken, and is sent again or parked."""
    await OUTBOX.failed(connection, letter.id, letter.attempts, failure)


async def park_all(connection: Connection, subscription: UUID, problem: str, at: datetime) -> None:
    """Send nothing more of what waits for this subscription, until a person asks for it."""
    await connection.execute(
        "UPDATE deliveries SET status = 'parked', problem = $2, ended_at = $3"
        " WHERE subscription_id = $1 AND status = 'queued'",
        subscription,
        problem,
        at,
    )


async def send_again(connection: Connection, delivery: UUID, at: datetime) -> None:
    """Queue it anew with a full number of attempts, under its id and with its body."""
    await connection.execute(
        "UPDATE deliveries SET status = 'queued', attempts = 0, due_at = $2, ended_at = NULL"
        " WHERE id = $1",
        delivery,
        at,
    )


async def get(connection: Connection, subscription: UUID, number: int) -> Delivery | None:
    """One delivery of a subscription by its number."""
    row = await connection.fetchrow(
        f"{ONE} WHERE d.subscription_id = $1 AND d.number = $2", subscription, number
    )
    return _delivery(row) if row else None


async def listed(
    connection: Connection,
    subscription: UUID,
    most: int,
    statuses: Sequence[DeliveryStatus] = tuple(DeliveryStatus),
) -> list[Delivery]:
    """The newest deliveries of a subscription first, without their bodies."""
    rows = await connection.fetch(
        f"{LISTED} WHERE d.subscription_id = $1 AND d.status = ANY ($3::text[])"
        " ORDER BY d.number DESC LIMIT $2",
        subscription,
        most,
        list(statuses),
    )
    return [_delivery(row) for row in rows]


async def forget(connection: Connection, before: datetime) -> int:
    """Remove what ended before this time; how many."""
    return await OUTBOX.forget(connection, before)


def _delivery(row: "asyncpg.Record") -> Delivery:
    return Delivery(
        row["id"],
        row["number"],
        row["subscription_id"],
        _fact.decode(row["fact"]),
        DeliveryStatus(row["status"]),
        row["attempts"],
        row["created_at"],
        row["due_at"],
        row["ended_at"],
        row["answer"],
        row["problem"],
        row["body"],
    )

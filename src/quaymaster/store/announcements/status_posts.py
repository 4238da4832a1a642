"""Statuses of commits on their way to repositories: queued with the change that they are about,
posted in order and at least once, kept until old (as deliveries of subscriptions are)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.commit_statuses import CommitStatus
from quaymaster.store.announcements.outboxes import Failure, Outbox
from quaymaster.store.postgres.database import Connection

QUEUED = "queued"
OUTBOX = Outbox("status_posts", "number", "posted")

# What is about the same commit and context goes out in its order; nothing overtakes.
CLAIM = """
UPDATE status_posts SET attempts = attempts + 1, due_at = $1::timestamptz + $2::interval
WHERE number IN (
  SELECT d.number FROM status_posts d
  WHERE d.status = 'queued' AND d.due_at <= $1 AND d.lane <> ALL ($3::text[])
    AND NOT EXISTS (SELECT FROM status_posts e WHERE e.status = 'queued'
      AND e.lane = d.lane AND e.topic = d.topic AND e.number < d.number)
  ORDER BY d.number LIMIT $4 FOR UPDATE SKIP LOCKED)
RETURNING number, project_id, lane, told, attempts
"""

_told = msgspec.json.Decoder(CommitStatus)


@dataclass(frozen=True, slots=True)
class StatusPost:
    """A status that this process is to post now; `lane` is where it goes."""

    number: int
    project_id: UUID
    lane: str
    told: CommitStatus
    attempts: int


@dataclass(frozen=True, slots=True)
class PostedStatus:
    """A status as people look at it: `queued`, `posted` or `parked`, and what went wrong last."""

    told: CommitStatus
    status: str
    attempts: int
    answer: int | None
    problem: str
    due_at: datetime


async def queue(
    connection: Connection,
    project: UUID,
    about: tuple[int | None, int | None],
    told: CommitStatus,
    at: datetime,
) -> None:
    """Queue a status of a build or a release (`about`: one of their ids)."""
    await connection.execute(
        "INSERT INTO status_posts (project_id, build_id, release_id, lane, topic, told, created_at,"
        " due_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        project,
        *about,
        f"{project} {told.connection.casefold()}",
        told.topic,
        msgspec.json.encode(told).decode(),
        at,
    )


async def claimed(
    connection: Connection, at: datetime, lease: timedelta, busy: Sequence[str], most: int
) -> list[StatusPost]:
    """Take what is due and does not go where others are busy; nobody else gets it within the
    lease, and after it somebody does unless its end was told."""
    rows = await connection.fetch(CLAIM, at, lease, list(busy), most)
    return sorted(map(_post, rows), key=lambda post: post.number)


def _post(row: "asyncpg.Record") -> StatusPost:
    return StatusPost(
        row["number"], row["project_id"], row["lane"], _told.decode(row["told"]), row["attempts"]
    )


async def posted(connection: Connection, number: int, answer: int, at: datetime) -> None:
    """The repository's server took it."""
    await OUTBOX.sent(connection, number, answer, at)


async def failed(connection: Connection, post: StatusPost, failure: Failure) -> None:
    """It was not taken, and is sent again or parked."""
    await OUTBOX.failed(connection, post.number, post.attempts, failure)


async def of_build(connection: Connection, build_id: int) -> list[PostedStatus]:
    """What was told of a build, oldest first."""
    rows = await connection.fetch(
        "SELECT told, status, attempts, answer, problem, due_at FROM status_posts"
        " WHERE build_id = $1 ORDER BY number",
        build_id,
    )
    return [
        PostedStatus(
            _told.decode(row["told"]),
            row["status"],
            row["attempts"],
            row["answer"],
            row["problem"],
            row["due_at"],
        )
        for row in rows
    ]


async def forget(connection: Connection, before: datetime) -> int:
    """Remove what ended before this time; how many."""
    return await OUTBOX.forget(connection, before)

"""What the tables of an outbox have in common: rows that are queued, sent, or parked, and forgotten
when old."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from quaymaster.store.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with an attempt; None for `again_at` parks what was to be sent."""

    problem: str
    answer: int | None
    again_at: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Outbox:
    """A table of things to send, its key, and the status of those that were taken."""

    table: str
    key: str
    taken: str

    async def sent(
        self, connection: Connection, one: UUID | int, answer: int, at: datetime
    ) -> None:
        """The other side took it."""
        await connection.execute(
            f"UPDATE {self.table} SET status = $4, answer = $2, problem = '', ended_at = $3"
            f" WHERE {self.key} = $1 AND status = 'queued'",
            one,
            answer,
            at,
            self.taken,
        )

    async def failed(
        self, connection: Connection, one: UUID | int, attempts: int, failure: Failure
    ) -> None:
        """It was not taken. A claim that has been lost (other `attempts`) says nothing."""
        await connection.execute(
            f"UPDATE {self.table} SET problem = $3, answer = $4, due_at = coalesce($5, due_at),"
            " status = CASE WHEN $5::timestamptz IS NULL THEN 'parked' ELSE status END,"
            " ended_at = CASE WHEN $5::timestamptz IS NULL THEN $6::timestamptz END"
            f" WHERE {self.key} = $1 AND attempts = $2 AND status = 'queued'",
            one,
            attempts,
            failure.problem,
            failure.answer,
            failure.again_at,
            failure.at,
        )

    async def forget(self, connection: Connection, before: datetime) -> int:
        """Remove what ended before this time; how many."""
        done: str = await connection.execute(
            f"DELETE FROM {self.table} WHERE status <> 'queued' AND ended_at < $1", before
        )
        return int(done.rpartition(" ")[2])

"""What happened to a release, written once and never changed (a trigger sees to that)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from quaymaster.domain.record import Entry
from quaymaster.domain.release import PersonId
from quaymaster.store.postgres.database import Connection

APPEND = """
INSERT INTO history (release_id, stage_id, attempt, at, by, kind, details, comment)
SELECT $1, entry.stage_id, entry.attempt, $2, entry.by, entry.kind, entry.details, entry.comment
FROM unnest($3::bigint[], $4::integer[], $5::text[], $6::text[], $7::json[], $8::text[])
  WITH ORDINALITY AS entry(stage_id, attempt, by, kind, details, comment, place)
ORDER BY entry.place
"""

_details = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """An entry as it was kept: `id` rises with time within a release."""

    id: int
    release_id: int
    stage_id: int | None
    attempt: int | None
    at: datetime
    by: PersonId | None
    kind: str
    details: Mapping[str, str]
    comment: str


async def append(
    connection: Connection, release_id: int, at: datetime, entries: Sequence[Entry]
) -> None:
    """Add all entries of one decision in their order, in one statement."""
    if not entries:
        return
    await connection.execute(
        APPEND,
        release_id,
        at,
        [entry.stage for entry in entries],
        [entry.attempt for entry in entries],
        [entry.by for entry in entries],
        [entry.kind for entry in entries],
        [msgspec.json.encode(entry.details).decode() for entry in entries],
        [entry.comment for entry in entries],
    )


async def of_release(
    connection: Connection, release_id: int, *, after: int = 0, limit: int = 1000
) -> list[HistoryLine]:
    """The oldest entries first; those with an id above `after`, at most `limit`."""
    rows = await connection.fetch(
        "SELECT id, release_id, stage_id, attempt, at, by, kind, details, comment FROM history"
        " WHERE release_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        release_id,
        after,
        limit,
    )
    return [HistoryLine(**{**row, "details": _details.decode(row["details"])}) for row in rows]

"""What queues builds of definitions by itself, found by repository, clock or other definition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.build import BuildId
from quaymaster.domain.build_triggers import BuildTriggers
from quaymaster.store.postgres.database import Connection

KEEP = """
INSERT INTO build_triggers (definition_id, triggers, repository_keys, on_push, on_pull_request,
  has_schedules, after_definitions, since, look_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
ON CONFLICT (definition_id) DO UPDATE SET triggers = excluded.triggers,
  repository_keys = excluded.repository_keys, on_push = excluded.on_push,
  on_pull_request = excluded.on_pull_request, has_schedules = excluded.has_schedules,
  after_definitions = excluded.after_definitions, since = excluded.since,
  seen = CASE WHEN build_triggers.repository_keys = excluded.repository_keys
    THEN build_triggers.seen END,
  look_at = excluded.look_at
"""

COLUMNS = """
SELECT t.definition_id, d.project_id, t.triggers, t.since, t.seen
FROM build_triggers t JOIN definitions d ON d.id = t.definition_id
JOIN build_definitions b ON b.definition_id = d.id
WHERE NOT d.is_deleted AND b.quality <> 'draft' AND b.queue_status <> 'disabled'
"""

_triggers = msgspec.json.Decoder(BuildTriggers)
_heads = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class Triggered:
    """A definition that builds by itself; `since` is when its triggers were saved, `seen` are the
    heads of its repository at the last look (None before the first)."""

    definition_id: int
    project_id: UUID
    triggers: BuildTriggers
    since: datetime
    seen: Mapping[str, str] | None = None


async def keep(
    connection: Connection,
    definition_id: int,
    triggers: BuildTriggers,
    repository_keys: Sequence[str],
    at: datetime,
) -> None:
    """Remember the triggers of a definition that was just saved."""
    await connection.execute(
        KEEP,
        definition_id,
        msgspec.json.encode(triggers).decode(),
        list(repository_keys),
        triggers.push is not None,
        triggers.pull_request is not None,
        bool(triggers.schedules),
        [one.definition_id for one in triggers.completions],
        at,
    )


async def of_repository(
    connection: Connection, project: UUID | None, keys: Sequence[str]
) -> list[Triggered]:
    """The enabled definitions that build what is pushed to one of these repositories."""
    rows = await connection.fetch(
        f"{COLUMNS} AND t.repository_keys && $1::text[] AND (t.on_push OR t.on_pull_request)"
        " AND ($2::uuid IS NULL OR d.project_id = $2) ORDER BY t.definition_id",
        list(keys),
        project,
    )
    return [_triggered(row) for row in rows]


async def after(connection: Connection, definition_id: int) -> list[Triggered]:
    """The enabled definitions that follow builds of this one."""
    rows = await connection.fetch(
        f"{COLUMNS} AND t.after_definitions @> ARRAY[$1]::bigint[] ORDER BY t.definition_id",
        definition_id,
    )
    return [_triggered(row) for row in rows]


async def scheduled(connection: Connection) -> list[Triggered]:
    """The enabled definitions that build by the clock."""
    rows = await connection.fetch(f"{COLUMNS} AND t.has_schedules ORDER BY t.definition_id")
    return [_triggered(row) for row in rows]


async def to_look_at(connection: Connection, now: datetime, limit: int = 50) -> list[Triggered]:
    """Those whose repositories are to be looked at by now, the longest due first."""
    rows = await connection.fetch(
        f"{COLUMNS} AND t.on_push AND t.look_at <= $1 ORDER BY t.look_at LIMIT $2", now, limit
    )
    return [_triggered(row) for row in rows]


async def get(connection: Connection, definition_id: int) -> Triggered | None:
    """One of them; None for a definition that builds nothing by itself."""
    row = await connection.fetchrow(f"{COLUMNS} AND t.definition_id = $1", definition_id)
    return _triggered(row) if row else None


async def looked(
    connection: Connection, definition_id: int, seen: Mapping[str, str] | None, again_at: datetime
) -> None:
    """Remember what a repository's heads are (None: could not be seen) and when to look again."""
    await connection.execute(
        "UPDATE build_triggers SET seen = coalesce($2, seen), look_at = $3"
        " WHERE definition_id = $1",
        definition_id,
        None if seen is None else msgspec.json.encode(seen).decode(),
        again_at,
    )


async def fired(
    connection: Connection, definition_id: int, key: str, build_id: int | None, problem: str = ""
) -> None:
    """Remember which build came of a firing, or why none did."""
    await connection.execute(
        "UPDATE build_firings SET build_id = $3, problem = $4"
        " WHERE definition_id = $1 AND key = $2",
        definition_id,
        key,
        build_id,
        problem,
    )


async def build_of(connection: Connection, definition_id: int, key: str) -> int | None:
    """The build that came of a firing."""
    found: int | None = await connection.fetchval(
        "SELECT build_id FROM build_firings WHERE definition_id = $1 AND key = $2",
        definition_id,
        key,
    )
    return found


async def building(connection: Connection, definition_id: int, branch: str) -> int:
    """How many builds of this branch are queued or under way."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM builds WHERE definition_id = $1 AND source_branch = $2"
        " AND status <> 'completed' AND NOT is_deleted",
        definition_id,
        branch,
    )
    return found


async def lock_superseded(
    connection: Connection, definition_id: int, source_branch: str, reason: str
) -> None:
    """Lock what a new build will supersede before the row of its definition, as builds that end
    do: two that wait for each other would both be lost."""
    await connection.execute(
        "SELECT FROM builds WHERE definition_id = $1 AND source_branch = $2 AND reason = $3"
        " AND status <> 'completed' AND NOT is_deleted ORDER BY id FOR NO KEY UPDATE",
        definition_id,
        source_branch,
        reason,
    )


async def superseded(connection: Connection, build_id: int) -> list[BuildId]:
    """The older builds of the same pull request and definition that have not ended."""
    rows = await connection.fetch(
        "SELECT o.id FROM builds b JOIN builds o ON o.definition_id = b.definition_id"
        " AND o.source_branch = b.source_branch AND o.reason = b.reason AND o.id < b.id"
        " WHERE b.id = $1 AND o.status <> 'completed' AND NOT o.is_deleted ORDER BY o.id",
        build_id,
    )
    return [BuildId(row["id"]) for row in rows]


def _triggered(row: "asyncpg.Record") -> Triggered:
    return Triggered(
        row["definition_id"],
        row["project_id"],
        _triggers.decode(row["triggers"]),
        row["since"],
        None if row["seen"] is None else _heads.decode(row["seen"]),
    )

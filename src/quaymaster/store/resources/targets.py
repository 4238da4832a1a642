"""The targets of deployment groups: who is there, with which tags, and who has just joined."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from quaymaster.domain.release import JobId, ReleaseId, Target
from quaymaster.store.postgres.database import Connection

# A worker that stopped or let its lease run out leaves its target offline.
ONLINE = """EXISTS (SELECT FROM workers w WHERE w.target_id = t.id AND w.stopped_at IS NULL
  AND w.lease_until > now())"""

TARGETS = f"""
SELECT t.id, t.group_id, t.name, t.tags, t.created_at, {ONLINE} AS is_online,
  coalesce(w.capabilities, '{{}}') AS capabilities, w.last_seen_at,
  EXISTS (SELECT FROM jobs j WHERE j.target = t.id AND j.kind = 'target'
    AND j.status = 'running') AS is_busy
FROM deployment_targets t LEFT JOIN LATERAL (
  SELECT n.capabilities, coalesce(n.stopped_at, n.lease_until) AS last_seen_at FROM workers n
  WHERE n.target_id = t.id ORDER BY n.number DESC LIMIT 1) w ON true
"""

# Jobs that wait for a target which has been away for longer than its owner may take to notice.
DESERTED = f"""
SELECT j.id, j.release_id, j.name FROM jobs j
WHERE j.kind = 'target' AND j.status = 'waiting' AND NOT EXISTS (
  SELECT FROM deployment_targets t WHERE t.id = j.target AND {ONLINE})
AND coalesce((SELECT max(least(coalesce(n.stopped_at, n.lease_until), n.lease_until))
  FROM workers n WHERE n.target_id = j.target), j.created_at) < now() - $1::interval
ORDER BY j.id
"""

ARRIVED = """
INSERT INTO target_arrivals (target_id, environment_id, tags_before)
SELECT $1, environment_id, $3::text[] FROM deployment_group_triggers WHERE group_id = $2
ON CONFLICT (target_id, environment_id) DO NOTHING
"""

_capabilities = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class KeptTarget:
    """A target as it stands; `last_seen_at` is when its worker was, or will be, believed gone."""

    id: int
    group_id: int
    name: str
    tags: tuple[str, ...]
    created_at: datetime
    is_online: bool
    is_busy: bool
    capabilities: Mapping[str, str]
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A target that a stage has yet to answer; `tags_before` None means that it is new."""

    id: int
    target_id: int
    group_id: int
    name: str
    tags: tuple[str, ...]
    tags_before: tuple[str, ...] | None
    environment_id: int


@dataclass(frozen=True, slots=True)
class DesertedJob:
    """A job that waits for a target, here by its name, which does not come back."""

    id: JobId
    release_id: ReleaseId
    name: str


async def of_release(
    connection: Connection, release_id: int, groups: Iterable[int]
) -> dict[int, tuple[Target, ...]]:
    """The targets of these groups by name, as far as they belong to the release's project."""
    rows = await connection.fetch(
        f"SELECT t.id, t.group_id, t.name, t.tags, {ONLINE} AS is_online"
        " FROM deployment_targets t JOIN deployment_groups g ON g.id = t.group_id"
        " WHERE t.group_id = ANY($1::bigint[])"
        " AND g.project_id = (SELECT project_id FROM releases WHERE id = $2)"
        " ORDER BY t.group_id, t.name_key",
        list(groups),
        release_id,
    )
    found: dict[int, list[Target]] = {}
    for row in rows:
        target = Target(row["id"], row["name"], frozenset(row["tags"]), row["is_online"])
        found.setdefault(row["group_id"], []).append(target)
    return {group: tuple(targets) for group, targets in found.items()}


async def listed(
    connection: Connection, group: int, ids: Sequence[int] | None = None
) -> list[KeptTarget]:
    """The targets of a group by name; only these, if some are given."""
    rows = await connection.fetch(
        f"{TARGETS} WHERE t.group_id = $1 AND ($2::bigint[] IS NULL OR t.id = ANY($2))"
        " ORDER BY t.name_key",
        group,
        None if ids is None else list(ids),
    )
    return [
        KeptTarget(
            **{
                **row,
                "tags": tuple(row["tags"]),
                "capabilities": _capabilities.decode(row["capabilities"]),
            }
        )
        for row in rows
    ]


async def join(
    connection: Connection, group: int, name: str, tags: Sequence[str], at: datetime
) -> int:
    """Put a machine on the list of a group, or find it there and add tags; its id.

    Its row is locked until the transaction ends.
    """
    row = await connection.fetchrow(
        "SELECT id, tags FROM deployment_targets WHERE group_id = $1 AND name_key = $2 FOR UPDATE",
        group,
        name.casefold(),
    )
    if row is None:
        target: int = await connection.fetchval(
            "INSERT INTO deployment_targets (group_id, name, name_key, tags, created_at)"
            " VALUES ($1, $2, $3, $4, $5) RETURNING id",
            group,
            name,
            name.casefold(),
            _distinct(tags),
            at,
        )
        await connection.execute(ARRIVED, target, group, None)
        return target
    await set_tags(connection, row["id"], [*row["tags"], *tags])
    return int(row["id"])


async def is_taken(connection: Connection, target: int) -> bool:
    """Whether a worker is this target now."""
    found: bool = await connection.fetchval(
        f"SELECT {ONLINE} FROM deployment_targets t WHERE t.id = $1", target
    )
    return found


async def set_tags(connection: Connection, target: int, tags: Sequence[str]) -> None:
    """Give a target these tags and no others; new ones may ask for deployments (8.11)."""
    before = await connection.fetchrow(
        "SELECT group_id, tags FROM deployment_targets WHERE id = $1 FOR UPDATE", target
    )
    wanted = _distinct(tags)
    if before is None or list(before["tags"]) == wanted:
        return
    await connection.execute(
        "UPDATE deployment_targets SET tags = $2 WHERE id = $1", target, wanted
    )
    known = {tag.casefold() for tag in before["tags"]}
    if any(tag.casefold() not in known for tag in wanted):
        await connection.execute(ARRIVED, target, before["group_id"], list(before["tags"]))


async def delete(connection: Connection, target: int) -> None:
    """Take a machine off the list; a worker that still runs there gets no more jobs."""
    await connection.execute("DELETE FROM deployment_targets WHERE id = $1", target)


async def arrivals(connection: Connection) -> list[int]:
    """Those who have joined and have not been answered by some stage, by the arrival's id."""
    rows = await connection.fetch("SELECT id FROM target_arrivals ORDER BY id")
    return [row["id"] for row in rows]


async def arrival(connection: Connection, number: int) -> Arrival | None:
    """One of them, locked; None when it has been answered."""
    row = await connection.fetchrow(
        "SELECT a.id, a.target_id, t.group_id, t.name, t.tags, a.tags_before, a.environment_id"
        " FROM target_arrivals a JOIN deployment_targets t ON t.id = a.target_id"
        " WHERE a.id = $1 FOR UPDATE OF a SKIP LOCKED",
        number,
    )
    if row is None:
        return None
    before = row["tags_before"]
    told = {"tags": tuple(row["tags"]), "tags_before": None if before is None else tuple(before)}
    return Arrival(**{**row, **told})


async def answered(connection: Connection, number: int) -> None:
    """Forget an arrival that a stage has answered."""
    await connection.execute("DELETE FROM target_arrivals WHERE id = $1", number)


async def deserted(connection: Connection, patience: timedelta) -> list[DesertedJob]:
    """Jobs whose target has been away for this long, or was removed."""
    rows = await connection.fetch(DESERTED, patience)
    return [DesertedJob(**row) for row in rows]


def _distinct(tags: Sequence[str]) -> list[str]:
    """The tags in their order, each once whatever its case."""
    made: dict[str, str] = {}
    for tag in tags:
        made.setdefault(tag.casefold(), tag)
    return list(made.values())

"""What keeps builds from being deleted, and deleting them softly (SEMANTICS 22.2, 23.4, 23.7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from quaymaster.domain.errors import NotFound
from quaymaster.domain.release import PersonId
from quaymaster.store.builds.latest import find_latest
from quaymaster.store.postgres.database import Connection

# Somebody said so, or a release that is not deleted has it (SEMANTICS 4.6, 6.8).
RETAINED = """(b.retained_by_release OR EXISTS (SELECT FROM release_artifacts ra
  JOIN releases rr ON rr.id = ra.release_id AND NOT rr.is_deleted
  WHERE ra.build_id = b.id AND ra.retains_build))"""
LEASED = "EXISTS (SELECT FROM retention_leases l WHERE l.build_id = b.id AND l.valid_until > {})"
WITH_DEFINITION = "The build pipeline was deleted."
LEASE = "id, build_id, definition_id, owner, created_at, valid_until, protects_pipeline"


@dataclass(frozen=True, slots=True)
class Lease:
    """Somebody's wish to keep a build until a time; `owner` says in his own words who."""

    id: int
    build_id: int
    definition_id: int
    owner: str
    created_at: datetime
    valid_until: datetime
    protects_pipeline: bool


@dataclass(frozen=True, slots=True)
class LeaseFilter:
    """What leases to look for: all that is given holds together, "" and None are any."""

    owner: str = ""
    definition_id: int | None = None
    build_id: int | None = None


ANY = (LeaseFilter(),)
LEASES = f"""
SELECT {LEASE} FROM retention_leases l WHERE ($1::bigint[] IS NULL OR l.id = ANY($1))
  AND EXISTS (SELECT FROM unnest($2::text[], $3::bigint[], $4::bigint[])
    AS wanted(owner, definition_id, build_id)
    WHERE (wanted.owner = '' OR l.owner = wanted.owner)
      AND (wanted.definition_id IS NULL OR l.definition_id = wanted.definition_id)
      AND (wanted.build_id IS NULL OR l.build_id = wanted.build_id))
ORDER BY id LIMIT 10000
"""


async def lock_builds(connection: Connection, definition_id: int) -> None:
    """Let no release take a build of the definition until the transaction ends."""
    await connection.execute(
        "SELECT FROM builds WHERE definition_id = $1 AND NOT is_deleted ORDER BY id FOR UPDATE",
        definition_id,
    )


async def kept_builds(connection: Connection, definition_id: int, now: datetime) -> list[int]:
    """Builds of a definition that a release or a lease keeps."""
    rows = await connection.fetch(
        "SELECT b.id FROM builds b WHERE b.definition_id = $1 AND NOT b.is_deleted"
        f" AND ({RETAINED} OR {LEASED.format('$2')}) ORDER BY b.id LIMIT 100",
        definition_id,
        now,
    )
    return [row["id"] for row in rows]


async def is_leased(connection: Connection, build_id: int, now: datetime) -> bool:
    """Whether a lease that is still valid keeps this build."""
    sql = f"SELECT {LEASED.format('$2')} FROM builds b WHERE b.id = $1"
    return bool(await connection.fetchval(sql, build_id, now))


async def under_way(connection: Connection, definition_id: int) -> bool:
    """Whether a build of the definition has not ended."""
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM builds WHERE definition_id = $1"
            " AND status <> 'completed' AND NOT is_deleted)",
            definition_id,
        )
    )


async def delete_with_definition(
    connection: Connection, definition_id: int, by: PersonId | None, at: datetime
) -> None:
    """Flag all builds of a definition as deleted with it."""
    await connection.execute(
        "UPDATE builds SET is_deleted = true, deleted_by = $2, deleted_at = $3,"
        " deleted_reason = $4, changed_at = $3 WHERE definition_id = $1 AND NOT is_deleted",
        definition_id,
        by,
        at,
        WITH_DEFINITION,
    )


async def restore_with_definition(connection: Connection, definition_id: int, at: datetime) -> None:
    """Bring back the builds that were deleted with their definition, and only those."""
    await connection.execute(
        "UPDATE builds SET is_deleted = false, deleted_by = NULL, deleted_at = NULL,"
        " deleted_reason = '', changed_at = $2 WHERE definition_id = $1 AND deleted_reason = $3",
        definition_id,
        at,
        WITH_DEFINITION,
    )
    await find_latest(connection, definition_id)


async def add_lease(
    connection: Connection,
    build_id: int,
    owner: str,
    now: datetime,
    until: datetime,
    *,
    protects_pipeline: bool,
) -> Lease:
    """Keep a build. Raises NotFound for one that is not there."""
    row = await connection.fetchrow(
        "INSERT INTO retention_leases (build_id, definition_id, owner, created_at, valid_until,"
        " protects_pipeline) SELECT b.id, b.definition_id, $2, $3, $4, $5 FROM builds b"
        f" WHERE b.id = $1 AND NOT b.is_deleted RETURNING {LEASE}",
        build_id,
        owner,
        now,
        until,
        protects_pipeline,
    )
    if row is None:
        raise NotFound("build", build_id)
    return Lease(**row)


async def leases(
    connection: Connection, wanted: Sequence[LeaseFilter] = ANY, ids: Sequence[int] | None = None
) -> list[Lease]:
    """The leases with one of these ids that fit one of `wanted`, oldest first."""
    rows = await connection.fetch(
        LEASES,
        None if ids is None else list(ids),
        [one.owner for one in wanted],
        [one.definition_id for one in wanted],
        [one.build_id for one in wanted],
    )
    return [Lease(**row) for row in rows]


async def change_lease(
    connection: Connection,
    lease_id: int,
    until: datetime | None,
    protects_pipeline: bool | None,
) -> Lease:
    """Change how long a lease holds or what it protects; None leaves a part as it is."""
    row = await connection.fetchrow(
        "UPDATE retention_leases SET valid_until = coalesce($2, valid_until),"
        f" protects_pipeline = coalesce($3, protects_pipeline) WHERE id = $1 RETURNING {LEASE}",
        lease_id,
        until,
        protects_pipeline,
    )
    if row is None:
        raise NotFound("lease", lease_id)
    return Lease(**row)


async def remove_leases(connection: Connection, ids: Sequence[int]) -> None:
    """Take leases away; those that are gone already are as good."""
    await connection.execute("DELETE FROM retention_leases WHERE id = ANY($1::bigint[])", list(ids))

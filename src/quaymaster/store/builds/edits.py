"""Changing what is told of a build besides its run: number, tags, properties, keeping."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from quaymaster.domain.release import JobId, PersonId
from quaymaster.store.builds.latest import find_latest
from quaymaster.store.postgres.database import Connection

CHANGE = """
UPDATE builds SET keep_forever = coalesce($2, keep_forever), quality = coalesce($3, quality),
  retained_by_release = coalesce($4, retained_by_release), tags = coalesce($5, tags),
  tag_keys = coalesce($6, tag_keys), changed_by = $7, changed_at = $8
WHERE id = $1
"""


def as_json(value: object) -> str:
    """A JSON text for a column."""
    return msgspec.json.encode(value).decode()


@dataclass(frozen=True, slots=True)
class Details:
    """What is told of a build; None leaves a part as it is."""

    keep_forever: bool | None = None
    quality: str | None = None
    retained_by_release: bool | None = None
    tags: list[str] | None = None


async def change(
    connection: Connection, build_id: int, wanted: Details, by: PersonId | None, at: datetime
) -> None:
    """Change the parts that are not None."""
    tags = wanted.tags
    await connection.execute(
        CHANGE,
        build_id,
        wanted.keep_forever,
        wanted.quality,
        wanted.retained_by_release,
        tags,
        None if tags is None else [tag.casefold() for tag in tags],
        by,
        at,
    )


async def rename(
    connection: Connection, build_id: int, number: str, by: PersonId | None, at: datetime
) -> bool:
    """Give a build another number; False, and nothing, when its definition has one like it."""
    try:
        async with connection.transaction():
            await connection.execute(
                "UPDATE builds SET number = $2, number_key = $3, changed_by = $4, changed_at = $5"
                " WHERE id = $1",
                build_id,
                number,
                number.casefold(),
                by,
                at,
            )
    except asyncpg.UniqueViolationError:
        return False
    return True


async def delete(connection: Connection, build_id: int, by: PersonId | None, at: datetime) -> None:
    """Flag a build as deleted; its definition's latest builds are found anew."""
    definition_id = await connection.fetchval(
        "UPDATE builds SET is_deleted = true, deleted_by = $2, deleted_at = $3, changed_by = $2,"
        " changed_at = $3 WHERE id = $1 RETURNING definition_id",
        build_id,
        by,
        at,
    )
    await find_latest(connection, definition_id)


async def lock(connection: Connection, build_id: int) -> None:
    """Let nobody else change the build until the transaction ends."""
    await connection.execute("SELECT FROM builds WHERE id = $1 FOR NO KEY UPDATE", build_id)


async def set_properties(
    connection: Connection, build_id: int, properties: Mapping[str, Any]
) -> None:
    """Replace the properties."""
    await connection.execute(
        "UPDATE builds SET properties = $2 WHERE id = $1", build_id, as_json(properties)
    )


async def position(connection: Connection, build_id: int) -> int | None:
    """The place of a waiting build in its pool, from 1; None when none of its jobs waits."""
    found: int | None = await connection.fetchval(
        "SELECT 1 + (SELECT count(*) FROM jobs o WHERE o.status = 'waiting'"
        " AND o.pool_id = j.pool_id AND (o.priority, o.id) < (j.priority, j.id))"
        " FROM jobs j WHERE j.build_id = $1 AND j.status = 'waiting' ORDER BY j.id LIMIT 1",
        build_id,
    )
    return found


async def ahead(connection: Connection, waiting: Sequence[JobId]) -> dict[JobId, int]:
    """How many jobs go before each of these that wait, in the queue of its pool."""
    rows = await connection.fetch(
        "SELECT j.id, (SELECT count(*) FROM jobs o WHERE o.status = 'waiting'"
        " AND o.pool_id = j.pool_id AND (o.priority, o.id) < (j.priority, j.id)) AS ahead"
        " FROM jobs j WHERE j.id = ANY($1::bigint[])",
        list(waiting),
    )
    return {JobId(row["id"]): row["ahead"] for row in rows}

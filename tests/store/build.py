"""Builders of rows that a test needs before it can say what it is about."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec

from quaymaster.domain.plan import Plan
from quaymaster.domain.release import Release
from quaymaster.domain.release_names import Named
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import Paging
from quaymaster.store.releases import lists, releases
from quaymaster.store.releases.lists import ReleaseFilter
from quaymaster.store.releases.records import NewRelease
from quaymaster.store.storage import bodies
from quaymaster.store.storage.vault import KEY_BYTES, Vault
from tests import make

VAULT = Vault([b"k" * KEY_BYTES])


async def project_id(connection: Connection) -> UUID:
    found: UUID = await connection.fetchval("SELECT id FROM projects ORDER BY created_at LIMIT 1")
    return found


async def definition(connection: Connection, name: str = "Web", of: str = "{}") -> int:
    """A definition of the default project, straight into its table."""
    created: int = await connection.fetchval(
        "INSERT INTO definitions (project_id, name, name_key, document_digest, created_at,"
        " modified_at) VALUES ($1, $2, upper($2), $3, $4, $4) RETURNING id",
        await project_id(connection),
        name,
        await bodies.put_document(connection, of),
        make.NOW,
    )
    return created


async def release(
    connection: Connection, definition_id: int, of: Plan | str = "Dev", **changes: Any
) -> Release:
    """A draft release of this definition."""
    new = {
        "project_id": await project_id(connection),
        "definition_id": definition_id,
        "definition_revision": 1,
        "plan": make.plan(of) if isinstance(of, str) else of,
        "document": "{}",
        "created_at": make.NOW,
        "created_by": make.CREATOR,
        "created_for": make.CREATOR,
        "named": Named(make.NOW),
    }
    return await releases.insert(connection, NewRelease(**{**new, **changes}), VAULT)


async def until_somebody_waits_for_a_lock(connection: Connection) -> None:
    """Return once another connection of this database is blocked by a lock."""
    waits = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    # No event of ours tells it: only the server knows who waits.
    while not await connection.fetchval(waits):  # noqa: ASYNC110 - as said above
        await asyncio.sleep(0)


async def multiply_release(connection: Connection, release_id: int, count: int) -> None:
    """That many copies of a release's own row, under names of their own."""
    await connection.execute(
        "INSERT INTO releases (project_id, definition_id, definition_revision, name, name_key,"
        " status, reason, created_at, modified_at, document_digest, plan_digest, stage_mask)"
        " SELECT project_id, definition_id, 1, 'copy-' || n, 'copy-' || n, status, reason,"
        " created_at, modified_at, document_digest, plan_digest, stage_mask"
        " FROM releases, generate_series(1, $2) n WHERE id = $1",
        release_id,
        count,
    )


async def multiply_deployment(
    connection: Connection, release_id: int, environment: int, status: str, count: int
) -> None:
    """That many ended attempts of the release's first stage, told to be of this environment."""
    outcome = "succeeded" if status == "succeeded" else "phaseFailed"
    await connection.execute(
        "INSERT INTO deployments (release_id, stage_id, project_id, definition_id,"
        " definition_stage_id, attempt, reason, requested_by, queued_at, modified_at, outcome,"
        " status, operation_status, completed_at)"
        " SELECT r.id, s.id, r.project_id, r.definition_id, $2::integer,"
        " $2::integer * 100000 + n, 'manual',"
        " r.created_by, r.created_at, r.created_at, $3, $4, 'approved', r.created_at"
        " FROM releases r JOIN LATERAL (SELECT id FROM stages WHERE release_id = r.id"
        " ORDER BY rank LIMIT 1) s ON true, generate_series(1, $5) n WHERE r.id = $1",
        release_id,
        environment,
        outcome,
        status,
        count,
    )


async def rows_read(connection: Connection, wanted: ReleaseFilter, paging: Paging) -> int:
    """How many rows of `releases` PostgreSQL looks at for this page, as it says itself."""
    sql, parameters = lists.statement(wanted, paging)
    return await rows_read_of(connection, "releases", sql, *parameters)


async def rows_read_of(connection: Connection, table: str, sql: str, *parameters: object) -> int:
    """How many rows of a table PostgreSQL looks at for this statement, as it says itself."""
    text = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *parameters)
    return sum(_looked_at(table, msgspec.json.decode(text)[0]["Plan"]))


def _looked_at(table: str, node: dict[str, Any]) -> Iterator[int]:
    if node.get("Relation Name") == table:
        yield node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    for child in node.get("Plans", ()):
        yield from _looked_at(table, child)

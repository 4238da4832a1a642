"""Many releases that wait for an approval, copied from one inside the database."""

import asyncpg

# Rows of these tables belong to a release; parents come first.
TABLES = ("releases", "stages", "deployments", "approvals", "history")


async def clone_release(connection: asyncpg.Connection, release: int, copies: int) -> None:
    """Copy a release with its stages, attempt and approval this often, and its timers.

    Ids of a copy are those of the original plus a number that no other copy has.
    """
    step = await connection.fetchval(
        "SELECT max(id) + 1000 FROM (SELECT id FROM releases UNION ALL SELECT id FROM stages"
        " UNION ALL SELECT id FROM deployments UNION ALL SELECT id FROM approvals"
        " UNION ALL SELECT id FROM history) ids"
    )
    async with connection.transaction():
        for table in TABLES:
            await connection.execute(await _copying(connection, table), release, copies, step)
        await connection.execute(_TIMERS, release, copies, step)
        for table in TABLES:
            await connection.execute(
                f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))"  # noqa: S608
            )
    await connection.execute("ANALYZE")


async def _copying(connection: asyncpg.Connection, table: str) -> str:
    columns = [
        row["column_name"]
        for row in await connection.fetch(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position",
            table,
        )
    ]
    values = ", ".join(map(_moved, columns))
    key = "id" if table == "releases" else "release_id"
    return (
        f"INSERT INTO {table} ({', '.join(columns)})"  # noqa: S608 - names from the catalogue
        f" SELECT {values} FROM {table} t, generate_series(1, $2::integer) n"
        f" WHERE t.{key} = $1::bigint AND $3::bigint > 0"
    )


def _moved(column: str) -> str:
    """Ids of the copied tables move by the copy's number; names get it appended."""
    if column in {"id", "release_id", "stage_id", "deployment_id", "newest_deployment_id"}:
        return f"t.{column} + n * $3::bigint"
    if column in {"name", "name_key"}:
        return f"t.{column} || '-' || n * $3::bigint"
    return f"t.{column}"


_TIMERS = """
INSERT INTO pgqueuer (priority, created, updated, heartbeat, execute_after, status, entrypoint,
  payload, headers)
SELECT q.priority, now(), now(), now(), q.execute_after, 'queued', q.entrypoint,
  convert_to('{"v":1,"id":' || ($1::bigint + n * $3::bigint) || '}', 'UTF8'), q.headers
FROM pgqueuer q, generate_series(1, $2::integer) n
WHERE q.payload = convert_to('{"v":1,"id":' || $1::bigint || '}', 'UTF8')
"""

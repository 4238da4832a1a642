"""Databases that are put back to their beginnings: making one costs more than most tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from quaymaster.store import migrate

END_ALL = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1"

# What of a database is not put back: its tables with whatever hangs on them, and its settings.
SHAPE = """
SELECT md5(string_agg(part, ',' ORDER BY part)) FROM (
  SELECT (c.relname, c.relkind, a.attname, a.atttypid, a.attnotnull)::text AS part
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0
  UNION ALL SELECT (conrelid, conname)::text FROM pg_constraint
  UNION ALL SELECT (tgrelid, tgname, tgenabled)::text FROM pg_trigger
  UNION ALL SELECT (proname, md5(prosrc))::text FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_'
  UNION ALL SELECT setconfig::text FROM pg_db_role_setting) parts
"""


def in_database(dsn: str, name: str) -> str:
    """The address of another database of the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


@dataclass
class Databases:
    """The migrated databases of the server at `dsn`; each is lent to one test at a time.

    It has another name each time, so that nothing that an earlier test left running finds it.
    """

    dsn: str
    put_back: str = ""
    _shape: str = ""
    _free: list[str] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def prepare(self) -> None:
        """Make the template, with what is in its tables a second time in the schema `kept`."""
        async with connected(self.dsn) as administrator:
            await administrator.execute("CREATE DATABASE migrated")
        await migrate.upgrade(in_database(self.dsn, "migrated"))
        async with connected(in_database(self.dsn, "migrated")) as connection:
            self.put_back = await _copied(connection)
            self._shape = await connection.fetchval(SHAPE)

    async def lend(self) -> str:
        """The name of a database as after its first migration."""
        name = f"test_{next(self._numbers)}"
        async with connected(self.dsn) as administrator:
            if self._free:
                before = self._free.pop()
                await administrator.execute(f"ALTER DATABASE {before} RENAME TO {name}")
            else:
                await administrator.execute(f"CREATE DATABASE {name} TEMPLATE migrated")
        return name

    async def take_back(self, name: str) -> None:
        """End whoever is connected; what has another shape now is not lent again."""
        free = f"free_{name}"
        async with connected(self.dsn) as administrator:
            await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await administrator.execute(END_ALL, name)
            await administrator.execute(f"ALTER DATABASE {name} RENAME TO {free}")
            await administrator.execute(f"ALTER DATABASE {free} ALLOW_CONNECTIONS true")
            if await self._is_as_before(free):
                self._free.append(free)
            else:
                await administrator.execute(f"DROP DATABASE {free} WITH (FORCE)")

    async def _is_as_before(self, name: str) -> bool:
        async with connected(in_database(self.dsn, name)) as connection:
            if await connection.fetchval(SHAPE) != self._shape:
                return False
            async with connection.transaction():
                await connection.execute(self.put_back)
            return True


async def _copied(connection: Any) -> str:
    """Copy all tables to `kept`; the statements that put them and all sequences back."""
    listed = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    tables = [row[0] for row in await connection.fetch(listed)]
    await connection.execute("CREATE SCHEMA kept")
    for table in tables:
        await connection.execute(f"CREATE TABLE kept.{table} AS TABLE public.{table}")
    sequences = await connection.fetch(
        "SELECT sequencename AS name, last_value FROM pg_sequences WHERE schemaname = 'public'"
    )
    filled = [
        table
        for table in tables
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM kept.{table})")
    ]
    return ";\n".join(
        [
            "SET LOCAL session_replication_role = replica",  # no triggers, no order among tables
            *(f"DELETE FROM public.{table}" for table in tables),
            *(f"INSERT INTO public.{table} SELECT * FROM kept.{table}" for table in filled),
            *(
                f"SELECT setval('{name}', {last or 1}, {last is not None})"
                for name, last in sequences
            ),
        ]
    )

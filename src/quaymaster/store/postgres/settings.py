"""Settings of a project or, without one, of the installation: one JSON value under each name."""

from typing import Any, TypeVar
from uuid import UUID

import msgspec

from quaymaster.store.postgres.database import Connection

T = TypeVar("T")

# Two statements, because an index finds NULL only where it is asked for by that word.
OF_PROJECT = "SELECT value FROM settings WHERE project_id = $1 AND name = $2"
OF_INSTALLATION = "SELECT value FROM settings WHERE project_id IS NULL AND name = $1"
PUT = """
INSERT INTO settings (project_id, name, value) VALUES ($1, $2, $3)
ON CONFLICT (project_id, name) DO UPDATE SET value = excluded.value
"""


async def get(connection: Connection, project: UUID | None, name: str, kind: type[T]) -> T | None:
    """The value of this name, None as long as nobody has put one."""
    text = await (
        connection.fetchval(OF_PROJECT, project, name)
        if project
        else connection.fetchval(OF_INSTALLATION, name)
    )
    return msgspec.json.decode(text, type=kind) if text else None


async def put(connection: Connection, project: UUID | None, name: str, value: Any) -> None:
    """Keep a value in the place of the one that had its name."""
    await connection.execute(PUT, project, name, msgspec.json.encode(value).decode())

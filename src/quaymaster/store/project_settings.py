"""Settings of a project, one JSON value under each name."""

from uuid import UUID

import msgspec

from quaymaster.domain.retention import RetentionSettings
from quaymaster.store.database import Connection

RETENTION = "retention"


async def retention(connection: Connection, project: UUID) -> RetentionSettings:
    """How long releases of this project are kept; the usual rules until somebody changes them."""
    text = await connection.fetchval(
        "SELECT value FROM settings WHERE project_id = $1 AND name = $2", project, RETENTION
    )
    return msgspec.json.decode(text, type=RetentionSettings) if text else RetentionSettings()


async def set_retention(connection: Connection, project: UUID, settings: RetentionSettings) -> None:
    """Change how long releases of this project are kept."""
    await connection.execute(
        "INSERT INTO settings (project_id, name, value) VALUES ($1, $2, $3)"
        " ON CONFLICT (project_id, name) DO UPDATE SET value = excluded.value",
        project,
        RETENTION,
        msgspec.json.encode(settings).decode(),
    )

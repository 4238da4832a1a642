"""Settings of a project, one JSON value under each name."""

from typing import Any, TypeVar
from uuid import UUID

import msgspec

from quaymaster.domain.build_retention import BuildRetentionSettings
from quaymaster.domain.pipeline_rules import PipelineRules
from quaymaster.domain.retention import RetentionSettings
from quaymaster.store.database import Connection

RETENTION = "retention"
BUILD_RETENTION = "build retention"
PIPELINES = "pipelines"

T = TypeVar("T")


async def retention(connection: Connection, project: UUID) -> RetentionSettings:
    """How long releases of this project are kept; the usual rules until somebody changes them."""
    found = await _get(connection, project, RETENTION, RetentionSettings)
    return found or RetentionSettings()


async def set_retention(connection: Connection, project: UUID, settings: RetentionSettings) -> None:
    """Change how long releases of this project are kept."""
    await _set(connection, project, RETENTION, settings)


async def build_retention(connection: Connection, project: UUID) -> BuildRetentionSettings:
    """How long builds of this project are kept; the usual rules until somebody changes them."""
    found = await _get(connection, project, BUILD_RETENTION, BuildRetentionSettings)
    return found or BuildRetentionSettings()


async def set_build_retention(
    connection: Connection, project: UUID, settings: BuildRetentionSettings
) -> None:
    """Change how long builds of this project are kept."""
    await _set(connection, project, BUILD_RETENTION, settings)


async def pipeline_rules(connection: Connection, project: UUID) -> PipelineRules:
    """What holds for all pipelines of this project."""
    return await _get(connection, project, PIPELINES, PipelineRules) or PipelineRules()


async def set_pipeline_rules(connection: Connection, project: UUID, rules: PipelineRules) -> None:
    """Change what holds for all pipelines of this project."""
    await _set(connection, project, PIPELINES, rules)


async def _get(connection: Connection, project: UUID, name: str, kind: type[T]) -> T | None:
    text = await connection.fetchval(
        "SELECT value FROM settings WHERE project_id = $1 AND name = $2", project, name
    )
    return msgspec.json.decode(text, type=kind) if text else None


async def _set(connection: Connection, project: UUID, name: str, value: Any) -> None:
    await connection.execute(
        "INSERT INTO settings (project_id, name, value) VALUES ($1, $2, $3)"
        " ON CONFLICT (project_id, name) DO UPDATE SET value = excluded.value",
        project,
        name,
        msgspec.json.encode(value).decode(),
    )

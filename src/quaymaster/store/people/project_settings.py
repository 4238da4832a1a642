"""What is set for a project: how long things are kept, and rules of its pipelines."""

from uuid import UUID

from quaymaster.domain.build_retention import BuildRetentionSettings
from quaymaster.domain.pipeline_rules import PipelineRules
from quaymaster.domain.retention import RetentionSettings
from quaymaster.store.postgres import settings
from quaymaster.store.postgres.database import Connection

RETENTION = "retention"
BUILD_RETENTION = "build retention"
PIPELINES = "pipelines"


async def retention(connection: Connection, project: UUID) -> RetentionSettings:
    """How long releases of this project are kept; the usual rules until somebody changes them."""
    found = await settings.get(connection, project, RETENTION, RetentionSettings)
    return found or RetentionSettings()


async def set_retention(connection: Connection, project: UUID, wanted: RetentionSettings) -> None:
    """Change how long releases of this project are kept."""
    await settings.put(connection, project, RETENTION, wanted)


async def build_retention(connection: Connection, project: UUID) -> BuildRetentionSettings:
    """How long builds of this project are kept; the usual rules until somebody changes them."""
    found = await settings.get(connection, project, BUILD_RETENTION, BuildRetentionSettings)
    return found or BuildRetentionSettings()


async def set_build_retention(
    connection: Connection, project: UUID, wanted: BuildRetentionSettings
) -> None:
    """Change how long builds of this project are kept."""
    await settings.put(connection, project, BUILD_RETENTION, wanted)


async def pipeline_rules(connection: Connection, project: UUID) -> PipelineRules:
    """What holds for all pipelines of this project."""
    return await settings.get(connection, project, PIPELINES, PipelineRules) or PipelineRules()


async def set_pipeline_rules(connection: Connection, project: UUID, rules: PipelineRules) -> None:
    """Change what holds for all pipelines of this project."""
    await settings.put(connection, project, PIPELINES, rules)

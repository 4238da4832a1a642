"""Changing what is set for definitions of repositories: one after the other, and what goes."""

from quaymaster.store.postgres.database import Connection


async def lock_settings(connection: Connection, definition: int) -> None:
    """Let others who change settings of the definition or its environments wait for us."""
    await connection.execute("SELECT FROM definitions WHERE id = $1 FOR NO KEY UPDATE", definition)


async def is_busy(connection: Connection, environment: int) -> bool:
    """Whether something is being deployed to the environment or waits to be."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM deployments WHERE definition_stage_id = $1"
        " AND outcome IS NULL)",
        environment,
    )
    return found


async def forget(connection: Connection, environment: int) -> None:
    """Let no environment come after this one, and forget what was set for it and what was to be
    deployed to it by itself."""
    await connection.execute(
        "UPDATE repository_environments SET parent_id = NULL WHERE parent_id = $1", environment
    )
    await connection.execute(
        "DELETE FROM repository_environments WHERE environment_id = $1", environment
    )
    await connection.execute(
        "DELETE FROM automatic_deployments WHERE environment_id = $1", environment
    )

"""Which builds of a definition are its latest, kept beside it for the lists (SEMANTICS 22.5)."""

from quaymaster.store.postgres.database import Connection

# Each a look at the end of an index of the definition's builds; those under way are few.
LATEST = """
UPDATE build_definitions x SET
  latest_build_id = (SELECT b.id FROM builds b WHERE b.definition_id = x.definition_id
    AND NOT b.is_deleted ORDER BY b.queued_at DESC, b.id DESC LIMIT 1),
  latest_completed_build_id = (SELECT b.id FROM builds b WHERE b.definition_id = x.definition_id
    AND NOT b.is_deleted AND b.finished_at IS NOT NULL
    ORDER BY b.finished_at DESC, b.id DESC LIMIT 1),
  last_built_at = greatest(
    (SELECT b.finished_at FROM builds b WHERE b.definition_id = x.definition_id
      AND NOT b.is_deleted AND b.finished_at IS NOT NULL
      ORDER BY b.finished_at DESC, b.id DESC LIMIT 1),
    (SELECT max(b.queued_at) FROM builds b WHERE b.definition_id = x.definition_id
      AND NOT b.is_deleted AND b.status <> 'completed'))
WHERE x.definition_id = $1
"""


async def find_latest(connection: Connection, definition_id: int) -> None:
    """Find anew which builds of a definition were queued and completed last, and when it was
    built last: by the end of a build, or its queueing where it has not ended.

    Called after a build was queued, ended, began again, was deleted or brought back, with its row
    locked. Who ends another at the same time waits for the first statement, so that the second
    sees that build as well.
    """
    await connection.execute(
        "SELECT FROM build_definitions WHERE definition_id = $1 FOR NO KEY UPDATE", definition_id
    )
    await connection.execute(LATEST, definition_id)

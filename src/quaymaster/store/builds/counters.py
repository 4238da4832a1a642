"""What counter() of a build definition's variables has counted to (SEMANTICS 14.10)."""

from quaymaster.store.postgres.database import Connection

COUNT = """
INSERT INTO build_counters (definition_id, prefix, last) VALUES ($1, $2, $3)
ON CONFLICT (definition_id, prefix) DO UPDATE SET last = build_counters.last + 1
RETURNING last
"""


async def count(connection: Connection, definition_id: int, prefix: str, seed: int) -> int:
    """The next number of this definition behind this prefix; the seed is the first."""
    number: int = await connection.fetchval(COUNT, definition_id, prefix, seed)
    return number

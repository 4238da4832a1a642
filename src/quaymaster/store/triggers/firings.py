"""What has fired: each cause makes a release or queues a build of a definition once."""

from dataclasses import dataclass
from datetime import datetime

from quaymaster.store.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class Firings:
    """The firings of one kind of definition; `key` says what fired, such as an hour or a push."""

    table: str

    async def fire(
        self, connection: Connection, definition_id: int, key: str, at: datetime
    ) -> bool:
        """Take one firing; False when this very one has been taken before."""
        taken = await connection.fetchval(
            f"INSERT INTO {self.table} (definition_id, key, fired_at) VALUES ($1, $2, $3)"
            " ON CONFLICT DO NOTHING RETURNING true",
            definition_id,
            key,
            at,
        )
        return bool(taken)

    async def has_fired(self, connection: Connection, definition_id: int, key: str) -> bool:
        """Whether this firing was taken already."""
        found: bool = await connection.fetchval(
            f"SELECT EXISTS (SELECT 1 FROM {self.table} WHERE definition_id = $1 AND key = $2)",
            definition_id,
            key,
        )
        return found


RELEASES = Firings("firings")
BUILDS = Firings("build_firings")

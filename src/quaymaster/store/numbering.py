"""What a definition's releases have been named and its builds numbered, as far as the next name
depends on it (SEMANTICS 3.2)."""

from dataclasses import dataclass

from quaymaster.domain.release_names import PlannedName
from quaymaster.store.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class Numbering:
    """A table of what definitions number, and the column of the name; its key is beside it, in
    casefold."""

    table: str
    name: str

    async def has(self, connection: Connection, definition_id: int, name: str) -> bool:
        """Whether the definition has used this name, whatever the case of letters."""
        return bool(await self._exactly(connection, definition_id, name))

    async def next(self, connection: Connection, definition_id: int, planned: PlannedName) -> str:
        """The name that follows. Whoever asks has locked the definition: two would get the same.

        Raises UnusableName when it is taken or breaks the limits.
        """
        return planned.name(await self._that_count(connection, definition_id, planned))

    async def _that_count(
        self, connection: Connection, definition_id: int, planned: PlannedName
    ) -> list[str]:
        """As few of the definition's names as settle which one is next: a definition may have
        very many, of which only the highest counter comes back."""
        if planned.counters == 0:
            return await self._exactly(connection, definition_id, planned.prefix)
        around = (definition_id, planned.prefix.casefold(), planned.suffix.casefold())
        if planned.counters == 1:
            highest = await connection.fetchval(self._highest, *around)
            return [f"{planned.prefix}{highest}{planned.suffix}"] if highest is not None else []
        rows = await connection.fetch(f"SELECT {self.name} AS name {self._alike}", *around)
        return [row["name"] for row in rows]

    async def _exactly(self, connection: Connection, definition_id: int, name: str) -> list[str]:
        rows = await connection.fetch(
            f"SELECT {self.name} AS name FROM {self.table}"
            f" WHERE definition_id = $1 AND {self._key} = $2",
            definition_id,
            name.casefold(),
        )
        return [row["name"] for row in rows]

    @property
    def _key(self) -> str:
        return f"{self.name}_key"

    @property
    def _alike(self) -> str:
        key = self._key
        return (
            f"FROM {self.table} WHERE definition_id = $1 AND starts_with({key}, $2)"
            f" AND right({key}, length($3)) = $3 AND length({key}) >= length($2) + length($3)"
        )

    @property
    def _highest(self) -> str:
        key = self._key
        value = f"substr({key}, length($2) + 1, length({key}) - length($2) - length($3))"
        return (
            "SELECT max(counted.value::numeric)::text"
            f" FROM (SELECT {value} AS value {self._alike}) counted"
            " WHERE counted.value ~ '^[0-9]+$'"
        )

"""Sealing all secrets anew with the current key, so that an older one can be forgotten."""

from dataclasses import dataclass

from quaymaster.store.builds import builds, outputs
from quaymaster.store.definitions import definitions
from quaymaster.store.postgres.database import Database
from quaymaster.store.releases import release_secrets
from quaymaster.store.resources import connections, secure_files, variable_groups
from quaymaster.store.storage.vault import Vault

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """Where sealed maps are kept, and the owner to which each is bound by the row's key."""

    table: str
    key: str
    column: str
    owner_prefix: str


def _prefix(owner: str) -> str:
    return owner.rpartition("/")[0] + "/"


COLUMNS = (
    SealedColumn("definitions", "id", "secrets", _prefix(definitions.owner(0))),
    SealedColumn("definition_revisions", "definition_id", "secrets", _prefix(definitions.owner(0))),
    SealedColumn("releases", "id", "secrets", _prefix(release_secrets.release_owner(0))),
    SealedColumn("stages", "id", "secrets", _prefix(release_secrets.stage_owner(0))),
    SealedColumn("deployments", "id", "secrets", _prefix(release_secrets.deployment_owner(0))),
    SealedColumn("variable_groups", "id", "secrets", _prefix(variable_groups.owner(0))),
    SealedColumn("builds", "id", "secrets", _prefix(builds.owner(0))),
    SealedColumn("jobs", "id", "secret_outputs", _prefix(outputs.owner(0))),
    SealedColumn("subscriptions", "id", "secrets", "subscription/"),
    SealedColumn("service_connections", "id", "secrets", _prefix(connections.owner(""))),
    SealedColumn("secure_files", "id", "sealed", _prefix(secure_files.owner(""))),
)


async def reseal(database: Database, vault: Vault) -> int:
    """Seal anew whatever an older key has sealed; how many maps.

    A map that is saved meanwhile is left alone. It may be stopped and run again. Raises VaultError
    for a map that no key of the file opens; those before it are done.
    """
    return sum([await _resealed(database, vault, column) for column in COLUMNS])


async def _resealed(database: Database, vault: Vault, place: SealedColumn) -> int:
    done = 0
    while True:
        async with database.transaction() as connection:
            rows = await connection.fetch(
                f"SELECT {place.key}::text AS key, {place.column} AS sealed FROM {place.table}"
                f" WHERE {place.column} IS NOT NULL"
                f" AND substring({place.column} FROM 1 FOR $1) <> $2 LIMIT {AT_ONCE}",
                len(vault.mark),
                vault.mark,
            )
            for row in rows:
                owner = place.owner_prefix + row["key"]
                await connection.execute(
                    f"UPDATE {place.table} SET {place.column} = $2"
                    f" WHERE {place.key}::text = $1 AND {place.column} = $3",
                    row["key"],
                    vault.seal(owner, vault.unseal(owner, row["sealed"])),
                    row["sealed"],
                )
        if not rows:
            return done
        done += len(rows)

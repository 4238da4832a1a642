"""Variables that jobs hand on to later ones of their build or phase; secret ones are sealed."""

from collections.abc import Mapping

import msgspec

from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage.vault import Vault


def owner(job: int) -> str:
    """The owner to which the vault binds a job's secret outputs."""
    return f"job outputs/{job}"


async def keep(
    connection: Connection,
    vault: Vault,
    job: int,
    plain: Mapping[str, str],
    secret: Mapping[str, str],
) -> None:
    """Keep what a job hands on; the caller has locked its build and ends the job."""
    await connection.execute(
        "UPDATE jobs SET outputs = $2, secret_outputs = $3 WHERE id = $1",
        job,
        msgspec.json.encode(plain).decode(),
        vault.seal(owner(job), secret),
    )


async def of_phase(
    connection: Connection, vault: Vault, phase_id: int
) -> tuple[dict[str, str], dict[str, str]]:
    """What the jobs of a phase of a release have handed on, the secret ones apart. Raises
    VaultError."""
    rows = await connection.fetch(
        "SELECT id, outputs, secret_outputs FROM jobs WHERE phase_id = $1"
        " AND (outputs::text <> '{}' OR secret_outputs IS NOT NULL) ORDER BY id",
        phase_id,
    )
    plain: dict[str, str] = {}
    hidden: dict[str, str] = {}
    for row in rows:
        plain.update(msgspec.json.decode(row["outputs"]))
        if row["secret_outputs"] is not None:
            hidden.update(vault.unseal(owner(row["id"]), row["secret_outputs"]))
    return plain, hidden


async def secret(connection: Connection, vault: Vault, build_id: int) -> dict[int, dict[str, str]]:
    """The secret outputs of a build's jobs by the id of the job. Raises VaultError."""
    rows = await connection.fetch(
        "SELECT id, secret_outputs FROM jobs WHERE build_id = $1 AND secret_outputs IS NOT NULL",
        build_id,
    )
    return {row["id"]: vault.unseal(owner(row["id"]), row["secret_outputs"]) for row in rows}

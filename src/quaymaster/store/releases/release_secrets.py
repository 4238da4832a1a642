"""Secret variables of releases, stages and attempts, sealed for the row that holds them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from quaymaster.domain.errors import NotFound
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage.vault import Vault


def release_owner(release_id: int) -> str:
    """The owner to which the vault binds a release's secret variables."""
    return f"release/{release_id}"


def stage_owner(stage_id: int) -> str:
    """The owner to which the vault binds a stage's secret variables."""
    return f"stage/{stage_id}"


def deployment_owner(deployment_id: int) -> str:
    """The owner to which the vault binds the secrets given for one attempt."""
    return f"deployment/{deployment_id}"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Names and values; where a name is in several, deployment beats stage beats release."""

    release: Mapping[str, str] = field(default_factory=dict, repr=False)
    stage: Mapping[str, str] = field(default_factory=dict, repr=False)
    deployment: Mapping[str, str] = field(default_factory=dict, repr=False)


async def of_release(connection: Connection, vault: Vault, release_id: int) -> dict[str, str]:
    """Those of the release alone. Raises VaultError when they cannot be opened."""
    sealed = await connection.fetchval("SELECT secrets FROM releases WHERE id = $1", release_id)
    return vault.unseal(release_owner(release_id), sealed)


async def of_stage(connection: Connection, vault: Vault, stage_id: int) -> Secrets:
    """Those of a stage, of its release and of its newest attempt; NotFound for no such stage."""
    row = await connection.fetchrow(
        "SELECT s.release_id, r.secrets AS release, s.secrets AS stage, d.secrets AS deployment,"
        " d.id AS deployment_id FROM stages s JOIN releases r ON r.id = s.release_id"
        " LEFT JOIN deployments d ON d.id = s.newest_deployment_id WHERE s.id = $1",
        stage_id,
    )
    if row is None:
        raise NotFound("stage", stage_id)
    return Secrets(
        vault.unseal(release_owner(row["release_id"]), row["release"]),
        vault.unseal(stage_owner(stage_id), row["stage"]),
        vault.unseal(deployment_owner(row["deployment_id"]), row["deployment"]),
    )


async def keep_for_release(
    connection: Connection, vault: Vault, release_id: int, secrets: Mapping[str, str]
) -> None:
    """Replace the secret variables of a release."""
    await connection.execute(
        "UPDATE releases SET secrets = $2 WHERE id = $1",
        release_id,
        vault.seal(release_owner(release_id), secrets),
    )


async def keep_for_stage(
    connection: Connection, vault: Vault, stage_id: int, secrets: Mapping[str, str]
) -> None:
    """Replace the secret variables of a stage."""
    await connection.execute(
        "UPDATE stages SET secrets = $2 WHERE id = $1",
        stage_id,
        vault.seal(stage_owner(stage_id), secrets),
    )


async def keep_for_deployment(
    connection: Connection, vault: Vault, deployment_id: int, secrets: Mapping[str, str]
) -> None:
    """Replace the secrets that were given for one attempt."""
    await connection.execute(
        "UPDATE deployments SET secrets = $2 WHERE id = $1",
        deployment_id,
        vault.seal(deployment_owner(deployment_id), secrets),
    )

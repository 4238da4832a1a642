"""The secret variables of a release, its stages and attempts: sealed in rows, opened for jobs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from quaymaster.store.database import Connection
from quaymaster.store.release_inserting import deployment_owner, release_owner, stage_owner
from quaymaster.store.vault import Vault

SEALED = """
SELECT r.id AS release_id, s.id AS stage_id, d.id AS deployment_id,
  r.secrets AS release_secrets, s.secrets AS stage_secrets, d.secrets AS deployment_secrets
FROM stages s JOIN releases r ON r.id = s.release_id
LEFT JOIN deployments d ON d.id = s.newest_deployment_id
WHERE s.id = $1
"""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Secret values by name, widest scope first; never shown."""

    release: Mapping[str, str] = field(default_factory=dict, repr=False)
    stage: Mapping[str, str] = field(default_factory=dict, repr=False)
    deployment: Mapping[str, str] = field(default_factory=dict, repr=False)


async def of_stage(connection: Connection, vault: Vault, stage_id: int) -> Secrets:
    """The secrets that a job of the stage's newest attempt may use. Raises VaultError when they
    cannot be opened."""
    row = await connection.fetchrow(SEALED, stage_id)
    if row is None:
        return Secrets()
    return Secrets(
        vault.unseal(release_owner(row["release_id"]), row["release_secrets"]),
        vault.unseal(stage_owner(row["stage_id"]), row["stage_secrets"]),
        vault.unseal(deployment_owner(row["deployment_id"] or 0), row["deployment_secrets"]),
    )


async def keep_for_deployment(
    connection: Connection, vault: Vault, deployment_id: int, secrets: Mapping[str, str]
) -> None:
    """Seal the secret values that were given for one attempt."""
    await connection.execute(
        "UPDATE deployments SET secrets = $2 WHERE id = $1",
        deployment_id,
        vault.seal(deployment_owner(deployment_id), secrets),
    )

"""What stands around a job that is about to run: project, people, artifacts, sealed secrets."""

from collections.abc import Iterable
from dataclasses import dataclass

import asyncpg
import msgspec

from quaymaster.domain.circumstances import Circumstances
from quaymaster.domain.predefined import CarriedArtifact, Requester
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases.records import ReleaseArtifact
from quaymaster.store.releases.release_secrets import (
    Secrets,
    deployment_owner,
    release_owner,
    stage_owner,
)
from quaymaster.store.storage.vault import Vault

# Every large table is entered by an id of its own: left to find its way from the job alone,
# PostgreSQL reads whole tables while its statistics lag behind.
FACTS = """
SELECT o.id::text AS organization_id, o.name AS organization_name,
  p.id::text AS project_id, p.name AS project_name,
  f.id AS definition_id, f.name AS definition_name,
  r.id AS release_id, s.id AS stage_id, d.id AS deployment_id,
  r.artifacts, r.triggering_alias,
  r.secrets AS release_secrets, s.secrets AS stage_secrets, d.secrets AS deployment_secrets,
  coalesce(r.created_for, '') AS release_by, by_release.display_name AS release_by_name,
  by_release.email AS release_by_email,
  coalesce(d.requested_for, '') AS stage_by, by_stage.display_name AS stage_by_name,
  by_stage.email AS stage_by_email
FROM releases r
JOIN stages s ON s.release_id = r.id
JOIN deployments d ON d.stage_id = s.id
JOIN definitions f ON f.id = r.definition_id
JOIN projects p ON p.id = r.project_id
JOIN organizations o ON o.id = p.organization_id
LEFT JOIN identities by_release ON by_release.id = r.created_for
LEFT JOIN identities by_stage ON by_stage.id = d.requested_for
WHERE r.id = $1 AND s.id = $2 AND d.id = $3
"""

ABOUT = """
SELECT o.id::text AS organization_id, o.name AS organization_name,
  p.id::text AS project_id, p.name AS project_name,
  f.id AS definition_id, f.name AS definition_name, r.artifacts, r.triggering_alias,
  coalesce((SELECT json_object_agg(i.id, json_build_array(i.id, i.display_name, i.email))
    FROM identities i WHERE i.id = ANY($2::text[])), '{}') AS people
FROM releases r
JOIN definitions f ON f.id = r.definition_id
JOIN projects p ON p.id = r.project_id
JOIN organizations o ON o.id = p.organization_id
WHERE r.id = $1
"""

_people = msgspec.json.Decoder(dict[str, tuple[str, str, str | None]])
_artifacts = msgspec.json.Decoder(tuple[ReleaseArtifact, ...])


@dataclass(frozen=True, slots=True)
class SealedSecrets:
    """The secrets of the three scopes as they are kept, each with the owner it is bound to."""

    release: tuple[str, bytes | None]
    stage: tuple[str, bytes | None]
    deployment: tuple[str, bytes | None]


@dataclass(frozen=True, slots=True)
class JobFacts:
    """Everything about a job that its release's record does not hold."""

    circumstances: Circumstances
    secrets: SealedSecrets


async def of_release(
    connection: Connection, release: int, people: Iterable[str], url: str
) -> Circumstances | None:
    """What a release's record does not say of it, with these people; None without a release."""
    row = await connection.fetchrow(ABOUT, release, list(people))
    if row is None:
        return None
    named = _people.decode(row["people"])
    told = {
        **row,
        "artifacts": artifacts_in(row["artifacts"]),
        "people": {key: Requester(*said[:2], said[2] or "") for key, said in named.items()},
    }
    return Circumstances(url=url, **told)


async def of_deployment(
    connection: Connection, release: int, stage: int, deployment: int, url: str
) -> JobFacts | None:
    """The facts about the jobs of an attempt, with those who asked for it and for its release;
    None when there is no such attempt."""
    row = await connection.fetchrow(FACTS, release, stage, deployment)
    if row is None:
        return None
    people = (_requester(row, "release_by"), _requester(row, "stage_by"))
    circumstances = Circumstances(
        url=url,
        organization_id=row["organization_id"],
        organization_name=row["organization_name"],
        project_id=row["project_id"],
        project_name=row["project_name"],
        definition_id=row["definition_id"],
        definition_name=row["definition_name"],
        triggering_alias=row["triggering_alias"],
        artifacts=artifacts_in(row["artifacts"]),
        people={person.id: person for person in people if person.id},
    )
    secrets = SealedSecrets(
        (release_owner(row["release_id"]), row["release_secrets"]),
        (stage_owner(row["stage_id"]), row["stage_secrets"]),
        (deployment_owner(row["deployment_id"]), row["deployment_secrets"]),
    )
    return JobFacts(circumstances, secrets)


def opened(vault: Vault, sealed: SealedSecrets) -> Secrets:
    """The values behind the seals; VaultError, without any value, when one cannot be opened."""
    return Secrets(
        vault.unseal(*sealed.release),
        vault.unseal(*sealed.stage),
        vault.unseal(*sealed.deployment),
    )


def _requester(row: asyncpg.Record, prefix: str) -> Requester:
    return Requester(
        row[prefix], row[f"{prefix}_name"] or row[prefix], row[f"{prefix}_email"] or ""
    )


def artifacts_in(column: str) -> tuple[CarriedArtifact, ...]:
    """The artifacts of a release's row, as a job is told of them."""
    return tuple(map(_carried, _artifacts.decode(column)))


def _carried(artifact: ReleaseArtifact) -> CarriedArtifact:
    return CarriedArtifact(
        alias=artifact.alias,
        type=artifact.type,
        version_id=artifact.version_id,
        version_name=artifact.version_name,
        branch=artifact.branch,
        commit=artifact.reference.get("sourceVersion", ""),
        is_primary=artifact.is_primary,
        reference=artifact.reference,
    )

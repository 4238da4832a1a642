"""What stands around a job of a build that is about to run: project, people, values, secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from quaymaster.domain.predefined import SERVICE, Requester
from quaymaster.store.builds.builds import owner
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage.vault import Vault

FACTS = """
SELECT o.id::text AS organization_id, o.name AS organization_name, b.id AS build_id,
  p.id::text AS project_id, p.name AS project_name, f.id AS definition_id,
  f.name AS definition_name, f.path AS definition_path, b.definition_revision, b.number, b.reason,
  b.source_branch, b.source_version, b.plan_id::text AS plan_id, b.variables, b.secrets,
  coalesce(b.requested_by, '') AS by_id, by_whom.display_name AS by_name,
  by_whom.email AS by_email, coalesce(b.requested_for, '') AS for_id,
  for_whom.display_name AS for_name, for_whom.email AS for_email
FROM builds b JOIN definitions f ON f.id = b.definition_id JOIN projects p ON p.id = b.project_id
JOIN organizations o ON o.id = p.organization_id
LEFT JOIN identities by_whom ON by_whom.id = b.requested_by
LEFT JOIN identities for_whom ON for_whom.id = b.requested_for
WHERE b.id = $1
"""


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """Everything about a build's job that the build's record does not hold."""

    organization_id: str
    organization_name: str
    project_id: str
    project_name: str
    definition_id: int
    definition_name: str
    definition_path: str
    definition_revision: int
    build_id: int
    number: str
    reason: str
    source_branch: str
    source_version: str
    plan_id: str
    queued_by: Requester
    requested_for: Requester
    variables: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)


async def of_build(connection: Connection, vault: Vault, build_id: int) -> BuildFacts | None:
    """The facts about a build; None for none. Raises VaultError."""
    row = await connection.fetchrow(FACTS, build_id)
    if row is None:
        return None
    values = dict(row)
    by, for_whom = (_requester(values, prefix) for prefix in ("by", "for"))
    values["variables"] = msgspec.json.decode(values["variables"])
    values["secrets"] = vault.unseal(owner(build_id), values["secrets"])
    return BuildFacts(**values, queued_by=by, requested_for=for_whom)


def _requester(values: dict[str, Any], prefix: str) -> Requester:
    """A person of the row; nobody is the product itself (23.10)."""
    number, name, email = (values.pop(f"{prefix}_{part}") or "" for part in ("id", "name", "email"))
    return Requester(number, name, email) if number else SERVICE


REPOSITORIES = """
SELECT DISTINCT ON (x.repository_key) b.body::json -> 'repository' AS repository
FROM definitions d JOIN build_definitions x ON x.definition_id = d.id
JOIN documents b ON b.digest = d.document_digest
WHERE d.project_id = $1 AND NOT d.is_deleted AND x.repository_type_key = $2
ORDER BY x.repository_key, d.id DESC LIMIT 1000
"""


@dataclass(frozen=True, slots=True)
class KnownRepository:
    """A repository as the newest build definition that names it has it."""

    id: str
    name: str
    url: str
    default_branch: str
    connection: str


async def repositories(connection: Connection, project: UUID, kind: str) -> list[KnownRepository]:
    """The repositories of a type that the build definitions of a project name."""
    made = []
    for row in await connection.fetch(REPOSITORIES, project, kind.casefold()):
        found = msgspec.json.decode(row["repository"])
        held = found.get("properties") or {}
        number, name, url, branch = (
            str(found.get(key) or "") for key in ("id", "name", "url", "defaultBranch")
        )
        connection_id = str(held.get("connectedServiceId") or "")
        made.append(KnownRepository(number, name, url, branch, connection_id))
    return made

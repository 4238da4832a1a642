"""Of which commit, and to which repository, the statuses of a pull request's release are told."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from quaymaster.domain.build_plan import RepositoryPlan
from quaymaster.domain.numbers import digits
from quaymaster.store.deployments.job_facts import artifacts_in
from quaymaster.store.postgres.database import Connection

FOUND = """
SELECT r.project_id, r.name, r.artifacts, r.triggering_alias, d.name AS definition,
  o.name AS organization
FROM releases r JOIN definitions d ON d.id = r.definition_id
JOIN projects p ON p.id = r.project_id JOIN organizations o ON o.id = p.organization_id
WHERE r.id = $1
"""
OF_BUILD = """
SELECT repository, trigger_info, source_version FROM builds WHERE project_id = $1 AND id = $2
"""
HEAD = "pr.sourceSha"  # in the trigger information of a build
OWN_HEAD = "pullRequest.sourceVersion"  # in the reference of an artifact

_repository = msgspec.json.Decoder(RepositoryPlan)


@dataclass(frozen=True, slots=True)
class StatusSource:
    """Whose release it is, and the repository and commit of the artifact that made it."""

    project_id: UUID
    organization: str
    definition: str
    release: str
    repository: RepositoryPlan
    commit: str


async def of_release(connection: Connection, release_id: int) -> StatusSource | None:
    """None for a release of no repository that could be told."""
    row = await connection.fetchrow(FOUND, release_id)
    if row is None:
        return None
    listed = artifacts_in(row["artifacts"])
    named = [one for one in listed if one.alias == row["triggering_alias"]]
    for artifact in named or [one for one in listed if one.is_primary]:
        if artifact.type.casefold() == "build":
            found = await _of_build(connection, row["project_id"], artifact.version_id)
        else:
            reference = artifact.reference
            found = _of_repository(artifact.type, reference), reference.get(OWN_HEAD, "")
        repository, commit = found
        if repository is not None:
            return StatusSource(
                project_id=row["project_id"],
                organization=row["organization"],
                definition=row["definition"],
                release=row["name"],
                repository=repository,
                commit=commit,
            )
    return None


async def _of_build(
    connection: Connection, project: UUID, version: str
) -> tuple[RepositoryPlan | None, str]:
    number = digits(version)
    if number is None:
        return None, ""
    row = await connection.fetchrow(OF_BUILD, project, number)
    if row is None:
        return None, ""
    info: dict[str, Any] = msgspec.json.decode(row["trigger_info"])
    return _repository.decode(row["repository"]), str(info.get(HEAD) or row["source_version"])


def _of_repository(kind: str, reference: Mapping[str, str]) -> RepositoryPlan:
    return RepositoryPlan(
        type=kind,
        name=reference.get("definition", ""),
        url=reference.get("url", "") or reference.get("repository.url", ""),
        connection=reference.get("connection", ""),
        reports_status=True,
    )

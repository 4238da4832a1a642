"""Lists of deployments: every attempt of every stage, filtered, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.release import Approval, Outcome
from quaymaster.domain.statuses import DeploymentReason, DeploymentStatus, OperationStatus
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import Page, Paging, Where, paged
from quaymaster.store.releases.lists import add_projects
from quaymaster.store.releases.records import ReleaseArtifact
from quaymaster.store.releases.views import APPROVALS, DEPLOYMENT_COLUMNS, AttemptFacts

LIST = f"""
SELECT {DEPLOYMENT_COLUMNS}, d.project_id, p.name AS project_name, d.definition_id,
  f.name AS definition_name, f.path AS definition_path, d.release_id, r.name AS release_name,
  r.artifacts, r.document_digest, d.stage_id, s.name AS stage_name, d.definition_stage_id,
  {APPROVALS} AS approvals
FROM deployments d JOIN stages s ON s.id = d.stage_id JOIN releases r ON r.id = d.release_id
JOIN definitions f ON f.id = d.definition_id JOIN projects p ON p.id = d.project_id
"""

# The key in the indexes that begin with an environment, as in `releases.lists`.
OF_ONE = "(d.id + 0)"

# Looked up row by row on purpose: joined, they tempt PostgreSQL to begin with all of them.
DELETED = "(SELECT r.is_deleted FROM releases r WHERE r.id = d.release_id)"
NEWEST = "(SELECT s.newest_deployment_id FROM stages s WHERE s.id = d.stage_id)"
ARTIFACT = """EXISTS (SELECT 1 FROM release_artifacts a WHERE a.release_id = d.release_id
  AND ({0}::text IS NULL OR a.type = {0}) AND ({1}::text IS NULL OR a.source_id = {1})
  AND ({2}::text[] IS NULL OR a.version_id = ANY({2}::text[])))"""
BRANCH = """EXISTS (SELECT 1 FROM release_artifacts a
  WHERE a.release_id = d.release_id AND a.branch = {})"""

_approvals = msgspec.json.Decoder(tuple[Approval, ...])
_artifacts = msgspec.json.Decoder(tuple[ReleaseArtifact, ...])


@dataclass(frozen=True, slots=True)
class DeploymentFilter:
    """What the deployments of a list have in common; empty parts and None ask for nothing.

    `projects` limits what exists for the caller at all; `newest_only` keeps the last attempt of
    each stage of each release.
    """

    projects: tuple[UUID, ...]
    definition_id: int | None = None
    definition_stage_id: int | None = None
    release_ids: tuple[int, ...] = ()
    requested_by: str | None = None
    requested_for: str | None = None
    min_modified: datetime | None = None
    max_modified: datetime | None = None
    min_started: datetime | None = None
    max_started: datetime | None = None
    statuses: tuple[DeploymentStatus, ...] = ()
    operation_statuses: tuple[OperationStatus, ...] = ()
    source_branch: str | None = None
    artifact_type: str | None = None
    source_id: str | None = None
    version_ids: tuple[str, ...] = ()
    newest_only: bool = False
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class DeploymentLine(AttemptFacts):
    """A deployment with the names of everything around it.

    `document_digest` leads to the document that its release was made from.
    """

    project_id: UUID
    project_name: str
    definition_id: int
    definition_name: str
    definition_path: str
    release_id: int
    release_name: str
    artifacts: tuple[ReleaseArtifact, ...]
    document_digest: bytes
    stage_id: int
    stage_name: str
    definition_stage_id: int
    approvals: tuple[Approval, ...]


async def page(
    connection: Connection, wanted: DeploymentFilter, paging: Paging
) -> Page[DeploymentLine]:
    """Some of these deployments, newest first unless `paging` says otherwise."""
    where = _where(wanted)
    sql = where.page("deployments d", paging, LIST, _order(wanted))
    rows = await connection.fetch(sql, *where.parameters)
    return paged(list(map(_line, rows)), _ids(rows), paging)


async def following(connection: Connection, wanted: DeploymentFilter, paging: Paging) -> int | None:
    """The id that the page after this one begins with; None when there is none."""
    where = _where(wanted)
    sql = where.following("deployments d", paging, _order(wanted))
    found: int | None = await connection.fetchval(sql, *where.parameters)
    return found


def _order(wanted: DeploymentFilter) -> str:
    return OF_ONE if wanted.definition_stage_id is not None else ""


def _ids(rows: Sequence[asyncpg.Record]) -> list[int]:
    return [row["id"] for row in rows]


def _where(wanted: DeploymentFilter) -> Where:
    where = Where()
    add_projects(where, "d.project_id", wanted.projects)
    where.add(f"{DELETED} = {{}}", wanted.is_deleted)
    where.add_if(wanted.definition_id, "d.definition_id = {}")
    where.add_if(wanted.definition_stage_id, "d.definition_stage_id = {}")
    where.add_if(wanted.release_ids, "d.release_id = ANY({}::bigint[])")
    where.add_if(wanted.requested_by, "d.requested_by = {}")
    where.add_if(wanted.requested_for, "d.requested_for = {}")
    where.add_if(wanted.min_modified, "d.modified_at >= {}")
    where.add_if(wanted.max_modified, "d.modified_at <= {}")
    where.add_if(wanted.min_started, "d.started_at >= {}")
    where.add_if(wanted.max_started, "d.started_at <= {}")
    where.add_if(wanted.statuses, "d.status = ANY({}::text[])")
    where.add_if(wanted.operation_statuses, "d.operation_status = ANY({}::text[])")
    where.add_if(wanted.source_branch, BRANCH)
    if wanted.artifact_type or wanted.source_id or wanted.version_ids:
        parts = (wanted.artifact_type, wanted.source_id, list(wanted.version_ids))
        where.conditions.append(ARTIFACT.format(*(where.bind(part or None) for part in parts)))
    if wanted.newest_only:
        where.add(f"{NEWEST} = d.id")
    return where


def _line(row: asyncpg.Record) -> DeploymentLine:
    values: dict[str, Any] = dict(row)
    return DeploymentLine(
        **values
        | {
            "reason": DeploymentReason(row["reason"]),
            "after_stages": tuple(row["after_stages"]),
            "outcome": Outcome(row["outcome"]) if row["outcome"] else None,
            "status": DeploymentStatus(row["status"]),
            "operation_status": OperationStatus(row["operation_status"]),
            "artifacts": _artifacts.decode(row["artifacts"]),
            "approvals": _approvals.decode(row["approvals"]),
        }
    )

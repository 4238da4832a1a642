"""Lists of approvals (SEMANTICS 9.15), and one approval with all that stands around it."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.release import Approval, ApprovalId, Reassignment, Side
from quaymaster.domain.statuses import ApprovalStatus
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import Page, Paging, Where, paged
from quaymaster.store.releases.lists import add_projects

LIST = """
SELECT a.id, a.side, a.position, a.rank, a.approver, a.status, a.created_at, a.modified_at,
  a.due_at, a.is_automated, a.approved_by, a.comment, a.revision, a.earlier, a.project_id,
  p.name AS project_name, r.definition_id, f.name AS definition_name, f.path AS definition_path,
  a.release_id, r.name AS release_name, a.stage_id, s.name AS stage_name, s.definition_stage_id,
  a.deployment_id, d.attempt
FROM approvals a JOIN deployments d ON d.id = a.deployment_id JOIN stages s ON s.id = a.stage_id
JOIN releases r ON r.id = a.release_id JOIN definitions f ON f.id = r.definition_id
JOIN projects p ON p.id = a.project_id
"""

_earlier = msgspec.json.Decoder(tuple[Reassignment, ...])


@dataclass(frozen=True, slots=True)
class ApprovalFilter:
    """What the approvals of a list have in common; empty parts ask for nothing.

    `approvers` are the ids of people and groups that are asked: a person, or the person with all
    groups (includeMyGroupApprovals). `projects` limits what exists for the caller at all.
    """

    projects: tuple[UUID, ...]
    approvers: tuple[str, ...] = ()
    statuses: tuple[ApprovalStatus, ...] = (ApprovalStatus.PENDING,)
    sides: tuple[Side, ...] = ()
    release_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalLine:
    """An approval with the names of everything around it."""

    approval: Approval
    project_id: UUID
    project_name: str
    definition_id: int
    definition_name: str
    definition_path: str
    release_id: int
    release_name: str
    stage_id: int
    stage_name: str
    definition_stage_id: int
    deployment_id: int
    attempt: int


async def page(
    connection: Connection, wanted: ApprovalFilter, paging: Paging
) -> Page[ApprovalLine]:
    """Some of these approvals, newest first unless `paging` says otherwise."""
    where = Where()
    add_projects(where, "a.project_id", wanted.projects)
    # Looked up row by row on purpose: joined, it tempts PostgreSQL to begin with all releases.
    where.add("NOT (SELECT r.is_deleted FROM releases r WHERE r.id = a.release_id)")
    where.add_if(wanted.approvers, "a.approver = ANY({}::text[])")
    where.add_if(wanted.sides, "a.side = ANY({}::text[])")
    where.add_if(wanted.release_ids, "a.release_id = ANY({}::bigint[])")
    where.add_if(wanted.statuses, "a.status = ANY({}::text[])")
    sql = where.page("approvals a", paging, LIST)
    rows = await connection.fetch(sql, *where.parameters)
    return paged(list(map(_line, rows)), [row["id"] for row in rows], paging)


async def get(
    connection: Connection, project: UUID | None, approval_id: int
) -> ApprovalLine | None:
    """One approval; None when there is none in this project (None: in any).

    Those of a deleted release are gone with it.
    """
    row = await connection.fetchrow(
        f"{LIST} WHERE a.id = $1 AND ($2::uuid IS NULL OR a.project_id = $2) AND NOT r.is_deleted",
        approval_id,
        project,
    )
    return _line(row) if row else None


def _line(row: asyncpg.Record) -> ApprovalLine:
    approval = Approval(
        id=ApprovalId(row["id"]),
        side=Side(row["side"]),
        position=row["position"],
        rank=row["rank"],
        approver=row["approver"],
        status=ApprovalStatus(row["status"]),
        created_at=row["created_at"],
        modified_at=row["modified_at"],
        due_at=row["due_at"],
        is_automated=row["is_automated"],
        approved_by=row["approved_by"],
        comment=row["comment"],
        revision=row["revision"],
        earlier=_earlier.decode(row["earlier"]),
    )
    around = {name: row[name] for name in ApprovalLine.__slots__ if name != "approval"}
    return ApprovalLine(approval=approval, **around)

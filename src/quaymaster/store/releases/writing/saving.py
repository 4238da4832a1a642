"""Finds what differs between two states of releases, and writes just that."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from quaymaster.domain import due
from quaymaster.domain.errors import Conflict
from quaymaster.domain.release import (
    Approval,
    ApprovalId,
    Deployment,
    GateRun,
    Job,
    JobId,
    Phase,
    Release,
    Stage,
)
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases.writing import rows, statements
from quaymaster.store.releases.writing.statements import Beside, Difference

TAKEN_SLOTS = """
SELECT d.slot FROM stages s
JOIN deployments d ON d.definition_stage_id = s.definition_stage_id
WHERE s.id = $1 AND d.outcome IS NULL AND d.slot IS NOT NULL AND d.stage_id <> s.id
"""


def difference(
    before: Release, after: Release, slots: dict[int, int], beside: Beside | None = None
) -> Difference:
    """Every row that must be written; records shared by both states are not looked into."""
    found = Difference(after.id, after.name, beside=beside)
    if before is after:
        return found
    found.note("releases", _release_columns(before), _release_columns(after))
    for old, new in zip(before.stages, after.stages, strict=True):
        if old is not new:
            _note_stage(found, old, new, slots)
    return found


def _release_columns(release: Release) -> dict[str, Any]:
    return rows.release_columns(release) | {"due_at": due.next_due(release)}


def _note_stage(found: Difference, old: Stage, new: Stage, slots: dict[int, int]) -> None:
    found.note("stages", rows.stage_columns(old), rows.stage_columns(new))
    if new.newest is None:
        return
    same = old.newest if old.newest and old.newest.id == new.newest.id else None
    columns = rows.deployment_columns(new, new.newest)
    if new.newest.id in slots:
        columns["slot"] = slots[new.newest.id]
    found.note("deployments", rows.deployment_columns(old, same) if same else None, columns)
    _note_approvals(found, new, same, new.newest)
    _note_gates(found, new, same, new.newest)
    _note_interventions(found, new, same, new.newest)
    _note_phases(found, new, same, new.newest)


def _note_approvals(
    found: Difference, stage: Stage, old: Deployment | None, new: Deployment
) -> None:
    known: dict[ApprovalId, Approval] = {a.id: a for a in old.approvals} if old else {}
    for approval in new.approvals:
        same = known.get(approval.id)
        if same is not approval:
            found.note(
                "approvals",
                rows.approval_columns(stage, new, same) if same else None,
                rows.approval_columns(stage, new, approval),
            )


def _note_gates(found: Difference, stage: Stage, old: Deployment | None, new: Deployment) -> None:
    known: dict[int, GateRun] = {gate.id: gate for gate in old.gates} if old else {}
    for gate in new.gates:
        same = known.get(gate.id)
        if same is not gate:
            found.note(
                "gate_runs",
                rows.gate_columns(stage, new, same) if same else None,
                rows.gate_columns(stage, new, gate),
            )


def _note_interventions(
    found: Difference, stage: Stage, old: Deployment | None, new: Deployment
) -> None:
    known = {asked.id: asked for asked in old.interventions} if old else {}
    for asked in new.interventions:
        same = known.get(asked.id)
        if same is not asked:
            found.note(
                "interventions",
                rows.intervention_columns(stage, new, same) if same else None,
                rows.intervention_columns(stage, new, asked),
            )


def _note_phases(found: Difference, stage: Stage, old: Deployment | None, new: Deployment) -> None:
    known: dict[int, Phase] = {phase.id: phase for phase in old.phases} if old else {}
    for phase in new.phases:
        same = known.get(phase.id)
        if same is phase:
            continue
        found.note(
            "phases",
            rows.phase_columns(new, same) if same else None,
            rows.phase_columns(new, phase),
        )
        known_jobs: dict[JobId, Job] = {job.id: job for job in same.jobs} if same else {}
        for job in phase.jobs:
            old_job = known_jobs.get(job.id)
            if old_job is not job:
                found.note(
                    "jobs",
                    rows.job_columns(stage, new, phase, old_job) if old_job else None,
                    rows.job_columns(stage, new, phase, job),
                )


# ---- slots ----------------------------------------------------------------------------------


async def slots_taken(connection: Connection, before: Release, after: Release) -> dict[int, int]:
    """The slot of every attempt that goes into an environment with a limit, by deployment id.

    Raises Conflict when all slots of the environment are held (I1).
    """
    slots: dict[int, int] = {}
    for old, new in zip(before.stages, after.stages, strict=True):
        if old is new or new.active is None or not new.active.has_slot:
            continue
        held = old.newest and old.newest.id == new.active.id and old.newest.has_slot
        if new.plan.queue.concurrency and not held:
            slots[new.active.id] = await _free_slot(connection, new)
    return slots


async def _free_slot(connection: Connection, stage: Stage) -> int:
    taken = {row["slot"] for row in await connection.fetch(TAKEN_SLOTS, stage.id)}
    limit = stage.plan.queue.concurrency
    free = next((slot for slot in range(1, limit + 1) if slot not in taken), None)
    if free is None:
        raise Conflict(f"All {limit} places to deploy to {stage.name} at once are taken.")
    return free


async def write(connection: Connection, found: Sequence[Difference]) -> int:
    """Send the one statement; how many deliveries it queued.

    Raises Conflict when a constraint of I1 or of names says no.
    """
    sql = statements.statement(found)
    if sql is None:
        return 0
    releases = [one.release for one in found]
    try:
        queued: int = await connection.fetchval(sql, statements.body(found), releases)
    except asyncpg.UniqueViolationError as error:
        names = ", ".join(repr(one.name) for one in found)
        raise Conflict(_clash(names, error.constraint_name)) from error
    return queued


def _clash(names: str, constraint: str | None) -> str:
    match constraint:
        case "releases_definition_id_name_key_key":
            return f"Another release of this definition is already named {names}."
        case "deployments_one_under_way" | "deployments_stage_id_attempt_key":
            return f"Another attempt is already under way in a stage of {names}."
        case "deployments_one_per_slot":
            return "Another deployment took this place in the environment first."
        case _:
            return f"{names} was changed by somebody else first."

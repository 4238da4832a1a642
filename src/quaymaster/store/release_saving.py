"""Writes what differs between two states of a release, in one statement.

All changed records travel as one JSON parameter; the statement is put together from fixed parts,
one for each kind of record that changed. Ids of new records are drawn beforehand.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg
import msgspec

from quaymaster.domain import due
from quaymaster.domain.errors import Conflict
from quaymaster.domain.release import (
    UNSAVED,
    Approval,
    ApprovalId,
    Deployment,
    DeploymentId,
    GateRun,
    InterventionId,
    Job,
    JobId,
    Phase,
    Release,
    Stage,
)
from quaymaster.store import release_rows as rows
from quaymaster.store.database import Connection

COLUMNS = {
    "releases": "id bigint, status text, reason text, name text, name_key text, description text,"
    " created_by text, created_for text, created_at timestamptz, modified_by text,"
    " modified_at timestamptz, keep_forever boolean, variables json, stage_mask integer,"
    " due_at timestamptz",
    "stages": "id bigint, status text, is_manual boolean, evaluated json, trigger_reason text,"
    " variables json, modified_at timestamptz, attempt integer, newest_deployment_id bigint",
    "deployments": "id bigint, stage_id bigint, attempt integer, reason text, requested_by text,"
    " requested_for text, queued_at timestamptz, modified_at timestamptz, modified_by text,"
    " after_stages text[], scheduled_for timestamptz, deferred_until timestamptz,"
    " entered_queue_at timestamptz, has_slot boolean, slot integer,"
    " cancel_requested_at timestamptz, outcome text, status text, operation_status text,"
    " started_at timestamptz, completed_at timestamptz, comment text, variables json",
    "approvals": "id bigint, deployment_id bigint, stage_id bigint, side text, position integer,"
    " rank integer, approver text, status text, created_at timestamptz, modified_at timestamptz,"
    " due_at timestamptz, is_automated boolean, approved_by text, comment text, revision integer,"
    " earlier json",
    "gate_runs": "id bigint, deployment_id bigint, stage_id bigint, side text,"
    " started_at timestamptz, samples json, ignored json, succeeding_since timestamptz,"
    " ended_as text, ended_at timestamptz",
    "interventions": "id bigint, deployment_id bigint, stage_id bigint, phase_rank integer,"
    " position integer, name text, instructions text, status text, created_at timestamptz,"
    " modified_at timestamptz, due_at timestamptz, resumes_on_timeout boolean,"
    " answered_by text, comment text",
    "phases": "id bigint, deployment_id bigint, rank integer, started_at timestamptz,"
    " is_skipped boolean, problem text, is_tolerant boolean",
    "jobs": "id bigint, phase_id bigint, deployment_id bigint, position integer, name text,"
    " status text, queue_id bigint, created_at timestamptz, worker text, token text,"
    " started_at timestamptz, ended_at timestamptz, error text, kind text, due_at timestamptz,"
    " target bigint, variables json",
}
# Columns of a new row that are looked up rather than told.
LOOKED_UP = {
    "deployments": {
        "release_id": "$2",
        "project_id": "(SELECT project_id FROM releases WHERE id = $2)",
        "definition_id": "(SELECT definition_id FROM releases WHERE id = $2)",
        "definition_stage_id": "(SELECT definition_stage_id FROM stages WHERE id = x.stage_id)",
    },
    "approvals": {
        "release_id": "$2",
        "project_id": "(SELECT project_id FROM releases WHERE id = $2)",
    },
    "gate_runs": {"release_id": "$2"},
    "interventions": {"release_id": "$2"},
    "phases": {"release_id": "$2"},
    "jobs": {
        "release_id": "$2",
        "pool_id": "(SELECT q.pool_id FROM queues q JOIN releases r USING (project_id)"
        " WHERE q.id = x.queue_id AND r.id = $2)",
    },
}
PARENTS_FIRST = (
    "releases",
    "stages",
    "deployments",
    "approvals",
    "gate_runs",
    "interventions",
    "phases",
    "jobs",
)


def _names(table: str) -> list[str]:
    return [column.split()[0] for column in COLUMNS[table].split(", ")]


def _set(table: str, column: str) -> str:
    if (table, column) == ("deployments", "slot"):
        return "slot = coalesce(x.slot, t.slot)"  # told only when it is taken
    return f"{column} = x.{column}"


def _update(table: str) -> str:
    sets = ", ".join(_set(table, name) for name in _names(table) if name != "id")
    return (
        f"UPDATE {table} t SET {sets}"
        f" FROM json_to_recordset($1::json->'changed'->'{table}') AS x({COLUMNS[table]})"
        f" WHERE t.id = x.id RETURNING t.id"
    )


def _insert(table: str) -> str:
    looked_up = LOOKED_UP[table]
    names = ", ".join([*_names(table), *looked_up])
    values = ", ".join([*(f"x.{name}" for name in _names(table)), *looked_up.values()])
    return (
        f"INSERT INTO {table} ({names}) SELECT {values}"
        f" FROM json_to_recordset($1::json->'added'->'{table}') AS x({COLUMNS[table]})"
        f" ORDER BY x.id RETURNING id"
    )


UPDATES = {table: _update(table) for table in COLUMNS}
INSERTS = {table: _insert(table) for table in LOOKED_UP}

DRAW = """
SELECT array(SELECT nextval('deployments_id_seq') FROM generate_series(1, $1)) AS deployments,
  array(SELECT nextval('approvals_id_seq') FROM generate_series(1, $2)) AS approvals,
  array(SELECT nextval('phases_id_seq') FROM generate_series(1, $3)) AS phases,
  array(SELECT nextval('jobs_id_seq') FROM generate_series(1, $4)) AS jobs,
  array(SELECT nextval('gate_runs_id_seq') FROM generate_series(1, $5)) AS gate_runs,
  array(SELECT nextval('interventions_id_seq') FROM generate_series(1, $6)) AS interventions
"""

TAKEN_SLOTS = """
SELECT d.slot FROM stages s
JOIN deployments d ON d.definition_stage_id = s.definition_stage_id
WHERE s.id = $1 AND d.outcome IS NULL AND d.slot IS NOT NULL AND d.stage_id <> s.id
"""


@dataclass(slots=True)
class Difference:
    """The rows to write, by table."""

    changed: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    added: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def note(self, table: str, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        """Take in one row: new when there was none before, changed when a column differs."""
        if before is None:
            self.added.setdefault(table, []).append(after)
        elif before != after:
            self.changed.setdefault(table, []).append(after)

    def statement(self) -> str | None:
        """What writes it; None when nothing differs."""
        parts = [
            sql
            for table in PARENTS_FIRST
            for rows_of, sqls in ((self.changed, UPDATES), (self.added, INSERTS))
            if table in rows_of
            for sql in (sqls[table],)
        ]
        if not parts:
            return None
        named = ", ".join(f"part_{number} AS ({sql})" for number, sql in enumerate(parts))
        # $2 is always used, so that every combination takes the same parameters.
        return f"WITH {named} SELECT $2::bigint"


# ---- ids of new records ---------------------------------------------------------------------


async def with_ids(connection: Connection, after: Release) -> Release:
    """The same release with an id in every record that had none."""
    new = [deployment for deployment in _newest(after) if _has_unsaved(deployment)]
    if not new:
        return after
    drawn = await connection.fetchrow(
        DRAW,
        sum(deployment.id == UNSAVED for deployment in new),
        sum(a.id == UNSAVED for deployment in new for a in deployment.approvals),
        sum(phase.id == UNSAVED for deployment in new for phase in deployment.phases),
        sum(job.id == UNSAVED for deployment in new for job in deployment.jobs),
        sum(gate.id == UNSAVED for deployment in new for gate in deployment.gates),
        sum(asked.id == UNSAVED for deployment in new for asked in deployment.interventions),
    )
    if drawn is None:
        raise RuntimeError("a SELECT without FROM answered no row")
    ids = {table: iter(drawn[table]) for table in drawn.keys()}  # noqa: SIM118 - a Record
    return replace(after, stages=tuple(_numbered_stage(stage, ids) for stage in after.stages))


def _newest(release: Release) -> Iterator[Deployment]:
    return (stage.newest for stage in release.stages if stage.newest)


def _has_unsaved(deployment: Deployment) -> bool:
    ids = [deployment.id, *(approval.id for approval in deployment.approvals)]
    ids += [phase.id for phase in deployment.phases] + [job.id for job in deployment.jobs]
    ids += [gate.id for gate in deployment.gates]
    ids += [asked.id for asked in deployment.interventions]
    return UNSAVED in ids


def _numbered_stage(stage: Stage, ids: dict[str, Iterator[int]]) -> Stage:
    deployment = stage.newest
    if deployment is None or not _has_unsaved(deployment):
        return stage
    return replace(
        stage,
        newest=replace(
            deployment,
            id=deployment.id or DeploymentId(next(ids["deployments"])),
            approvals=tuple(_numbered_approval(a, ids) for a in deployment.approvals),
            gates=tuple(
                gate if gate.id else replace(gate, id=next(ids["gate_runs"]))
                for gate in deployment.gates
            ),
            interventions=tuple(
                asked if asked.id else replace(asked, id=InterventionId(next(ids["interventions"])))
                for asked in deployment.interventions
            ),
            phases=tuple(_numbered_phase(phase, ids) for phase in deployment.phases),
        ),
    )


def _numbered_approval(approval: Approval, ids: dict[str, Iterator[int]]) -> Approval:
    return approval if approval.id else replace(approval, id=ApprovalId(next(ids["approvals"])))


def _numbered_phase(phase: Phase, ids: dict[str, Iterator[int]]) -> Phase:
    jobs = tuple(job if job.id else replace(job, id=JobId(next(ids["jobs"]))) for job in phase.jobs)
    return replace(phase, id=phase.id or next(ids["phases"]), jobs=jobs)


# ---- what differs ---------------------------------------------------------------------------


def difference(before: Release, after: Release, slots: dict[int, int]) -> Difference:
    """Every row that must be written; records shared by both states are not looked into."""
    found = Difference()
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


async def write(connection: Connection, release: Release, found: Difference) -> None:
    """Send the one statement. Raises Conflict when a constraint of I1 or of names says no."""
    sql = found.statement()
    if sql is None:
        return
    body = msgspec.json.encode({"changed": found.changed, "added": found.added}).decode()
    try:
        await connection.execute(sql, body, release.id)
    except asyncpg.UniqueViolationError as error:
        raise Conflict(_clash(release, error.constraint_name)) from error


def _clash(release: Release, constraint: str | None) -> str:
    match constraint:
        case "releases_definition_id_name_key_key":
            return f"Another release of this definition is already named {release.name!r}."
        case "deployments_one_under_way" | "deployments_stage_id_attempt_key":
            return f"Another attempt is already under way in a stage of {release.name!r}."
        case "deployments_one_per_slot":
            return "Another deployment took this place in the environment first."
        case _:
            return f"{release.name!r} was changed by somebody else first."

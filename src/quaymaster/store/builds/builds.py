"""Builds: put one into the database under its number, lock and load it, save what changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain import release_names
from quaymaster.domain.build import Build, BuildId, BuildJob
from quaymaster.domain.build_plan import BuildPlan
from quaymaster.domain.building import due_at
from quaymaster.domain.errors import Refused
from quaymaster.domain.release import Intervention, JobId, JobKind, PersonId
from quaymaster.domain.release_names import BRANCHES, Named
from quaymaster.domain.statuses import JobStatus
from quaymaster.store.builds.latest import find_latest
from quaymaster.store.definitions import build_plans
from quaymaster.store.numbering import Numbering
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage.vault import Vault

PRIORITIES = {"high": 1, "aboveNormal": 2, "normal": 3, "belowNormal": 4, "low": 5}

INSERT = """
INSERT INTO builds (id, project_id, definition_id, definition_revision, plan_digest, number,
  number_key, status, is_held, reason, priority, source_branch, source_version, repository,
  repository_type_key, repository_key, queue_id, parameters, variables, secrets, demands,
  template_parameters, trigger_info, triggered_by_build, requested_by, requested_for, queued_at,
  changed_by, changed_at, tags, tag_keys, properties, validation)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'notStarted', $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
  $18, $19, $20, $21, $22, $23, $24, $25, $26, $24, $26, $27, $28, $29, $30)
"""
FOUND = """
SELECT b.id, b.definition_id, b.number, b.reason, b.source_branch, b.source_version, b.variables,
  b.queued_at, b.is_held, b.cancel_requested_at, b.changed_by, b.started_at, b.finished_at,
  p.body AS plan, f.name AS definition_name
FROM builds b JOIN plans p ON p.digest = b.plan_digest JOIN definitions f ON f.id = b.definition_id
WHERE b.id = $1 AND NOT b.is_deleted
"""
LOCKED = f"{FOUND} FOR NO KEY UPDATE OF b"
JOBS = """
SELECT id, plan_key, status, created_at, attempt, worker, token, started_at, ended_at, error, kind,
  due_at, question, outputs
FROM jobs WHERE build_id = $1 ORDER BY id
"""
SAVE = """
UPDATE builds SET status = $2, result = $3, is_held = $4, cancel_requested_at = $5,
  started_at = $6, finished_at = $7, due_at = $8, changed_by = $9, changed_at = $10 WHERE id = $1
"""

# A queue that the project does not have leads to the pool that every installation has; what needs
# no agent has neither.
INSERT_JOB = """
INSERT INTO jobs (id, build_id, plan_key, attempt, position, name, status, queue_id, pool_id,
  priority, created_at, worker, token, started_at, ended_at, error, kind, due_at, question)
SELECT $1, b.id, $3, $4, $5, $6, $7, q.id,
  CASE WHEN $16 = 'agent' THEN coalesce(q.pool_id, (SELECT min(o.id) FROM pools o
    JOIN projects USING (organization_id) WHERE projects.id = b.project_id)) END,
  $8, $9, $10, $11, $12, $13, $14, $16, $17, $18
FROM builds b LEFT JOIN queues q ON q.project_id = b.project_id AND $16 = 'agent'
  AND q.id = coalesce(nullif($15::bigint, 0), b.queue_id)
WHERE b.id = $2
"""
UPDATE_JOB = """
UPDATE jobs SET status = $2, worker = $3, token = $4, started_at = $5, ended_at = $6, error = $7,
  kind = $8, due_at = $9, question = $10
WHERE id = $1
"""
NUMBERS = Numbering("builds", "number")

_question = msgspec.json.Decoder(Intervention)


def owner(build_id: int) -> str:
    """The owner to which the vault binds a build's secret variables."""
    return f"build/{build_id}"


@dataclass(frozen=True, slots=True)
class NewBuild:
    """A build about to be queued; `variables` and `secrets` are all values it starts with.

    `parameters` is the JSON text that was sent, without values of secrets.
    """

    project_id: UUID
    project_name: str
    definition_id: int
    definition_revision: int
    definition_name: str
    plan: BuildPlan
    reason: str
    queued_at: datetime
    requested_by: PersonId | None
    requested_for: PersonId | None
    source_branch: str = ""
    source_version: str = ""
    priority: str = "normal"
    queue_id: int | None = None
    is_held: bool = False
    parameters: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    demands: tuple[str, ...] = ()
    template_parameters: Mapping[str, Any] = field(default_factory=dict)
    trigger_info: Mapping[str, str] = field(default_factory=dict)
    triggered_by_build: int | None = None
    tags: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    validation: tuple[Mapping[str, Any], ...] = ()


async def insert(connection: Connection, vault: Vault, new: NewBuild, named: Named) -> BuildId:
    """Store a new build under the next number of its format (23.3).

    Builds of one definition are numbered one after another. Raises Refused for a format that
    gives no number that can be used.
    """
    await connection.fetchval(
        "SELECT id FROM definitions WHERE id = $1 FOR NO KEY UPDATE", new.definition_id
    )
    build_id: int = await connection.fetchval("SELECT nextval('builds_id_seq')")
    number = await _number(connection, new, replace(named, build_id=build_id))
    repository = new.plan.repository
    await connection.execute(
        INSERT,
        build_id,
        new.project_id,
        new.definition_id,
        new.definition_revision,
        await build_plans.put(connection, new.plan),
        number,
        number.casefold(),
        new.is_held,
        new.reason,
        new.priority,
        new.source_branch,
        new.source_version,
        _json(repository),
        repository.type.casefold(),
        repository.id.casefold(),
        new.queue_id,
        new.parameters,
        _json(new.variables),
        vault.seal(owner(build_id), new.secrets),
        _json(new.demands),
        _json(new.template_parameters),
        _json(new.trigger_info),
        new.triggered_by_build,
        new.requested_by,
        new.requested_for,
        new.queued_at,
        list(new.tags),
        [tag.casefold() for tag in new.tags],
        _json(new.properties),
        _json(new.validation),
    )
    await find_latest(connection, new.definition_id)
    return BuildId(build_id)


async def _number(connection: Connection, new: NewBuild, named: Named) -> str:
    try:
        planned = release_names.planned_build_number(new.plan.number_format, named)
        return await NUMBERS.next(connection, new.definition_id, planned)
    except release_names.UnusableName as error:
        raise Refused(str(error)) from error


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


async def locked(connection: Connection, build_id: int) -> Build | None:
    """A build with its jobs, nobody else's until the transaction ends; None for none."""
    return await _build(connection, await connection.fetchrow(LOCKED, build_id))


async def load(connection: Connection, build_id: int) -> Build | None:
    """The same, for somebody who only looks at it."""
    return await _build(connection, await connection.fetchrow(FOUND, build_id))


async def _build(connection: Connection, row: asyncpg.Record | None) -> Build | None:
    if row is None:
        return None
    jobs = await connection.fetch(JOBS, row["id"])
    return Build(
        id=BuildId(row["id"]),
        definition_id=row["definition_id"],
        plan=build_plans.decode(row["plan"]),
        queued_at=row["queued_at"],
        variables={**msgspec.json.decode(row["variables"]), **_facts(row)},
        jobs=tuple(map(_job, jobs)),
        is_held=row["is_held"],
        cancel_requested_at=row["cancel_requested_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )


def _facts(row: asyncpg.Record) -> dict[str, str]:
    """What conditions can ask of a build besides its variables (SEMANTICS 14)."""
    branch = row["source_branch"]
    return {
        "Build.BuildId": str(row["id"]),
        "Build.BuildNumber": row["number"],
        "Build.DefinitionName": row["definition_name"],
        "Build.Reason": row["reason"][:1].upper() + row["reason"][1:],
        "Build.SourceBranch": branch,
        "Build.SourceBranchName": branch.rpartition("/")[2],
        "Build.SourceVersion": row["source_version"],
    }


def _job(row: asyncpg.Record) -> BuildJob:
    return BuildJob(
        key=row["plan_key"],
        status=JobStatus(row["status"]),
        created_at=row["created_at"],
        attempt=row["attempt"],
        id=JobId(row["id"]),
        worker=row["worker"],
        token=row["token"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        error=row["error"],
        kind=JobKind(row["kind"]),
        due_at=row["due_at"],
        question=None if row["question"] is None else _question.decode(row["question"]),
        outputs=msgspec.json.decode(row["outputs"]),
    )


async def save(
    connection: Connection,
    before: Build,
    after: Build,
    priority: str,
    by: PersonId | None,
    at: datetime,
) -> Build:
    """Write what differs; the build with an id for each new job."""
    after = await _numbered(connection, after)
    await connection.execute(
        SAVE,
        after.id,
        after.status,
        after.result,
        after.is_held,
        after.cancel_requested_at,
        after.started_at,
        after.finished_at,
        due_at(after),
        by,
        at,
    )
    known = {job.id: job for job in before.jobs}
    for job in after.jobs:
        if job.id not in known:
            await _insert_job(connection, after, job, priority)
        elif job != known[job.id]:
            await connection.execute(
                UPDATE_JOB,
                job.id,
                job.status,
                job.worker,
                job.token,
                job.started_at,
                job.ended_at,
                job.error,
                job.kind,
                job.due_at,
                _json(job.question) if job.question else None,
            )
    if after.finished_at != before.finished_at:
        await find_latest(connection, after.definition_id)
    return after


async def _numbered(connection: Connection, after: Build) -> Build:
    new = [job for job in after.jobs if not job.id]
    if not new:
        return after
    drawn = iter(
        await connection.fetchval(
            "SELECT array(SELECT nextval('jobs_id_seq') FROM generate_series(1, $1))", len(new)
        )
    )
    jobs = tuple(job if job.id else replace(job, id=JobId(next(drawn))) for job in after.jobs)
    return replace(after, jobs=jobs)


async def _insert_job(connection: Connection, build: Build, job: BuildJob, priority: str) -> None:
    plan = build.plan.job(job.key)
    await connection.execute(
        INSERT_JOB,
        job.id,
        build.id,
        job.key,
        job.attempt,
        plan.work.rank,
        plan.work.name,
        job.status,
        PRIORITIES.get(priority, PRIORITIES["normal"]),
        job.created_at,
        job.worker,
        job.token,
        job.started_at,
        job.ended_at,
        job.error,
        plan.work.queue_id,
        job.kind,
        job.due_at,
        _json(job.question) if job.question else None,
    )


async def not_started(connection: Connection, definition_id: int) -> list[BuildId]:
    """The builds of a definition of which nothing has started, oldest first."""
    rows = await connection.fetch(
        "SELECT id FROM builds WHERE definition_id = $1 AND status = 'notStarted'"
        " AND NOT is_deleted ORDER BY id",
        definition_id,
    )
    return [BuildId(row["id"]) for row in rows]


async def due(connection: Connection, now: datetime) -> list[int]:
    """Builds that have waited for a moment that has come."""
    rows = await connection.fetch("SELECT id FROM builds WHERE due_at <= $1 ORDER BY id", now)
    return [row["id"] for row in rows]


async def secrets_of(connection: Connection, vault: Vault, build_id: int) -> dict[str, str]:
    """The secret variables of a build. Raises VaultError when they cannot be opened."""
    sealed = await connection.fetchval("SELECT secrets FROM builds WHERE id = $1", build_id)
    return vault.unseal(owner(build_id), sealed)


def branch_reference(branch: str) -> str:
    """A branch by its full reference: `main` is `refs/heads/main`; "" stays."""
    if not branch or branch.startswith("refs/"):
        return branch
    return BRANCHES + branch

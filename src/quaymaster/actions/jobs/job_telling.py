"""Telling a worker what a job is: its rows, its release and its secrets become one message."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from quaymaster.actions.jobs.telling import equipped, numbered
from quaymaster.actions.people import call_back_tokens, job_tokens
from quaymaster.actions.ports.outside import InstalledTasks, Outside
from quaymaster.actions.resources import connections, secure_files
from quaymaster.actions.resources.connections import DefinitionPlace
from quaymaster.domain import attempt_variables
from quaymaster.domain.circumstances import Circumstances
from quaymaster.domain.errors import NotFound
from quaymaster.domain.predefined import JobContext
from quaymaster.domain.release import Deployment, Job, JobId, JobKind, Phase, Release, Stage
from quaymaster.domain.timelines import plan_of_phase, record_of_job
from quaymaster.domain.variables import Variable, plain_and_secret
from quaymaster.plans.connections import words_written
from quaymaster.plans.endpoints import endpoint
from quaymaster.plans.job_message import (
    Choose,
    Place,
    Setting,
    connections_named,
    job_message,
    job_variables,
    none_installed,
    part_of,
    planned_steps,
)
from quaymaster.protocol.job import Endpoint, JobVariable, RunJob, SecureFile
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases.release_secrets import Secrets
from quaymaster.store.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Around:
    """What the release's record does not say of a job; `outside` is what is to be had where
    it will run, `endpoints` are the connections that its tasks may use, `source_endpoints` those of
    its artifacts, `handed_on` is what earlier tasks of its phase have set (13.12)."""

    outside: Outside
    circumstances: Circumstances
    secrets: Secrets
    place: Place
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    source_endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    handed_on: tuple[Variable, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A job with everything above it."""

    release: Release
    stage: Stage
    deployment: Deployment
    phase: Phase
    job: Job


def found(release: Release, job_id: JobId) -> Found:
    """The job in its release. Raises NotFound unless it belongs to a newest attempt."""
    for stage in release.stages:
        for phase in stage.newest.phases if stage.newest else ():
            for job in phase.jobs:
                if job.id == job_id and stage.newest:
                    return Found(release, stage, stage.newest, phase, job)
    raise NotFound("job", job_id)


async def told(connection: Connection, found: Found, around: Around, now: datetime) -> RunJob:
    """The message of a job that was just claimed; the rows of its steps are made with it."""
    phase = part_of(found.stage.phase_plan(found.phase), found.job)
    planned = planned_steps(
        phase, around.circumstances.artifacts, _choice(found.job, around.outside.tasks)
    )
    steps = await numbered(connection, found.job.id, found.job.token, planned)
    context = _context(found, around.circumstances)
    token = await job_tokens.issue(
        connection, around.circumstances.project_id, phase, found.job, now
    )
    called_back = await call_back_tokens.for_job(
        connection, found.job, phase, context, steps, now, around.outside.tasks
    )
    setting = replace(
        _setting(found, around),
        access_token=token if phase.access_token else "",
        task_token=token,
    )
    message = job_message(
        found.job, phase, context, setting, steps, equipped(around.place, around.outside)
    )
    message.variables.extend(called_back)
    message.secure_files.extend(await _secure_files(connection, found, around, message))
    message.endpoints.extend({one.id: one for one in around.endpoints.values()}.values())
    message.source_endpoints.extend(around.source_endpoints.values())
    return message


async def _secure_files(
    connection: Connection, found: Found, around: Around, message: RunJob
) -> list[SecureFile]:
    """The secure files that the job's tasks name, with tickets."""
    tasks = around.outside.tasks
    if tasks is None or found.job.kind is JobKind.SERVER:
        return []
    phase = part_of(found.stage.phase_plan(found.phase), found.job)
    words = connections_named(phase, lambda: message.variables, tasks.secure_file_inputs)
    if not words:
        return []
    written = words_written(found.release.plan, phase.tasks, tasks.secure_file_inputs)
    place = _definition(around)
    return await secure_files.given(connection, place, words, written, found.job.id)


async def connections_of(
    connection: Connection, vault: Vault, found: Found, around: Around
) -> dict[str, Endpoint]:
    """The service connections that the job's tasks name, opened, by the casefold of the word.

    One that the project does not have is missing: the task that names it says so. Raises
    VaultError.
    """
    phase = part_of(found.stage.phase_plan(found.phase), found.job)
    inputs_of = around.outside.connection_inputs

    def variables() -> list[JobVariable]:
        context = _context(found, around.circumstances)
        return job_variables(context, _setting(found, around))

    words = connections_named(phase, variables, inputs_of)
    if not words:
        return {}
    place = _definition(around)
    written = words_written(found.release.plan, phase.tasks, inputs_of)
    known = await connections.resolve_for(connection, vault, place, words, written)
    return {word: endpoint(each) for word, each in known.items()}


def _definition(around: Around) -> DefinitionPlace:
    circumstances = around.circumstances
    return DefinitionPlace(circumstances.definition_id, UUID(circumstances.project_id))


def _choice(job: Job, tasks: InstalledTasks | None) -> Choose:
    """Server jobs run tasks of their own kind."""
    if tasks is None or job.kind is JobKind.SERVER:
        return none_installed
    return tasks.chosen


def read_only(plain: Mapping[str, str], secret: Mapping[str, str]) -> tuple[Variable, ...]:
    """Output variables of earlier tasks as a job has them (SEMANTICS 13.12)."""
    return (
        *(Variable(name, value, is_read_only=True) for name, value in plain.items()),
        *(
            Variable(name, value, is_secret=True, is_read_only=True)
            for name, value in secret.items()
        ),
    )


def _setting(found: Found, around: Around) -> Setting:
    secrets = around.secrets
    return Setting(
        release=plain_and_secret(found.release.variables, secrets.release),
        stage=plain_and_secret(found.stage.variables, secrets.stage),
        deployment=plain_and_secret(found.deployment.variables, secrets.deployment),
        job=(*plain_and_secret(found.job.variables, {}), *around.handed_on),
    )


def _context(found: Found, circumstances: Circumstances) -> JobContext:
    phase = found.stage.phase_plan(found.phase)
    return replace(
        attempt_variables.context(circumstances, found.release, found.stage, found.deployment),
        phase_id=found.phase.id,
        phase_name=phase.name,
        job_id=record_of_job(found.job.id),
        plan_id=plan_of_phase(found.phase.id),
        skips_artifacts=phase.skip_artifacts,
        job_position=found.job.position + 1,
        job_count=len(found.phase.jobs),
        deployment_group=phase.queue_id if found.job.kind is JobKind.TARGET else 0,
    )

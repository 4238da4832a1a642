"""Services that were asked report how it went, with a token that is good for this alone (20.3).

The token says which job or gate is meant and ends with it. A report is taken in once, in the same
transaction as what follows from it; whatever comes later, or again, changes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from quaymaster.actions.builds import happening
from quaymaster.actions.call import Call, Installation
from quaymaster.actions.decisions.orchestrate import happen_within
from quaymaster.actions.deployments.gates import answers, asking, call_back_outputs
from quaymaster.actions.deployments.gates.call_back_outputs import Output
from quaymaster.actions.jobs import build_telling, job_telling
from quaymaster.actions.jobs.job_telling import Around
from quaymaster.actions.people.people import digest
from quaymaster.domain.build import Build
from quaymaster.domain.changes import JobAnswered
from quaymaster.domain.connections import secret_values
from quaymaster.domain.errors import NotFound, Refused
from quaymaster.domain.finding import found_job
from quaymaster.domain.release import JobId, JobKind, Release, ReleaseId
from quaymaster.domain.statuses import JobStatus
from quaymaster.plans.job_message import Place
from quaymaster.protocol.job import Endpoint
from quaymaster.runner.masking import Masker
from quaymaster.store.builds import builds
from quaymaster.store.builds import outputs as build_outputs
from quaymaster.store.deployments import job_facts
from quaymaster.store.jobs import call_backs
from quaymaster.store.jobs.call_backs import CallBack
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import releases
from quaymaster.store.releases.release_secrets import Secrets
from quaymaster.store.storage.vault import VaultError

MOST_EVIDENCE = 1024 * 1024  # characters that a service may tell before its job is awaited
LINE_TIME = "%Y-%m-%dT%H:%M:%S.%f0Z"
SAID = {
    JobStatus.SUCCEEDED: "The service reported success.",
    JobStatus.WITH_ISSUES: "The service reported success with issues.",
    JobStatus.FAILED: "The service reported that it has failed.",
}


@dataclass(frozen=True, slots=True)
class Reporter:
    """A service that holds a valid token, and what it may report on."""

    call: Call
    about: CallBack
    token: str = field(repr=False)


class TokenEnded(Exception):
    """The job or the gate is over, and the token with it."""


async def reporter(installation: Installation, tokens: Iterable[str], plan: str) -> Reporter | None:
    """Whose token this is, if it is that of a job or gate of this plan and has not expired."""
    call = Call(installation)
    for token in tokens:
        async with call.database.read() as connection:
            found = await call_backs.of_token(connection, digest(token), call.now)
        if found and str(found.plan_id) == plan.strip().lower():
            return Reporter(call, found, token)
    return None


async def complete(told: Reporter, status: JobStatus, outputs: Sequence[Output] = ()) -> None:
    """The job or the gate ended so; a second report changes nothing.

    `outputs` are the variables that the task of a job has set. Raises TokenEnded; Refused when
    what must be masked in them cannot be known.
    """
    about = told.about
    masker = await _masker(told) if outputs else Masker()
    if about.answered_at is None and about.gate_run_id is not None and about.asked_at:
        await _keep_evidence(told, status)
    async with told.call.database.transaction() as connection:
        owner, about = await _locked(connection, told)
        if about.answered_at is not None:
            return
        if not about.is_open:
            raise TokenEnded
        now = told.call.now
        await call_backs.answer(connection, about.id, status, SAID[status], now)
        kept = await call_back_outputs.keep(connection, told.call, owner, about, outputs, masker)
        if about.gate_run_id is not None and about.sample is not None:
            if isinstance(owner, Release):
                await answers.end_if_complete(
                    connection, told.call, owner, about.gate_run_id, about.sample
                )
        elif about.job_id is not None and _is_awaited(owner, about.job_id):
            await _say(connection, about, [*filter(None, [kept]), SAID[status]], now)
            error = SAID[status] if status is JobStatus.FAILED else ""
            event = JobAnswered(JobId(about.job_id), status, error)
            if isinstance(owner, Release):
                await happen_within(connection, told.call, owner.id, event)
            else:
                await happening.happen_within(connection, told.call, owner.id, event)


async def say(told: Reporter, lines: Sequence[str]) -> None:
    """Add lines to the log, secrets masked. Raises TokenEnded; Refused when the log is full."""
    if not lines:
        return
    masker = await _masker(told)
    masked = masker.mask("\n".join(lines)).split("\n")
    async with told.call.database.transaction() as connection:
        owner, about = await _locked(connection, told)
        if about.answered_at is not None or not about.is_open:
            raise TokenEnded
        if about.job_id is not None and _is_awaited(owner, about.job_id):
            await _say(connection, about, masked, told.call.now)
            return
        text = _stamped(masked, told.call.now)
        if not await call_backs.keep_lines(connection, about.id, text, MOST_EVIDENCE):
            raise Refused("The service has told more of this than is kept; the rest is left out.")


async def progress(told: Reporter, percent: int | None, operation: str | None) -> None:
    """Show how far the job is. Raises TokenEnded."""
    said = None if operation is None else (await _masker(told)).mask(operation)[:1000]
    async with told.call.database.transaction() as connection:
        _, about = await _locked(connection, told)
        if about.answered_at is not None or not about.is_open:
            raise TokenEnded
        if about.task_run_id is not None:
            await call_backs.show_progress(connection, about.task_run_id, percent, said)


async def _locked(connection: Connection, told: Reporter) -> tuple[Release | Build, CallBack]:
    """The release or build, which nobody else changes now, and what is known of the report."""
    owner: Release | Build | None
    if told.about.build_id:
        owner = await builds.locked(connection, told.about.build_id)
    else:
        owner = await releases.locked(connection, ReleaseId(told.about.release_id))
    about = await call_backs.get(connection, told.about.id)
    if owner is None or about is None:
        raise TokenEnded
    return owner, about


def _is_awaited(owner: Release | Build, job: int) -> bool:
    """Whether its worker is done with the job: until then the report waits in its row."""
    if isinstance(owner, Build):
        return any(one.id == job and one.kind is JobKind.CALL_BACK for one in owner.jobs)
    try:
        return found_job(owner, JobId(job)).kind is JobKind.CALL_BACK
    except NotFound:
        return False


async def _say(
    connection: Connection, about: CallBack, lines: Sequence[str], now: datetime
) -> None:
    body = _stamped(lines, now).encode("utf-8", "replace")
    step = about.task_run_id or 0
    if not await call_backs.log_lines(connection, step, body, call_backs.MOST_LOG):
        raise Refused("The log of this task is full; the rest is left out.")


def _stamped(lines: Sequence[str], now: datetime) -> str:
    at = now.astimezone(UTC).strftime(LINE_TIME)
    pieces = (piece for line in lines for piece in line.replace("\0", "").splitlines() or [""])
    return "".join(f"{at} {piece}\n" for piece in pieces)


async def _keep_evidence(told: Reporter, status: JobStatus) -> None:
    """The evidence of a gate with its end, before the sample is closed."""
    about = told.about
    if about.gate_run_id is None or about.sample is None or about.rank is None:
        return
    key = answers.evidence_key(about.gate_run_id, about.sample, about.rank)
    body = about.evidence + _stamped([SAID[status]], told.call.now)
    await told.call.installation.files.put(key, body.encode("utf-8", "replace"))


# ---- what must be masked --------------------------------------------------------------------


async def _masker(told: Reporter) -> Masker:
    """Masks all that the job or gate was given. Raises Refused when that cannot be known."""
    masker = Masker()
    masker.add(told.token)
    try:
        secrets, endpoints = await _given(told)
    except VaultError as error:
        raise Refused(f"The lines cannot be kept: {error}") from error
    except NotFound as gone:
        raise TokenEnded from gone
    for scope in (secrets.release, secrets.stage, secrets.deployment):
        for value in scope.values():
            masker.add(value)
    for endpoint in endpoints:
        for value in secret_values(endpoint.parameters, endpoint.data):
            masker.add(value)
    return masker


async def _given(told: Reporter) -> tuple[Secrets, Iterable[Endpoint]]:
    call, about = told.call, told.about
    if about.build_id:
        return await build_telling.given(call, about.build_id, about.job_id or 0)
    if about.gate_run_id is not None:
        return await asking.given(call, about.gate_run_id)
    async with call.database.read() as connection:
        release = await releases.load(connection, ReleaseId(about.release_id))
        if release is None or about.job_id is None:
            raise TokenEnded
        found = job_telling.found(release, JobId(about.job_id))
        facts = await job_facts.of_deployment(
            connection, release.id, found.stage.id, found.deployment.id, call.installation.url
        )
        if facts is None:
            raise TokenEnded
        secrets = job_facts.opened(call.vault, facts.secrets)
        _, handed_on = await build_outputs.of_phase(connection, call.vault, found.phase.id)
        secrets = replace(secrets, deployment={**secrets.deployment, **handed_on})
        around = Around(call.installation.outside, facts.circumstances, secrets, Place("", ""))
        known = await job_telling.connections_of(connection, call.vault, found, around)
    return secrets, known.values()

"""Asking workflows outside for builds and deployments, and hearing how they stand (AVIATOR 1, 4).

What is to be asked stands in rows. A row says that the far side is being asked before it is, so
that whoever comes upon it after a crash looks for the run instead of beginning a second one.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from quaymaster.actions.builds.own_runs import OwnBuilds
from quaymaster.actions.call import Call, Project
from quaymaster.actions.candidates import candidate_builds
from quaymaster.actions.decisions.follow_up import WORKFLOW
from quaymaster.actions.decisions.orchestrate import deciding, happen_within
from quaymaster.actions.definitions import artifact_access
from quaymaster.actions.people.people import digest
from quaymaster.actions.ports.workflows import (
    CallBack,
    FarRun,
    Order,
    Sighting,
    WorkflowPutOff,
    WorkflowRefused,
    WorkflowService,
    WorkflowUnclear,
)
from quaymaster.domain.changes import DeploymentReported
from quaymaster.domain.release import ReleaseId, StageId
from quaymaster.domain.release_versions import version_of
from quaymaster.domain.reports import SILENCE
from quaymaster.domain.statuses import ReportedStatus
from quaymaster.domain.workflows import TITLES, Method, Provided, filled
from quaymaster.protocol.job import Endpoint
from quaymaster.store.candidates import workflow_runs as rows
from quaymaster.store.candidates.workflow_runs import RunState, WorkflowRun
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.queue import Wakeup, enqueue
from quaymaster.store.releases import releases
from quaymaster.store.storage.vault import VaultError

LEASE = timedelta(minutes=2)  # longer than all calls of one look may take
SETTLES = LEASE  # until then a service that was asked may yet begin the run, or list it
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=3), timedelta(minutes=1)
LONGEST_BACK_OFF = timedelta(minutes=10)
TELL_AGAIN = timedelta(minutes=20)  # of what runs: news well before an hour of silence
CALL_BACKS = "/api/v1/workflow-runs"
SILENT = "Nobody told how the build stands for 60 minutes."
NOT_KNOWN = (
    "{title} may have been asked already, and nobody can tell whether the run was begun. Look "
    "there, and deploy or build again if it was not."
)
LOOKED_FOR = "It may have begun the run: for two minutes that is looked for and waited for."
LONGEST_PROBLEM = 1000


@dataclass(frozen=True, slots=True)
class News:
    """What a look came to: the state to keep, what is new of the run, and when to look again."""

    state: RunState
    run: FarRun | None = None
    status: ReportedStatus | None = None
    problem: str = ""
    again: timedelta | None = None
    asked_to_stop: bool = False


async def look(call: Call, number: int) -> bool:
    """Do what is due with one run; False when nothing is, or when somebody else does it.

    Safe to call at any time and from several workers.
    """
    if not call.installation.outside.workflows:
        return False
    async with call.database.transaction() as connection:
        run = await rows.claim(connection, number, call.now, call.now + LEASE)
    if run is None:
        return False
    news = await _news(call, run)
    await _kept(replace(call, now=datetime.now(UTC)), run, news)
    return True


async def _news(call: Call, run: WorkflowRun) -> News:
    """What a look comes to. Silence counts only once whoever can be asked was asked: nobody has
    looked for that long while the server was down."""
    service = _service(call, run)
    can_tell = service.is_watched or run.state is RunState.UNSENT
    if can_tell or not _is_silent(call, run):
        news = await _looked(call, run, service)
        is_over = news.state is RunState.ENDED
        if is_over or _is_heard(call, run, news) or not _is_silent(call, run):
            return news
    problem = SILENT + await _canceled_unheard(call, run, service)
    return News(RunState.ENDED, status=ReportedStatus.ERROR, problem=problem)


async def _looked(call: Call, run: WorkflowRun, service: WorkflowService) -> News:
    since = run.over_since or run.asked_at
    if run.is_over and since and call.now - since >= SILENCE:
        return News(RunState.ENDED)
    try:
        order = await _order(call, run)
        if run.state is RunState.UNSENT:
            return await _begun(call, run, order, service)
        if not run.run_id and service.is_watched:
            return await _sought(call, run, order, service)
        if run.state is RunState.SENDING and not service.is_watched:
            return await _sought(call, run, order, service)
        return await _watched(run, order, service)
    except WorkflowRefused as refused:
        if run.state is RunState.SENT or run.run_id:
            return News(RunState.SENT, problem=str(refused), again=LONGEST_PAUSE)
        said = [str(refused), *([_not_known(run)] if run.state is RunState.SENDING else [])]
        return News(RunState.ENDED, status=ReportedStatus.ERROR, problem=" ".join(said))
    except WorkflowPutOff as later:
        return News(run.state, problem=str(later), again=later.after or _pause(call, run))


def _service(call: Call, run: WorkflowRun) -> WorkflowService:
    if run.workflow.method is Method.OWN:
        return OwnBuilds(replace(call, project=Project(str(run.project_id), "", "")))
    return call.installation.outside.workflows[run.workflow.method]


def _is_silent(call: Call, run: WorkflowRun) -> bool:
    """A build is given up here; a deployment by the engine, which knows of other reports too."""
    return run.deployment_id is None and call.now - run.told_at >= SILENCE


async def _canceled_unheard(call: Call, run: WorkflowRun, service: WorkflowService) -> str:
    """Stop what may still be at work although nobody hears of it; what to say if that failed."""
    if not run.run_id:
        return ""
    try:
        await service.cancel(await _order(call, run), run.run_id)
    except (WorkflowRefused, WorkflowPutOff) as error:
        return f" Its run could not be canceled: {error}"
    return ""


# ---- beginning ------------------------------------------------------------------------------


async def _begun(call: Call, run: WorkflowRun, order: Order, service: WorkflowService) -> News:
    """Ask for the run, unless it is to stop before it began."""
    if run.cancel_wanted:
        return News(RunState.ENDED, status=ReportedStatus.CANCELED)
    token = secrets.token_urlsafe(32)
    if not service.is_watched:
        base = call.installation.url
        order = replace(order, call_back=CallBack(f"{base}{CALL_BACKS}/{run.id}", token))
    async with call.database.transaction() as connection:
        if not await rows.still_held(connection, run):
            return News(run.state)
        await rows.sending(connection, run.id, digest(token), call.now)
    try:
        found = await service.begin(order)
    except WorkflowPutOff as later:
        again = later.after or _back_off(run.attempts)
        return News(RunState.UNSENT, problem=str(later), again=again)
    except WorkflowUnclear as unclear:
        problem = f"{unclear} {LOOKED_FOR}"
        return News(RunState.SENDING, problem=problem, again=_back_off(run.attempts))
    return News(RunState.SENT, found, again=FIRST_PAUSE if service.is_watched else None)


async def _sought(call: Call, run: WorkflowRun, order: Order, service: WorkflowService) -> News:
    """Look for a run whose id is not known, and that may not have been begun at all.

    That there is none counts only once the service has had the time to begin what it was asked
    for, or to tell of it.
    """
    found = await service.find(order)
    if isinstance(found, FarRun):
        return News(RunState.SENT, found, found.status, found.problem, again=timedelta(0))
    if run.state is RunState.SENT:
        return News(RunState.SENT, again=_pause_after(run.asked_at or run.created_at))
    is_open = service.is_watched or found is Sighting.UNCLEAR
    if is_open and run.asked_at and call.now - run.asked_at < SETTLES:
        stops = not service.is_watched and run.cancel_wanted and run.cancel_asked_at is None
        if stops:  # whoever may be at work on it knows its key
            await service.cancel(order, run.run_id)
        again = _pause(call, run)
        return News(run.state, problem=run.problem, again=again, asked_to_stop=stops)
    if run.cancel_wanted and found is Sighting.NOTHING:
        return News(RunState.ENDED, status=ReportedStatus.CANCELED)
    if found is Sighting.NOTHING:
        return News(RunState.UNSENT, problem=run.problem, again=timedelta(0))
    return News(RunState.ENDED, status=ReportedStatus.ERROR, problem=_not_known(run))


def _not_known(run: WorkflowRun) -> str:
    return NOT_KNOWN.format(title=TITLES[run.workflow.method])


# ---- watching -------------------------------------------------------------------------------


async def _watched(run: WorkflowRun, order: Order, service: WorkflowService) -> News:
    """Ask how the run stands, after asking it to stop where that is wanted."""
    stops = run.cancel_wanted and run.cancel_asked_at is None
    if stops:
        await service.cancel(order, run.run_id)
    if not service.is_watched:
        ended = run.is_over and (stops or run.cancel_asked_at is not None)
        return News(RunState.ENDED if ended else RunState.SENT, asked_to_stop=stops)
    found = await service.state(order, run.run_id)
    is_done = not found.status.is_active or (run.is_over and stops)
    return News(
        RunState.ENDED if is_done else RunState.SENT,
        found,
        found.status,
        found.problem,
        None if is_done else _pause_after(run.asked_at or run.created_at),
        stops,
    )


def _pause(call: Call, run: WorkflowRun) -> timedelta:
    return _pause_after(run.asked_at or run.created_at, call.now)


def _pause_after(since: datetime, now: datetime | None = None) -> timedelta:
    """A tenth of how long it has been under way: short runs are seen to end soon."""
    return min(max(((now or datetime.now(UTC)) - since) / 10, FIRST_PAUSE), LONGEST_PAUSE)


def _back_off(attempts: int) -> timedelta:
    return min(5 * timedelta(seconds=2 ** min(attempts, 10)), LONGEST_BACK_OFF)


# ---- what is asked for ----------------------------------------------------------------------


async def _order(call: Call, run: WorkflowRun) -> Order:
    facts = _facts(run)
    where = f" to {run.environment}" if run.environment else ""
    return Order(
        key=str(run.key),
        number=facts[Provided.RUN],
        title=f"{'Deploy' if where else 'Build'} {run.definition_name} {run.release_name}{where}",
        workflow=run.workflow,
        inputs=filled(run.workflow, facts),
        commit=run.commit,
        repository=run.repository,
        connection=await _connection(call, run),
        asked_at=run.asked_at,
    )


def _facts(run: WorkflowRun) -> Mapping[Provided, str]:
    return {
        Provided.RUN: str(run.deployment_id or run.release_id),
        Provided.COMMIT: run.commit,
        Provided.CANDIDATE: run.release_name,
        Provided.VERSION: version_of(run.release_name),
        Provided.ENVIRONMENT: run.environment,
        Provided.REPOSITORY: run.repository,
        Provided.PROJECT: run.definition_name,
        Provided.KEY: str(run.key),
    }


async def _connection(call: Call, run: WorkflowRun) -> Endpoint | None:
    """The opened service connection; its author was allowed to use it when it was named."""
    word = run.workflow.connection
    if not word:
        return None
    try:
        async with call.database.read() as connection:
            found = await artifact_access.opened(
                connection, call, run.project_id, [{"connection": word}]
            )
    except VaultError as error:
        raise WorkflowPutOff(f"The service connection {word} cannot be opened: {error}") from error
    if word.casefold() not in found:
        raise WorkflowRefused(f"The project has no service connection {word}. Add it again.")
    return found[word.casefold()]


# ---- keeping and telling --------------------------------------------------------------------


async def _kept(call: Call, run: WorkflowRun, news: News) -> None:
    """Keep what a look came to and tell the release, in one transaction: the release is locked
    before the row, as everywhere. A claim that ran out says nothing."""
    async with deciding(call) as connection:
        await releases.locked(connection, ReleaseId(run.release_id))
        if not await rows.still_held(connection, run):
            return
        fresh = await rows.get(connection, run.id)
        if fresh is None:
            return
        found = news.run or FarRun()
        told_at = call.now if _is_heard(call, fresh, news) else fresh.told_at
        after = replace(
            fresh,
            state=news.state,
            run_id=fresh.run_id or found.id,
            url=found.url or fresh.url,
            logs_url=found.logs_url or fresh.logs_url,
            problem=news.problem[:LONGEST_PROBLEM],
            cancel_wanted=run.cancel_wanted,
            cancel_asked_at=call.now if news.asked_to_stop else fresh.cancel_asked_at,
            told_at=told_at,
            due_at=_due_at(call, replace(fresh, told_at=told_at), news),
        )
        is_news = news.status is not None and _is_news(call, fresh, news.status)
        if is_news and news.status:
            after = replace(after, status=news.status)
        await rows.keep(connection, after)
        if news.again is not None:
            await enqueue(connection, [Wakeup(WORKFLOW, {"id": run.id}, news.again)])
        if is_news and news.status:
            await tell(connection, call, after, news.status)


def _due_at(call: Call, run: WorkflowRun, news: News) -> datetime | None:
    if news.state is RunState.ENDED:
        return None
    return call.now + news.again if news.again is not None else due_after_news(run.told_at, run)


def due_after_news(at: datetime, run: WorkflowRun) -> datetime | None:
    """When a run that nobody can ask is looked at again: a build that is silent for an hour is
    given up here, a deployment by the engine."""
    return at + SILENCE if run.deployment_id is None else None


def _is_heard(call: Call, run: WorkflowRun, news: News) -> bool:
    """Whether a look has told anything: that the run was begun, which it is, or how it stands."""
    if news.state is RunState.SENT and run.state is not RunState.SENT:
        return True
    if news.run is not None and news.run.id not in ("", run.run_id):
        return True
    return news.status is not None and _is_news(call, run, news.status)


def _is_news(call: Call, run: WorkflowRun, status: ReportedStatus) -> bool:
    if run.is_over:
        return False
    runs = status is ReportedStatus.IN_PROGRESS
    return status is not run.status or (runs and call.now - run.told_at >= TELL_AGAIN)


async def tell(
    connection: Connection, call: Call, run: WorkflowRun, status: ReportedStatus
) -> None:
    """Have the deployment, or the build of the candidate, stand as its run does."""
    if run.stage_id is None:
        await candidate_builds.told(connection, call, run, status)
        return
    problem = "" if status is ReportedStatus.SUCCEEDED else run.problem
    event = DeploymentReported(StageId(run.stage_id), call.by, status, problem)
    await happen_within(connection, call, ReleaseId(run.release_id), event)

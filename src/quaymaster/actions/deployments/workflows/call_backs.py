"""What workflows tell of themselves, and stopping a deployment that one does (AVIATOR 1, 7)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from quaymaster.actions.call import Call, Installation
from quaymaster.actions.decisions.follow_up import WORKFLOW
from quaymaster.actions.decisions.orchestrate import deciding
from quaymaster.actions.deployments.workflows import runs
from quaymaster.actions.people.people import digest
from quaymaster.actions.resources import connections
from quaymaster.domain.access import Permission, definition_token, stage_token
from quaymaster.domain.errors import Conflict, NotFound
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.statuses import ReportedStatus
from quaymaster.domain.workflows import Method
from quaymaster.store.candidates import workflow_runs as rows
from quaymaster.store.candidates.workflow_runs import RunState, WorkflowRun
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.queue import Wakeup, enqueue
from quaymaster.store.releases import releases
from quaymaster.store.storage.vault import VaultError

WEBHOOK_TOKEN = "webhookToken"  # noqa: S105 - where it stands in a service connection


@dataclass(frozen=True, slots=True)
class Told:
    """How a run stands, by its own word."""

    status: ReportedStatus
    problem: str = ""
    url: str = ""
    logs_url: str = ""
    run_id: str = ""


# ---- which run it is ------------------------------------------------------------------------


async def deployment_runs_as(call: Call, deployment: int, run_id: str) -> WorkflowRun:
    """The workflow of a deployment tells its number, so that it can be looked at.

    Told again it changes nothing. Raises NotFound, Forbidden (manage deployments), Conflict when
    it is known under another number.
    """
    async with call.database.transaction() as connection:
        return await _bound(
            connection, call, await rows.of_deployment(connection, deployment), run_id
        )


async def build_runs_as(call: Call, release: int, run_id: str) -> WorkflowRun:
    """The same of the build of a candidate; Forbidden (create releases)."""
    async with call.database.transaction() as connection:
        return await _bound(connection, call, await rows.of_build(connection, release), run_id)


async def _bound(
    connection: Connection, call: Call, run: WorkflowRun | None, run_id: str
) -> WorkflowRun:
    if run is None or call.caller is None or not call.caller.sees(str(run.project_id)):
        raise NotFound("deployment", run_id)
    _require(call, run)
    if run.run_id not in ("", run_id):
        raise Conflict(f"This is done by the run {run.run_id} already.")
    await rows.look_now(connection, run.id, call.now, run_id)
    await enqueue(connection, [Wakeup(WORKFLOW, {"id": run.id})])
    return replace(run, run_id=run_id)


def _require(call: Call, run: WorkflowRun) -> None:
    project, number = str(run.project_id), run.definition_id
    if run.definition_stage_id is None:
        token = definition_token(project, run.path, number)
        call.require(Permission.CREATE_RELEASES, token, run.definition_name)
    else:
        token = stage_token(project, run.path, number, run.definition_stage_id)
        call.require(Permission.MANAGE_DEPLOYMENTS, token, run.environment)


async def look_at_build(
    installation: Installation, run_id: str, url: str, is_right: Callable[[str], bool]
) -> bool | None:
    """A build service tells that a build has moved on: have it looked at.

    False for a build that nobody waits for; None when the token is not that of the connection.
    """
    call = Call(installation)
    async with call.database.transaction() as connection:
        known = await rows.of_run_id(connection, Method.BUILDKITE, run_id)
        found = [run for run in known if f"/{_place(run)}/builds/" in f"{url}/"]
        if not found:
            return False
        right = [run for run in found if await _has_token(connection, call, run, is_right)]
        for run in right:
            await rows.look_now(connection, run.id, call.now)
        await enqueue(connection, [Wakeup(WORKFLOW, {"id": run.id}) for run in right])
        return True if right else None


def _place(run: WorkflowRun) -> str:
    organization, _, pipeline = run.workflow.target.partition("/")
    return f"organizations/{organization}/pipelines/{pipeline}"


async def _has_token(
    connection: Connection, call: Call, run: WorkflowRun, is_right: Callable[[str], bool]
) -> bool:
    word = run.workflow.connection
    try:
        found = await connections.resolve(connection, call.vault, run.project_id, [word])
    except VaultError:
        return False
    known = found.get(word.casefold())
    token = known.datum(WEBHOOK_TOKEN) if known else ""
    return bool(token) and is_right(token)


# ---- how it stands --------------------------------------------------------------------------


async def told(installation: Installation, number: int, token: str, news: Told) -> WorkflowRun:
    """Whoever was asked tells how the run stands. After its end nothing changes any more.

    Raises NotFound for a token that is not this run's.
    """
    call = Call(installation)
    async with deciding(call) as connection:
        run = await rows.of_token(connection, number, digest(token))
        if run is None:
            raise NotFound("workflow run", number)
        await releases.locked(connection, ReleaseId(run.release_id))
        run = await rows.locked(connection, number)
        if run.state is RunState.ENDED or run.is_over:
            return run
        is_done = not news.status.is_active
        after = replace(
            run,
            state=RunState.ENDED if is_done else RunState.SENT,
            status=news.status,
            run_id=run.run_id or news.run_id,
            url=news.url or run.url,
            logs_url=news.logs_url or run.logs_url,
            problem=news.problem[: runs.LONGEST_PROBLEM],
            told_at=call.now,
            due_at=None if is_done else _due_at(call, run),
        )
        await rows.keep(connection, after)
        if after.due_at == call.now:
            await enqueue(connection, [Wakeup(WORKFLOW, {"id": run.id})])
        await runs.tell(connection, call, after, news.status)
        return after


def _due_at(call: Call, run: WorkflowRun) -> datetime | None:
    """At once while it has yet to be told to stop: the look that was to do that may have come upon
    one that is asking still, and this news takes the run from that one."""
    if run.cancel_wanted and run.cancel_asked_at is None:
        return call.now
    return runs.due_after_news(call.now, run)


async def of_deployment(call: Call, deployment: int) -> WorkflowRun | None:
    """The run that does a deployment which the caller may see."""
    async with call.database.read() as connection:
        return await rows.of_deployment(connection, deployment)

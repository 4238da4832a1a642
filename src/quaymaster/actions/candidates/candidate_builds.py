"""Builds of release candidates, done by a workflow outside (AVIATOR 4)."""

from collections.abc import Mapping
from typing import Any

from quaymaster.actions.call import Call
from quaymaster.actions.candidates import automatic_deployments, news
from quaymaster.actions.decisions.follow_up import WORKFLOW
from quaymaster.actions.repositories.repositories import BUILD_METHOD
from quaymaster.domain import workflows
from quaymaster.domain.announcements import Happening
from quaymaster.domain.errors import Refused
from quaymaster.domain.record import Entry
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.statuses import ReportedStatus
from quaymaster.domain.workflows import Workflow
from quaymaster.store.candidates import candidates, workflow_runs
from quaymaster.store.candidates.workflow_runs import WorkflowRun
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.queue import Wakeup, enqueue
from quaymaster.store.releases import history

NO_WORKFLOW = "no build workflow"


def workflow_of(settings: Mapping[str, Any]) -> Workflow:
    """The workflow that builds, by a definition's settings; Refused of the kind "no build
    workflow" without one."""
    workflow = workflows.read(settings.get(BUILD_METHOD) or {})
    if workflow is None:
        raise Refused("No workflow builds the candidates of this project.", NO_WORKFLOW)
    return workflow


def is_configured(settings: Mapping[str, Any]) -> bool:
    """Whether a workflow builds the candidates of a definition."""
    return workflows.read(settings.get(BUILD_METHOD) or {}) is not None


async def begin(connection: Connection, call: Call, release: ReleaseId, workflow: Workflow) -> None:
    """Have the candidate built: it is not ready until the workflow has succeeded."""
    await candidates.set_build(connection, release, ReportedStatus.PENDING, call.now)
    queued = await workflow_runs.queue(connection, release, [(None, workflow)], call.now)
    await enqueue(connection, [Wakeup(WORKFLOW, {"id": number}) for number in queued])


async def told(
    connection: Connection, call: Call, run: WorkflowRun, status: ReportedStatus
) -> None:
    """The build of a candidate stands so by now."""
    release = ReleaseId(run.release_id)
    await candidates.set_build(
        connection, release, status, call.now, problem=run.problem, url=run.url, run_id=run.run_id
    )
    if not status.is_active:
        entry = Entry("BuildReported", call.by, None, comment=f"{status} {run.problem}".strip())
        await history.append(connection, release, call.now, [entry])
        await news.tell(connection, Happening.CANDIDATE_BUILT, release, status, call.now)
        await automatic_deployments.look(connection, release)

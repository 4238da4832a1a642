"""How an environment is deployed to, written into its definition (AVIATOR 1, 9)."""

from typing import Any

from quaymaster.actions.builds import own_runs
from quaymaster.actions.call import Call
from quaymaster.actions.resources import connections
from quaymaster.domain.errors import Invalid
from quaymaster.domain.workflows import Method, Workflow
from quaymaster.plans import repository_document
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import pools

Document = dict[str, Any]


async def check(connection: Connection, call: Call, workflow: Workflow | None) -> None:
    """Whether the service connection of a method is there and the caller may use it.

    Raises Invalid, Forbidden.
    """
    if workflow is None or not workflow.connection:
        return
    if not await connections.check_use(connection, call, [workflow.connection]):
        raise Invalid(
            f"The project {call.project.name if call.project else ''} has no service connection "
            f"{workflow.connection!r}. Add it, or name another one."
        )


async def check_build(connection: Connection, call: Call, workflow: Workflow | None) -> None:
    """The same of what builds candidates, which may be a build definition of ours."""
    await check(connection, call, workflow)
    if workflow and workflow.method is Method.OWN:
        await own_runs.check(connection, call, workflow)


async def phases(connection: Connection, call: Call, workflow: Workflow | None) -> list[Document]:
    """The phases of a stage that is deployed by this method; none for one of our own without a
    script, whose phases are those that the stage has. Raises Invalid, Forbidden."""
    await check(connection, call, workflow)
    if workflow is None:
        return [repository_document.outside_phase()]
    if workflow.method is not Method.OWN:
        return [repository_document.workflow_phase(workflow)]
    if not workflow.target.strip():
        return []
    return [repository_document.own_phase(workflow.target, await _queue(connection, call))]


def kept(stage: Document, wanted: list[Document]) -> list[Document]:
    """The phases that the stage is to have. Raises Invalid when it would do nothing."""
    if not wanted and repository_document.is_done_outside(stage):
        raise Invalid(
            "Give a script, or give the stage phases of its own in the definition first: one "
            "without any would count as deployed although nothing was done."
        )
    return wanted or list(stage["deployPhases"])


async def _queue(connection: Connection, call: Call) -> int:
    """The queue of the project's oldest pool."""
    project = call.project_id
    found = await pools.queues(connection, project) if project else []
    return found[0].id if found else 0

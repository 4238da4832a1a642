"""Our own builds as a service that builds candidates: a run is a build of a definition (AVIATOR 1).

A definition queues one build for an order, whatever becomes of whoever asked (23.3).
"""

from dataclasses import replace

from quaymaster.actions.builds import builds, queueing
from quaymaster.actions.builds.definitions import build_definitions
from quaymaster.actions.builds.queueing import BuildRequest
from quaymaster.actions.call import Call
from quaymaster.actions.ports.workflows import FarRun, Order, Sighting, WorkflowRefused
from quaymaster.domain.build import BuildResult, BuildStatus
from quaymaster.domain.build_access import BuildPermission
from quaymaster.domain.errors import DomainError, Invalid, NotFound, Refused
from quaymaster.domain.statuses import ReportedStatus
from quaymaster.domain.workflows import Workflow
from quaymaster.store.postgres.database import Connection
from quaymaster.store.triggers import build_triggers

ENDED = {
    BuildResult.SUCCEEDED: ReportedStatus.SUCCEEDED,
    BuildResult.PARTIALLY_SUCCEEDED: ReportedStatus.SUCCEEDED,
    BuildResult.FAILED: ReportedStatus.FAILED,
    BuildResult.CANCELED: ReportedStatus.CANCELED,
}
UNDER_WAY = {
    BuildStatus.IN_PROGRESS: ReportedStatus.IN_PROGRESS,
    BuildStatus.CANCELLING: ReportedStatus.CANCELING,
}


class OwnBuilds:
    """The `WorkflowService` of this installation; `call` is inside the project of the order."""

    is_watched = True

    def __init__(self, call: Call) -> None:
        self._call = replace(call, caller=None)

    async def begin(self, order: Order) -> FarRun:
        """Queue the build of the order's commit, once."""
        request = BuildRequest(
            int(order.workflow.target),
            source_branch=order.workflow.ref,
            source_version=order.commit,
            trigger_info=order.inputs,
            once=_key(order),
        )
        try:
            made = await queueing.queue_once(self._call, request)
        except DomainError as error:
            raise WorkflowRefused(str(error)) from error
        return FarRun(str(made)) if made is not None else await self._found(order)

    async def find(self, order: Order) -> FarRun | Sighting:
        """The build that was queued for the order."""
        async with self._call.database.read() as connection:
            number = await build_triggers.build_of(
                connection, int(order.workflow.target), _key(order)
            )
        return Sighting.NOTHING if number is None else await self.state(order, str(number))

    async def _found(self, order: Order) -> FarRun:
        found = await self.find(order)
        return found if isinstance(found, FarRun) else FarRun()

    async def state(self, _order: Order, run_id: str) -> FarRun:
        """How the build stands."""
        try:
            found = await builds.get(self._call, int(run_id), deleted=True)
        except NotFound as error:
            raise WorkflowRefused(f"The build {run_id} is gone.") from error
        if found.result:
            status = ENDED[BuildResult(found.result)]
        else:
            status = UNDER_WAY.get(BuildStatus(found.status), ReportedStatus.PENDING)
        problem = "The build failed." if status is ReportedStatus.FAILED else ""
        return FarRun(run_id, status=status, problem=problem)

    async def cancel(self, _order: Order, run_id: str) -> None:
        """Cancel the build, if it has not ended."""
        try:
            await builds.cancel(self._call, int(run_id))
        except Refused:
            return  # it has ended
        except DomainError as error:
            raise WorkflowRefused(str(error)) from error


def _key(order: Order) -> str:
    return f"candidate:{order.key}"


async def check(connection: Connection, call: Call, workflow: Workflow) -> None:
    """Whether the build definition is there and the caller may queue it. Raises Invalid,
    Forbidden."""
    try:
        found = await build_definitions.found(connection, call, int(workflow.target))
    except NotFound as error:
        raise Invalid(
            f"The project has no build definition with the id {workflow.target}."
        ) from error
    build_definitions.require(call, found, BuildPermission.QUEUE_BUILDS)

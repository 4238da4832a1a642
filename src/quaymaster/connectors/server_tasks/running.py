"""Carries out server tasks by their id; what cannot be run fails with a sentence that names it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from quaymaster.actions.ports.outside import (
    InstalledTasks,
    ServerTask,
    ServerTaskEnd,
    Unreachable,
    WebClient,
)
from quaymaster.connectors.server_tasks import (
    azure_function,
    azure_monitor,
    installed_requests,
    invoke_rest_api,
    query_work_items,
    service_bus,
)
from quaymaster.connectors.server_tasks.asking import Asking, CannotRun
from quaymaster.domain.connections import secret_values
from quaymaster.domain.ordinal import IgnoreCase
from quaymaster.domain.variable_expansion import expand
from quaymaster.domain.variables import expand_input
from quaymaster.plans.call_backs import waits
from quaymaster.plans.features import (
    AZURE_FUNCTION,
    AZURE_MONITOR,
    INVOKE_REST_API,
    QUERY_WORK_ITEMS,
    SERVER_TASKS,
    SERVICE_BUS,
    can_run,
)
from quaymaster.plans.server_executions import ServerExecution
from quaymaster.runner.masking import Masker

Run = Callable[[Asking], Awaitable[str]]
Pause = Callable[[float], Awaitable[None]]
MOST_RETRIES = 10

TASKS: Mapping[str, Run] = {
    INVOKE_REST_API: invoke_rest_api.run,
    AZURE_FUNCTION: azure_function.run,
    QUERY_WORK_ITEMS: query_work_items.run,
    SERVICE_BUS: service_bus.run,
    AZURE_MONITOR: azure_monitor.run,
}


class WebTasks:
    """The server tasks that ask the outside through one guarded client."""

    def __init__(
        self,
        client: WebClient,
        pause: Pause = asyncio.sleep,
        installed: InstalledTasks | None = None,
    ) -> None:
        """`pause` waits for a number of seconds between two attempts."""
        self._client = client
        self._pause = pause
        self._installed = installed

    async def run(self, task: ServerTask) -> ServerTaskEnd:
        """Run the task to its end, with every secret masked in what is told of it."""
        masker = Masker()
        variables = expand(task.variables).variables
        for secret in (*task.variables.secrets(), *variables.secrets()):
            masker.add(secret)
        for endpoint in task.connections:
            for secret in secret_values(endpoint.parameters, endpoint.data):
                masker.add(secret)
        texts = variables.texts()
        execution = self._execution(task)
        given = execution.inputs(task.inputs) if execution else task.inputs
        inputs = IgnoreCase({n: expand_input(v, texts) for n, v in given.items()})
        is_asked_to_wait = waits(task.task_id, inputs, execution)
        asking = Asking(task, inputs, self._client, masker, is_asked_to_wait, execution)
        problem = await self._tried(asking)
        is_waiting = asking.waits and not problem
        if is_waiting:
            asking.lines.append("The service was asked and is to report how it went.")
        shown = tuple(masker.mask("\n".join(asking.lines)).split("\n"))
        return ServerTaskEnd(not problem, masker.mask(problem), shown, is_waiting)

    def _execution(self, task: ServerTask) -> ServerExecution | None:
        if self._installed is None:
            return None
        return self._installed.server_execution(task.task_id, task.version)

    async def _tried(self, asking: Asking) -> str:
        """Try it, and after a failure again as often as asked (SEMANTICS 13.11)."""
        retries = max(0, min(asking.task.retry_count, MOST_RETRIES))
        for attempt in range(retries):
            problem, is_final = await _problem(asking)
            if not problem or is_final:
                return problem
            seconds = (attempt + 1) ** 2
            asking.lines.append(f"The task failed; it is tried again in {seconds} seconds.")
            await self._pause(seconds)
        return (await _problem(asking))[0]


async def _problem(asking: Asking) -> tuple[str, bool]:
    """Why the task failed, empty when it succeeded; and whether it could not be run at all."""
    try:
        return await _task(asking)(asking), False
    except Unreachable as error:
        asking.lines.append(str(error))
        return str(error), False
    except CannotRun as error:
        asking.lines.append(str(error))
        return str(error), True


def _task(asking: Asking) -> Run:
    task = asking.task
    known = TASKS.get(task.task_id.lower())
    if asking.execution is not None:
        return installed_requests.run
    if known is None:
        raise CannotRun(
            f"Task {task.name} ({task.task_id}) cannot be run without an agent here; of the tasks "
            "that need none, Invoke REST API, Azure Function, Query Work Items, Azure Monitor "
            "alerts, Publish to Azure Service Bus, Delay, Manual intervention and installed tasks "
            "with an HttpRequest can."
        )
    if not can_run(SERVER_TASKS, task.task_id, task.version):
        majors = " and ".join(f"{major}.*" for major in sorted(SERVER_TASKS[task.task_id.lower()]))
        raise CannotRun(
            f"Task {task.name} ({task.task_id}) cannot be run in version {task.version}; choose "
            f"version {majors}."
        )
    return known

"""A service that a task asks and that reports later: what it was told, and its reports."""

import json
from dataclasses import dataclass
from typing import Any

import httpx

from quaymaster.domain.plan import TaskPlan
from quaymaster.domain.release import JobKind, ReleaseId
from quaymaster.plans.features import INVOKE_REST_API
from tests.apis.azure.server import Server
from tests.server.waiting import eventually
from tests.worker.world import World

BODY = json.dumps(
    {
        "hub": "$(system.HostType)",
        "plan": "$(system.PlanId)",
        "job": "$(system.JobId)",
        "timeline": "$(system.TimelineId)",
        "task": "$(system.TaskInstanceId)",
        "project": "$(system.TeamProjectId)",
        "token": "$(system.AuthToken)",
    }
)


def waits(url: str, name: str = "Ask", **changes: Any) -> TaskPlan:
    inputs = {"serviceConnection": url, "body": BODY, "waitForCompletion": "true"}
    return TaskPlan(INVOKE_REST_API, "1.*", name, inputs=inputs, **changes)


@dataclass(frozen=True, slots=True)
class Service:
    """What was asked of the far side, and ways to report on it."""

    server: Server
    told: dict[str, str]

    @property
    def plan(self) -> str:
        told = self.told
        return (
            f"/default/{told['project']}/_apis/distributedtask/hubs/{told['hub']}"
            f"/plans/{told['plan']}"
        )

    async def post(self, path: str, *, token: str = "", **more: Any) -> httpx.Response:
        used = token or self.told["token"]
        return await self.server.ask("POST", f"{self.plan}/{path}", token=used, **more)

    async def completes(self, result: object = "succeeded", **more: Any) -> int:
        event = {
            "name": "TaskCompleted",
            "jobId": self.told["job"],
            "taskId": self.told["task"],
            "result": result,
        }
        answer = await self.post("events", json={**event, **more})
        return answer.status_code

    async def says(self, text: str) -> int:
        made = (await self.post("logs", json={"path": "logs\\mine"})).json()
        return (await self.post(f"logs/{made['id']}", content=text)).status_code


async def asked(server: Server, far: Any, number: int = 0) -> Service:
    """The service once it has been asked so often."""

    async def was_asked() -> bool:
        return len(far.asked) > number

    await eventually(was_asked, "the service to be asked")
    return Service(server, json.loads(far.asked[number].partition("\r\n\r\n")[2]))


async def awaited(world: World, release: ReleaseId) -> None:
    """Wait until no worker holds the job any more."""

    async def is_awaited() -> bool:
        dev = await world.deployment(release, "Dev")
        return dev is not None and any(job.kind is JobKind.CALL_BACK for job in dev.jobs)

    await eventually(is_awaited, "the job to await its report")


async def until_asked(world: World) -> None:
    async def is_asked() -> bool:
        return await world.execute("SELECT asked_at FROM call_backs") is not None

    await eventually(is_asked, "the service to have been asked")

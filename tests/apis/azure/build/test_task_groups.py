"""Builds use the task groups of their project as releases do (SEMANTICS 13.1)."""

from typing import Any

from quaymaster.store.builds import builds
from tests.apis.azure.build.asking import asked, made, step
from tests.apis.azure.server import Server

GROUPS = "/default/Default/_apis/distributedtask/taskgroups"


async def group(server: Server, script: str, path: str = "", method: str = "POST") -> Any:
    body = {
        "name": "Compile",
        "inputs": [{"name": "what", "defaultValue": "all"}],
        "tasks": [step(script)],
        "version": {"major": 1},
    }
    answer = await server.ask(method, GROUPS + path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def scripts(server: Server, of: Any) -> list[str]:
    """What the tasks of a build queued now would run."""
    build = await asked(server, "POST", "builds", json={"definition": {"id": of["id"]}})
    async with server.database.transaction() as connection:
        found = await builds.locked(connection, build["id"])
    assert found is not None
    return [task.inputs["script"] for job in found.plan.jobs for task in job.work.tasks]


async def test_a_build_takes_a_group_as_it_is_when_it_is_queued(server: Server):
    compiling = await group(server, "make $(what) $(Build.BuildNumber)")
    reference = {"id": compiling["id"], "versionSpec": "1.*", "definitionType": "metaTask"}
    using = step(task=reference, inputs={"what": "docs"})
    web = await made(server, "Web", step("echo first"), using)
    assert await scripts(server, web) == ["echo first", "make docs $(Build.BuildNumber)"]
    await group(server, "ninja $(what)", f"/{compiling['id']}", "PUT")
    assert await scripts(server, web) == ["echo first", "ninja docs"]
    read = await asked(server, "GET", f"definitions/{web['id']}")
    [phase] = read["process"]["phases"]
    assert phase["steps"][1]["task"]["definitionType"] == "metaTask"

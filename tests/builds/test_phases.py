"""Phases without an agent, legs, and outputs of jobs, as they really run (SEMANTICS 12, 20)."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from quaymaster.plans.features import INVOKE_REST_API
from tests.apis.azure.build.asking import step
from tests.builds.conftest import Yard
from tests.connectors.far_side import answering, far_side
from tests.server.waiting import eventually
from tests.worker.reporting_service import BODY
from tests.worker.reporting_service import asked as asked_of

VALIDATION = "2003ad3a-104a-451a-9238-60474ab294e6"
DELAY = "28782b92-5e8e-4458-9751-a71cd1492bae"


def task(task_id: str, name: str, **inputs: str) -> dict[str, Any]:
    return {
        "task": {"id": task_id, "versionSpec": "1.*"},
        "displayName": name,
        "enabled": True,
        "inputs": inputs,
    }


def phase(name: str, *steps: Any, after: str = "", **changes: Any) -> dict[str, Any]:
    waits = {"dependencies": [{"scope": after}]} if after else {}
    return {"name": name, "refName": name, "steps": list(steps), **waits, **changes}


async def test_outputs_go_to_later_jobs_and_secret_ones_stay_secret(yard: Yard):
    await yard.world.worker()
    say = {
        **step(
            'echo "##vso[task.setvariable variable=color;isOutput=true]blue"\n'
            'echo "##vso[task.setvariable variable=key;isOutput=true;isSecret=true]tiger99"'
        ),
        "refName": "say",
    }
    reads = step('test "$(color)/$KEY" = blue/tiger99 && echo "got $(color) $KEY $(loud)"')
    reads["environment"] = {"KEY": "$(key)"}
    variables = {
        "color": {"value": "$[ dependencies.Say.outputs['say.color'] ]"},
        "key": {"value": "$[ dependencies.Say.outputs['say.key'] ]"},
        "loud": {"value": "$[ upper(dependencies.Say.outputs['say.key']) ]"},
    }
    phases = [
        phase("Say", say, target={"type": 1, "executionOptions": {"type": 0}}),
        phase("Read", reads, after="Say", variables=variables),
        phase(
            "Skipped",
            step("exit 1"),
            after="Say",
            condition="eq(dependencies.Say.outputs['say.color'], 'red')",
        ),
    ]
    definition = await yard.define("W", process={"type": 1, "phases": phases}, repository=None)
    build = await yard.ended(await yard.queue(definition))
    jobs = {one["name"]: one["result"] for one in await yard.records(build, "Job")}
    assert jobs == {"Say": "succeeded", "Read": "succeeded", "Skipped": "skipped"}
    logs = await yard.ask("GET", f"builds/{build['id']}/logs")
    texts = [
        str(await yard.ask("GET", f"builds/{build['id']}/logs/{one['id']}"))
        for one in logs["value"]
    ]
    assert any("got blue *** ***" in text for text in texts)
    assert not any("tiger99" in text.lower() for text in texts)


async def test_a_build_asks_a_person_and_multiplies(yard: Yard):
    await yard.world.worker()
    ask = phase(
        "Ask",
        task(DELAY, "Wait", delayForMinutes="0"),
        task(VALIDATION, "Look", instructions="Is $(os) right?", onTimeout="reject"),
        target={"type": 2},
    )
    options = {"type": 1, "multipliers": ["os"], "maxConcurrency": 2, "continueOnError": False}
    legs = phase(
        "Legs",
        step("echo on $(os)"),
        after="Ask",
        target={
            "type": 1,
            "executionOptions": options,
        },
    )
    definition = await yard.define(
        "W",
        process={"type": 1, "phases": [ask, legs]},
        variables={"os": {"value": "lin,mac"}},
        repository=None,
    )
    queued = await yard.queue(definition)
    path = f"builds/{queued['id']}/manualvalidations"
    found: list[Any] = []

    async def asks() -> bool:
        found[:] = (await yard.ask("GET", path))["value"]
        return bool(found)

    await eventually(asks, "the question")
    [one] = found
    assert (one["instructions"], one["status"]) == ("Is lin,mac right?", "pending")
    hour = timedelta(hours=1)  # that is the phase's limit, shorter than the question's
    due, created = (datetime.fromisoformat(one[name]) for name in ("dueOn", "createdOn"))
    assert due - created <= hour
    told = await yard.ask("PATCH", f"{path}/{one['id']}", json={"status": "approved"})
    assert told["status"] == "approved"
    again = await yard.ask("PATCH", f"{path}/{one['id']}", 400, json={"status": "rejected"})
    assert "already approved" in again["message"]
    build = await yard.ended(queued)
    jobs = [(job["name"], job["result"]) for job in await yard.records(build, "Job")]
    assert jobs == [
        ("Ask - Wait", "succeeded"),
        ("Ask - Look", "succeeded"),
        ("Legs lin", "succeeded"),
        ("Legs mac", "succeeded"),
    ]
    assert build["result"] == "succeeded"


@pytest.mark.usefixtures("loopback_is_allowed")
async def test_a_service_is_asked_and_reports_later(yard: Yard) -> None:
    async with far_side(answering("", "202 Accepted")) as far:
        inputs = {"serviceConnection": far.url, "body": BODY, "waitForCompletion": "true"}
        ask = {**task(INVOKE_REST_API, "Ask", **inputs), "refName": "desk"}
        handed = {"got": {"value": "$[ dependencies.Call.outputs['desk.key'] ]"}}
        call = phase("Call", ask, target={"type": 2})
        shows = step('test "$(got)" = of-the-desk && echo "got $(got)"')
        after = phase("Show", shows, after="Call", variables=handed, condition="always()")
        definition = await yard.define(
            "W",
            process={"type": 1, "phases": [call, after]},
            variables={"key": {"value": "hunter2", "isSecret": True}},
            repository=None,
        )
        queued = await yard.queue(definition)
        await yard.world.worker()
        service = await asked_of(yard.server, far)
        assert service.told["hub"] == "build"
        assert await service.says("half way with hunter2") == 200
        outputs = {"key": {"value": "of-the-desk", "isSecret": True}}
        assert await service.completes("succeededWithIssues", outputVariables=outputs) == 204
    build = await yard.ended(queued)
    assert build["result"] == "partiallySucceeded"
    log = await yard.log(build, "Ask")
    assert "half way with ***" in log
    assert "Status 202" in log
    assert service.told["token"] not in log
    shown = [one for one in await yard.records(build, "Job") if one["name"] == "Show"]
    assert [one["result"] for one in shown] == ["succeeded"]
    assert {one["state"] for one in await yard.records(build)} == {"completed"}
    assert await service.completes("failed") == 204  # said twice, it changes nothing
    assert (await yard.ended(queued))["result"] == "partiallySucceeded"

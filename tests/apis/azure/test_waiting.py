"""Manual interventions and gates over the wire (CONTRACT B 15, 29-31; SEMANTICS 10, 21)."""

from dataclasses import replace
from typing import Any

from quaymaster.actions.call import Call
from quaymaster.actions.deployments.gates import asking
from quaymaster.actions.ports.outside import Unreachable, WebAnswer, WebRequest
from quaymaster.connectors.server_tasks.running import WebTasks
from tests.apis.azure.server import Server
from tests.documents import INVOKE_REST_API, definition, gates, phase, stage, task

MANUAL_INTERVENTION = "bcb64569-d51a-4af0-9c01-ea5d05b3b622"
FREE = {"concurrencyCount": 0, "queueDepthCount": 0}


class Nobody:
    """Nothing can be reached."""

    async def ask(self, request: WebRequest) -> WebAnswer:
        raise Unreachable(f"Nobody answers {request.method}.")


async def paused(server: Server) -> tuple[dict[str, Any], str]:
    """A release whose only environment waits for somebody to resume it, and where that is."""
    asks = task(MANUAL_INTERVENTION, "8.*", "Look first", {"instructions": "Look at the site"})
    pause = phase([asks], phaseType="runOnServer")
    made = await server.made(
        "definitions", definition("Web", stage("Dev", deployPhases=[pause], executionPolicy=FREE))
    )
    release = await server.made("releases", {"definitionId": made["id"]})
    return release, f"releases/{release['id']}/manualinterventions"


async def test_an_intervention_is_listed_resumed_and_answered_once(server: Server) -> None:
    release, path = await paused(server)
    (asked,) = (await server.seen(path))["value"]
    assert (asked["name"], asked["status"], asked["instructions"]) == (
        "Look first",
        "pending",
        "Look at the site",
    )
    assert asked["releaseEnvironment"]["name"] == "Dev"
    (step,) = release["environments"][0]["deploySteps"]
    assert step["operationStatus"] == "ManualInterventionPending"
    (inside,) = step["releaseDeployPhases"][0]["manualInterventions"]
    assert inside["id"] == asked["id"]
    reader = await server.user("reader", groups=("Readers",))
    one = f"{path}/{asked['id']}"
    denied = await server.project("PATCH", one, json={"status": "approved"}, token=reader)
    assert denied.status_code == 403
    for wrong in ({"status": "canceled"}, {"status": "bypassed"}, {}, {"status": 99}):
        assert (await server.project("PATCH", one, json=wrong)).status_code == 400
    given = await server.project("PATCH", one, json={"status": 4, "comment": "fine"})
    assert (given.json()["status"], given.json()["comments"]) == ("approved", "fine")
    assert given.json()["approver"]["uniqueName"] == "admin"
    again = await server.project("PATCH", one, json={"status": "rejected"})
    assert again.status_code == 400
    assert (await server.seen(one))["status"] == "approved"
    after = await server.seen(f"releases/{release['id']}")
    assert after["environments"][0]["status"] == "succeeded"


async def test_a_rejected_intervention_rejects_the_environment(server: Server) -> None:
    release, path = await paused(server)
    (asked,) = (await server.seen(path))["value"]
    await server.project("PATCH", f"{path}/{asked['id']}", json={"status": "Rejected"})
    after = await server.seen(f"releases/{release['id']}")
    assert after["environments"][0]["status"] == "rejected"
    assert (await server.project("GET", f"{path}/999")).status_code == 404
    other = await server.project("PATCH", "releases/999/manualinterventions/1", json={"status": 4})
    assert other.status_code == 404


async def test_a_gate_is_ignored_by_name(server: Server) -> None:
    gate = task(INVOKE_REST_API, "1.*", "Ask the monitor", {"serviceConnection": "x"})
    dev = stage("Dev", preDeploymentGates=gates(gate), executionPolicy=FREE)
    made = await server.made("definitions", definition("Web", dev))
    release = await server.made("releases", {"definitionId": made["id"]})
    (step,) = release["environments"][0]["deploySteps"]
    found = step["preDeploymentGates"]
    assert (step["operationStatus"], found["status"]) == ("EvaluatingGates", "pending")
    path = f"gates/{found['id']}"
    unknown = await server.project("PATCH", path, json={"gatesToIgnore": ["Nobody"]})
    assert (unknown.status_code, "Ask the monitor" in unknown.json()["message"]) == (400, True)
    assert (await server.project("PATCH", path, json={"gatesToIgnore": []})).status_code == 400
    assert (
        await server.project("PATCH", "gates/999", json={"gatesToIgnore": ["x"]})
    ).status_code == 404
    ignored = await server.project(
        "PATCH", path, json={"gatesToIgnore": ["Ask the monitor"], "comment": "known"}
    )
    assert [gate["name"] for gate in ignored.json()["ignoredGates"]] == ["Ask the monitor"]


async def test_what_a_gate_answered_is_shown_and_its_log_can_be_read(server: Server) -> None:
    gate = task(INVOKE_REST_API, "1.*", "Ask the monitor", {"serviceConnection": "Monitor"})
    options = {"isEnabled": True, "timeout": 60, "samplingInterval": 5, "stabilizationTime": 0}
    gates = {"id": 0, "gatesOptions": options, "gates": [{"tasks": [gate]}]}
    dev = stage("Dev", preDeploymentGates=gates, executionPolicy=FREE)
    made = await server.made("definitions", definition("Web", dev))
    release = await server.made("releases", {"definitionId": made["id"]})
    environment = release["environments"][0]
    found = environment["deploySteps"][0]["preDeploymentGates"]
    assert (found["status"], found["deploymentJobs"][0]["tasks"]) == ("inProgress", [])
    asked = replace(server.installation.outside, server_tasks=WebTasks(Nobody()))
    assert await asking.ask(Call(replace(server.installation, outside=asked)), found["id"])
    after = (await server.seen(f"releases/{release['id']}"))["environments"][0]
    (sample,) = after["deploySteps"][0]["preDeploymentGates"]["deploymentJobs"]
    (said,) = sample["tasks"]
    assert (sample["job"]["status"], said["status"]) == ("failed", "failed")
    assert "no service connection 'Monitor'" in said["issues"][0]["message"]
    path = f"releases/{release['id']}/environments/{environment['id']}/gates/{found['id']}"
    log = await server.project("GET", f"{path}/tasks/{said['id']}/logs")
    assert log.status_code == 200
    assert "no service connection 'Monitor'" in log.text
    assert (await server.project("GET", f"{path}/tasks/9999/logs")).status_code == 404


async def test_a_queued_deployment_can_be_given_a_priority(server: Server) -> None:
    one_at_a_time = {"concurrencyCount": 1, "queueDepthCount": 0}
    asks = task(MANUAL_INTERVENTION, "8.*", "Look first", {"instructions": "Look"})
    pause = phase([asks], phaseType="runOnServer")
    wanted = stage("Dev", deployPhases=[pause], executionPolicy=one_at_a_time)
    made = await server.made("definitions", definition("Web", wanted))
    held, second, third = [
        await server.made("releases", {"definitionId": made["id"]}) for _ in range(3)
    ]

    def of(release: dict[str, Any]) -> str:
        return f"releases/{release['id']}/environments/{release['environments'][0]['id']}"

    async def place(release: dict[str, Any]) -> str:
        said = await server.seen(f"{of(release)}/explain")
        (queued,) = [one for one in said["reasons"] if one["kind"] == "queue"]
        return str(queued["details"]["place"])

    assert (await place(second), await place(third)) == ("1", "2")
    raised = await server.project("PATCH", of(third), json={"priority": "High"})
    assert raised.status_code == 200, raised.text
    assert (await place(second), await place(third)) == ("2", "1")
    for wrong in ("highest", 7, [], {}):
        assert (
            await server.project("PATCH", of(third), json={"priority": wrong})
        ).status_code == 400
    refused = await server.project("PATCH", of(held), json={"priority": "low"})
    assert refused.status_code == 400
    assert "cannot be given another priority" in refused.json()["message"]
    reader = await server.user("reader", groups=("Readers",))
    denied = await server.project("PATCH", of(third), json={"priority": "low"}, token=reader)
    assert denied.status_code == 403

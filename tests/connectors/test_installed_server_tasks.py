"""Tasks of extensions that need no agent ask what their task.json declares (SEMANTICS 20.3)."""

import json
from pathlib import Path
from typing import Any

import pytest

from quaymaster.actions.ports.outside import ServerTask, ServerTaskEnd
from quaymaster.connectors.installed_tasks import TasksOfThisMachine
from quaymaster.connectors.server_tasks.running import WebTasks
from quaymaster.domain.plan import TaskPlan
from quaymaster.plans.call_backs import may_wait, waits
from quaymaster.protocol.job import Endpoint
from tests.connectors.installed import ID, REQUEST, install
from tests.connectors.test_named_server_tasks import VARIABLES, Outside

DESK = Endpoint(
    id="6f6f2c1e-0000-4000-8000-000000000001",
    name="Desk",
    type="generic",
    url="https://desk.example/api",
    scheme="Token",
    parameters={"apitoken": "t0ken-of-desk"},
)
INPUTS = {"desk": "Desk", "change": "CHG-$(System.PlanId)"}


@pytest.fixture
def here(tmp_path: Path) -> TasksOfThisMachine:
    install(tmp_path)
    return TasksOfThisMachine(tmp_path)


async def run(
    here: TasksOfThisMachine, outside: Outside, version: str = "1.*", **inputs: str
) -> ServerTaskEnd:
    task = ServerTask(ID, version, "Change", {**INPUTS, **inputs}, VARIABLES, (DESK,))
    return await WebTasks(outside, installed=here).run(task)


async def test_its_request_is_the_declared_one_filled_with_inputs_and_variables(
    here: TasksOfThisMachine,
) -> None:
    outside = Outside([(200, {"state": "open"})])
    end = await run(here, outside)
    assert end.succeeded, end.message
    assert not end.is_waiting
    [asked] = outside.asked
    assert (asked.method, asked.url) == ("PUT", "https://desk.example/api/changes/CHG-plan-1")
    assert asked.headers["X-Kind"] == "normal"
    assert asked.headers["Authorization"] == "Bearer t0ken-of-desk"
    assert json.loads(asked.body) == {"plan": "plan-1", "change": "CHG-plan-1"}


async def test_an_input_by_its_alias_wins_over_the_default(here: TasksOfThisMachine) -> None:
    outside = Outside([(200, {"state": "open"})])
    await run(here, outside, sort="urgent")
    assert outside.asked[0].headers["X-Kind"] == "urgent"


async def test_what_an_input_holds_is_filled_in_once(here: TasksOfThisMachine) -> None:
    outside = Outside([(200, {"state": "open"})])
    await run(here, outside, change="$(unknown)$(desk)")
    assert json.loads(outside.asked[0].body)["change"] == "$(unknown)$(desk)"


async def test_its_expression_judges_the_answer(here: TasksOfThisMachine) -> None:
    end = await run(here, Outside([(200, {"state": "closed"})]))
    assert "does not hold" in end.message


async def test_it_waits_to_be_called_back_where_its_input_says_so(
    here: TasksOfThisMachine,
) -> None:
    end = await run(here, Outside([(202, {"state": "closed"})]), waitForAnswer="true")
    assert end.succeeded
    assert end.is_waiting


@pytest.mark.parametrize(
    ("said", "waiting", "maybe"),
    [("true", True, True), ("", False, False), ("no", False, False), ("$(slow)", False, True)],
)
def test_a_token_is_made_for_whatever_may_wait(
    here: TasksOfThisMachine, said: str, waiting: bool, maybe: bool
) -> None:
    execution = here.server_execution(ID, "1.*")
    inputs = {"waitForAnswer": said}
    assert waits(ID, inputs, execution) is waiting
    assert may_wait(ID, inputs, execution) is maybe


async def test_a_failing_answer_fails_it_and_shows_no_secret(here: TasksOfThisMachine) -> None:
    end = await run(here, Outside([(403, "who is t0ken-of-desk?")]))
    assert end.message == "The answer's status is 403."
    assert "t0ken" not in "\n".join(end.evidence)


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"desk": "Nobody"}, "no service connection 'Nobody'"),
        ({"desk": ""}, "without http:// or https://"),
        ({"kind": '"'}, "not a JSON object"),
    ],
)
async def test_what_cannot_be_asked_fails_with_a_sentence(
    here: TasksOfThisMachine, inputs: dict[str, str], told: str
) -> None:
    outside = Outside([(200, "")])
    assert told in (await run(here, outside, **inputs)).message
    assert not outside.asked


@pytest.mark.parametrize("kind", ["ServiceBus", "HttpRequestChain"])
async def test_other_executions_are_refused_by_name(tmp_path: Path, kind: str) -> None:
    install(tmp_path, {kind: REQUEST["HttpRequest"]})
    end = await run(TasksOfThisMachine(tmp_path), Outside([(200, "")]))
    assert f"runs {kind} without an agent" in end.message


async def test_a_version_that_is_not_installed_is_not_run(here: TasksOfThisMachine) -> None:
    end = await run(here, Outside([(200, "")]), version="3.*")
    assert "cannot be run without an agent" in end.message


@pytest.mark.parametrize(
    ("execution", "known"),
    [(REQUEST, {ID: frozenset({"1.2.3"})}), ({"Node20_1": {"target": "task.json"}}, {})],
)
def test_only_requests_are_among_what_runs_without_an_agent(
    tmp_path: Path, execution: dict[str, Any], known: dict[str, frozenset[str]]
) -> None:
    install(tmp_path, execution)
    here = TasksOfThisMachine(tmp_path)
    assert here.server_versions() == known
    assert here.connection_inputs(TaskPlan(ID, "1.*", "Change")) == {"desk"}

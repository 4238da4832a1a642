"""Methods as the contract writes them: what is taken, what is shown, what is refused."""

import pytest

from quaymaster.apis.aviator import methods
from quaymaster.apis.aviator.errors import Problem
from quaymaster.domain import workflows
from quaymaster.domain.workflows import Provided
from tests.apis.aviator.server import Aviator

GOOD = [
    {"type": "github_action", "workflow": "deploy.yml", "ref": "main", "connection": "GitHub"},
    {"type": "buildkite", "workflow": "acme/deploy"},
    {"type": "gitlab", "workflow": "group/part/shop"},
    {"type": "gitlab", "workflow": "42"},
    {"type": "webhook", "workflow": "https://far.example/hook", "repeatable": True},
    {
        "type": "github_action",
        "workflow": "17",
        "parameters": [
            {"key": "region", "value": "eu"},
            {"key": "where", "provided": "release_environment"},
        ],
    },
]
BAD = [
    "github_action",
    {},
    {"type": "jenkins"},
    {"type": "github_action"},
    {"type": "github_action", "workflow": "a/b.yml"},
    {"type": "buildkite", "workflow": "deploy"},
    {"type": "buildkite", "workflow": "acme/deploy/more"},
    {"type": "gitlab", "workflow": "shop"},
    {"type": "webhook", "workflow": "ftp://far.example"},
    {"type": "webhook", "workflow": "https://ann:secret@far.example"},
    {"type": "webhook", "workflow": "https://far.example", "parameters": {}},
    {"type": "webhook", "workflow": "https://far.example", "parameters": [{"key": "a"}]},
    {
        "type": "webhook",
        "workflow": "https://far.example",
        "parameters": [{"key": "", "value": ""}],
    },
    {
        "type": "webhook",
        "workflow": "https://far.example",
        "parameters": [{"key": "a", "provided": "everything"}],
    },
    {"type": "gitlab", "workflow": "a/b", "token": "secret"},
    {"type": "gitlab", "workflow": "a/b", "ref": 5},
    {"type": "definition", "script": 5},
]


@pytest.mark.parametrize("body", GOOD)
@pytest.mark.parametrize("builds", [True, False])
def test_a_method_is_shown_as_it_was_written(body, builds):
    found = methods.method_in(body, "method", builds=builds)
    assert found is not None
    kept = workflows.read(workflows.written(found))
    assert kept == found
    usual = {"ref": "", "connection": "", "parameters": [], "repeatable": False}
    assert methods.shown(kept, builds=builds) == {**usual, **body}


@pytest.mark.parametrize("body", [None, {"type": "not_configured"}])
def test_no_method(body):
    assert methods.method_in(body, "method", builds=False) is None


@pytest.mark.parametrize("body", BAD)
def test_methods_that_make_no_sense(body):
    with pytest.raises(Problem, match="Invalid method") as problem:
        methods.method_in(body, "method", builds=False)
    assert problem.value.status == 400
    assert "secret" not in problem.value.error


def test_of_two_parameters_with_one_key_the_last_wins():
    body = {**GOOD[0], "parameters": [{"key": "aviator_deployment_id", "value": "mine"}]}
    found = methods.method_in(body, "method", builds=False)
    assert found is not None
    filled = workflows.filled(found, {Provided.RUN: "17", Provided.COMMIT: "c"})
    assert filled["aviator_deployment_id"] == "mine"
    assert filled["aviator_release_cut_commit_hash"] == "c"


async def test_a_method_is_kept_and_taken_away_again(aviator: Aviator):
    method = {"type": "webhook", "workflow": "https://far.example/hook"}
    for where in (aviator.here, aviator.in_project):
        key = "deployment_method" if where == aviator.here else "build_method"
        assert (await where("PATCH", "", json={key: method})).status_code == 200
        shown = (await where("GET", "")).json()
        assert shown[key]["workflow"] == "https://far.example/hook"
        assert key not in shown["settings"]
        assert (await where("PATCH", "", json={key: None})).status_code == 200
        assert (await where("GET", "")).json()[key] == {"type": "not_configured"}


async def test_a_connection_that_is_not_there_is_refused(aviator: Aviator):
    before = (await aviator.here("GET", "")).json()
    method = {"type": "buildkite", "workflow": "acme/deploy", "connection": "Nobody"}
    answer = await aviator.here("PATCH", "", json={"deployment_method": method})
    assert answer.status_code == 400
    assert "Nobody" in answer.json()["error"]
    assert (await aviator.here("GET", "")).json() == before


async def test_own_phases_need_something_to_do(aviator: Aviator):
    empty = await aviator.here("PATCH", "", json={"deployment_method": {"type": "definition"}})
    assert empty.status_code == 400
    method = {"type": "definition", "script": "./deploy.sh"}
    answer = await aviator.here("PATCH", "", json={"deployment_method": method})
    assert answer.status_code == 200, answer.text
    answer = await aviator.here("PATCH", "", json={"deployment_method": {"type": "definition"}})
    assert answer.status_code == 200  # it has phases of its own by now

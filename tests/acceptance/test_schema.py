"""Requests made up from our own OpenAPI document: no fault, and every answer inside it (R-45)."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import response_schema_conformance

from tests.acceptance.client import PROJECT, Visitor
from tests.apis.azure.build.asking import definition as build_definition
from tests.documents import asks, definition, stage

CHECKS = [not_a_server_error, response_schema_conformance]
SHARES = 6
FILLED = {"organization": "default", "project": PROJECT}
TEXT = {"type": "string", "pattern": "^[A-Za-z0-9 é._-]{1,12}$"}
SOME = settings(
    max_examples=6,  # of each of some 250 operations
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module", autouse=True)
def designer_is_left_open(admin: Visitor) -> Iterator[None]:
    """What is made up may also forbid the project to make pipelines, which others want to."""
    yield
    url = f"{admin.url}/{PROJECT}/_apis/build/generalsettings"
    answer = admin.http.patch(url, json={"disableClassicPipelineCreation": False})
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="session")
def document(admin: Visitor) -> dict[str, Any]:
    """What the running server hands out, for a project with something in it."""
    made = admin.releases.create_release_definition(
        definition(
            "Made up", stage("Dev"), stage("Prod", "Dev", preDeployApprovals=asks(admin.id))
        ),
        PROJECT,
    )
    admin.releases.create_release({"definitionId": made.id}, PROJECT)
    builds = f"{admin.url}/{PROJECT}/_apis/build"
    saved = admin.http.post(f"{builds}/definitions", json=build_definition("Made up"))
    queued = admin.http.post(f"{builds}/builds", json={"definition": {"id": saved.json()["id"]}})
    assert queued.status_code == 200, queued.text
    answer = admin.http.get(f"{admin.url}/_apis/openapi.json")
    found: dict[str, Any] = answer.json()
    found["paths"] = {_filled(path): _bare(methods) for path, methods in found["paths"].items()}
    return found


@pytest.fixture(scope="session")
def described(document: dict[str, Any], admin: Visitor) -> Any:
    return _read(document, admin)


@pytest.fixture(scope="session")
def linked(document: dict[str, Any], admin: Visitor) -> Any:
    """Only the readings that tell ids and those that take them, asked without any filter."""
    told = [one["get"] for one in document["paths"].values() if "get" in one]
    links = [one["responses"].get("200", {}).get("links", {}) for one in told]
    names = {name for some in links for name in some}
    paths = {
        path: {"get": {**methods["get"], "parameters": _in_path(methods["get"])}}
        for path, methods in document["paths"].items()
        if "get" in methods
        and (
            methods["get"]["operationId"] in names
            or ("{" not in path and methods["get"]["responses"].get("200", {}).get("links"))
        )
    }
    known = {one["get"]["operationId"] for one in paths.values()}
    for one in paths.values():
        answer = one["get"]["responses"]["200"]
        kept = {name: link for name, link in answer.get("links", {}).items() if name in known}
        one["get"]["responses"] = {**one["get"]["responses"], "200": {**answer, "links": kept}}
    return _read({**document, "paths": paths}, admin)


def _in_path(operation: dict[str, Any]) -> list[Any]:
    return [one for one in operation["parameters"] if one["in"] == "path"]


def _read(document: dict[str, Any], admin: Visitor) -> Any:
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=admin.url.removesuffix("/default"))
    return schema


def _filled(path: str) -> str:
    for name, value in FILLED.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def _bare(methods: dict[str, Any]) -> dict[str, Any]:
    """Without the parameters that are filled in; ids are such as there may be."""
    for operation in methods.values():
        kept = [one for one in operation["parameters"] if one["name"] not in FILLED]
        for one in kept:
            if one["in"] == "path" and one["name"].lower().endswith("id"):
                one["schema"] = {"anyOf": [{"enum": ["1", "2", "3"]}, TEXT]}
        operation["parameters"] = kept
    return methods


def problems(described: Any, admin: Visitor, share: int, of: int) -> list[str]:
    """What is wrong with the answers to made-up requests, for each operation its first fault.

    `share` of all operations: so that no test takes minutes.
    """
    found = []
    for result in islice(described.get_all_operations(), share, None, of):
        operation = result.ok()

        @SOME
        @given(case=operation.as_strategy())
        def answers(case: Any) -> None:
            answer = case.call(auth=("", admin.token))
            case.validate_response(answer, checks=CHECKS)

        try:
            answers()
        except (FailureGroup, AssertionError) as fault:
            told = "; ".join(map(str, getattr(fault, "exceptions", [fault])))
            found.append(f"{operation.label}: {told[:800]}")
    return found


@pytest.mark.parametrize("share", range(SHARES))
def test_made_up_requests_are_answered_inside_the_schema(
    described: Any, admin: Visitor, share: int
):
    found = problems(described, admin, share, SHARES)
    assert not found, "\n\n".join(found)


def test_nobody_gets_anything_without_credentials(described: Any):
    refused = 0
    for result in described.get_all_operations():
        operation = result.ok()
        case = operation.Case(path_parameters={one.name: "1" for one in operation.path_parameters})
        answer = case.call()
        case.validate_response(answer, checks=CHECKS)
        if operation.definition.raw.get("x-scope") != "public":
            assert answer.status_code in (401, 404, 405), f"{operation.label}: {answer.text}"
            refused += 1
    assert refused > 100


def test_requests_that_build_on_each_other(linked: Any, admin: Visitor):
    """Ids that one answer has told are used by the next request."""
    followed: list[int] = []

    class Sequence(linked.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, _case: Any) -> dict[str, Any]:
            return {"auth": ("", admin.token)}

        def validate_response(self, response: Any, case: Any, **_more: Any) -> None:
            case.validate_response(response, checks=CHECKS)
            if case.path_parameters and response.status_code == 200:
                followed.append(response.status_code)

    Sequence.run(settings=settings(SOME, max_examples=10, stateful_step_count=8))
    assert followed, "no id that an answer told led to anything"

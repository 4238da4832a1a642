"""Requests made up from our own OpenAPI document: no fault, and every answer inside it (R-45)."""

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import response_schema_conformance

from tests.acceptance.client import PROJECT, Visitor
from tests.documents import asks, definition, stage

CHECKS = [not_a_server_error, response_schema_conformance]
FILLED = {"organization": "default", "project": PROJECT}
TEXT = {"type": "string", "pattern": "^[A-Za-z0-9 é._-]{1,12}$"}
SOME = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="session")
def described(admin: Visitor) -> Any:
    """The document as the running server hands it out, for a project with something in it."""
    made = admin.releases.create_release_definition(
        definition(
            "Made up", stage("Dev"), stage("Prod", "Dev", preDeployApprovals=asks(admin.id))
        ),
        PROJECT,
    )
    admin.releases.create_release({"definitionId": made.id}, PROJECT)
    answer = httpx.get(f"{admin.url}/_apis/openapi.json", auth=("", admin.token))
    document = answer.json()
    document["paths"] = {
        _filled(path): _bare(methods) for path, methods in document["paths"].items()
    }
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


def problems(described: Any, auth: tuple[str, str] | None, allowed: settings) -> list[str]:
    """What is wrong with the answers to made-up requests, for each operation its first fault."""
    found = []
    for result in described.get_all_operations():
        operation = result.ok()

        @allowed
        @given(case=operation.as_strategy())
        def answers(case: Any) -> None:
            answer = case.call(auth=auth)
            case.validate_response(answer, checks=CHECKS)
            is_public = case.operation.definition.raw.get("x-scope") == "public"
            if auth is None and not is_public:
                assert answer.status_code in (401, 404, 405), answer.text

        try:
            answers()
        except (FailureGroup, AssertionError) as fault:
            told = "; ".join(map(str, getattr(fault, "exceptions", [fault])))
            found.append(f"{operation.label}: {told[:800]}")
    return found


def test_made_up_requests_are_answered_inside_the_schema(described: Any, admin: Visitor):
    found = problems(described, ("", admin.token), SOME)
    assert not found, "\n\n".join(found)


def test_nobody_gets_anything_without_credentials(described: Any):
    found = problems(described, None, settings(SOME, max_examples=1))
    assert not found, "\n\n".join(found)


def test_requests_that_build_on_each_other(described: Any, admin: Visitor):
    """Ids that one answer has told are used by the next request."""

    class Sequence(described.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, _case: Any) -> dict[str, Any]:
            return {"auth": ("", admin.token)}

        def validate_response(self, response: Any, case: Any, **_more: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    Sequence.run(settings=settings(SOME, max_examples=10, stateful_step_count=8))

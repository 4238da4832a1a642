"""What a build definition says of its sources, down to the checkout of its jobs (issue 5.3)."""

from typing import Any

import pytest

from quaymaster.domain.build_plan import BuildPlan, RepositoryPlan
from quaymaster.domain.errors import Invalid
from quaymaster.plans.build_definition import compile_build
from quaymaster.plans.build_document import normalised
from tests.apis.azure.build.asking import definition


def compiled(properties: dict[str, Any] | None = None, **changes: Any) -> BuildPlan:
    sources = {"type": "Git", "id": "web", "name": "web", "url": "/srv/web", **changes}
    return compile_build(
        normalised(definition("Web", repository={**sources, "properties": properties or {}}))
    )


def plan(**said: Any) -> RepositoryPlan:
    return RepositoryPlan("Git", "web", "web", "/srv/web", **said)


@pytest.mark.parametrize(
    ("changes", "properties", "expected"),
    [
        ({}, {}, plan()),
        ({"clean": "true"}, {}, plan(clean=True)),
        ({"clean": True}, {}, plan(clean=True)),
        ({"clean": "True"}, {"cleanOptions": "0"}, plan(clean=True)),
        ({"clean": "false"}, {"cleanOptions": "3"}, plan()),
        ({"clean": None}, {}, plan()),
        ({"checkoutSubmodules": True}, {}, plan(submodules=True)),
        (
            {"checkoutSubmodules": True},
            {"checkoutNestedSubmodules": "True"},
            plan(submodules=True, nested_submodules=True),
        ),
        ({"checkoutSubmodules": False}, {"checkoutNestedSubmodules": "true"}, plan()),
        ({}, {"fetchDepth": "15"}, plan(fetch_depth=15)),
        ({}, {"fetchDepth": "0"}, plan()),
        ({}, {"gitLfsSupport": "true"}, plan(lfs=True)),
        ({}, {"fetchTags": "False"}, plan(fetch_tags=False)),
        ({}, {"reportBuildStatus": "true"}, plan(reports_status=True)),
        ({}, {"connectedServiceId": "at-home"}, plan(connection="at-home")),
        ({"defaultBranch": "refs/heads/main"}, {}, plan(default_branch="refs/heads/main")),
    ],
)
def test_the_options_of_the_sources_are_those_of_the_definition(
    changes: dict[str, Any], properties: dict[str, Any], expected: RepositoryPlan
) -> None:
    assert compiled(properties, **changes).repository == expected


@pytest.mark.parametrize(
    ("clean", "options", "empties"),
    [
        ("true", "0", False),
        ("true", "1", True),
        ("true", "2", False),
        ("true", "3", True),
        ("true", "AllBuildDir", True),
        ("true", "sourceDir", False),
        ("true", "", False),
        ("false", "3", False),
        ("false", "whatever", False),
    ],
)
def test_clean_options_say_whether_the_binaries_go_with_the_sources(
    clean: str, options: str, empties: bool
) -> None:
    found = compiled({"cleanOptions": options}, clean=clean)
    assert [job.cleans_outputs for job in found.jobs] == [empties]
    assert found.repository.clean is (clean == "true")


def test_an_unknown_way_to_clean_is_a_problem_at_its_place() -> None:
    with pytest.raises(Invalid) as refused:
        compiled({"cleanOptions": "4"}, clean="true")
    [problem] = refused.value.problems
    assert problem.startswith("$.repository.properties.cleanOptions: '4' is none of 0")


@pytest.mark.parametrize(("said", "checks_out"), [("false", True), ("True", False), ("", True)])
def test_sources_that_are_not_to_be_synced_are_not_checked_out(said: str, checks_out: bool) -> None:
    [job] = compiled({"skipSyncSource": said}).jobs
    assert job.checks_out is checks_out

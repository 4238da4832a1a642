"""The published cases for names of releases and numbers of builds."""

from datetime import datetime
from typing import Any

import pytest

from quaymaster.domain.release_names import Named, UnusableName, build_number, release_name
from quaymaster.domain.variables import Variable, VariableSet
from tests.vectors import cases


def named(context: dict[str, Any]) -> Named:
    build = context.get("build", {})
    return Named(
        now=datetime.fromisoformat(context["now"]),
        team_project=context["teamProject"],
        definition_name=context["definitionName"],
        release_id=context["releaseId"],
        build_id=build.get("buildId"),
        build_number=build.get("buildNumber"),
        build_definition_name=build.get("definitionName"),
        source_branch=build.get("sourceBranch"),
        artifact_type=context.get("artifactType"),
        variables=VariableSet(variable(*entry) for entry in context["variables"].items()),
    )


def variable(name: str, written: str | dict[str, Any]) -> Variable:
    if isinstance(written, str):
        return Variable(name, written)
    return Variable(name, written.get("value") or "", written.get("isSecret", False))


@pytest.mark.parametrize("case", cases("release_names"))
def test_vector(case: dict[str, Any]) -> None:
    context = case["context"]
    make = build_number if context.get("kind") == "buildNumber" else release_name
    if "error" in case:
        with pytest.raises(UnusableName):
            make(case["format"], named(context), context["existingNames"])
    else:
        name = make(case["format"], named(context), context["existingNames"])
        assert name == case["expected"]

"""The published cases for expansion, environment names, environments and scopes."""

from collections.abc import Mapping
from typing import Any

import pytest

from quaymaster.domain.ordinal import IgnoreCase
from quaymaster.domain.variable_expansion import expand
from quaymaster.domain.variables import (
    Handler,
    Scopes,
    Variable,
    VariableSet,
    effective,
    env_name,
    expand_input,
    handler_environment,
)
from tests.vectors import cases


def variable_set(written: Mapping[str, Mapping[str, Any]]) -> VariableSet:
    return VariableSet(
        Variable(name, entry.get("value") or "", entry.get("isSecret", False))
        for name, entry in written.items()
    )


def plain(layer: Mapping[str, str]) -> list[Variable]:
    return [Variable(name, value) for name, value in layer.items()]


def of_kind(kind: str) -> list[Any]:
    return cases("variables", lambda case: case["kind"] == kind)


@pytest.mark.parametrize("case", of_kind("recursive"))
def test_vector_recursive(case: dict[str, Any]) -> None:
    outcome = expand(variable_set(case["variables"]))
    assert {v.name: v.value for v in outcome.variables.values()} == case["expanded"]
    assert {v.name for v in outcome.variables.values() if v.is_secret} == set(case["secret"])
    warnings = [{"variable": w.variable, "reason": w.reason} for w in outcome.warnings]
    assert warnings == case["warnings"]


@pytest.mark.parametrize("case", of_kind("input"))
def test_vector_input(case: dict[str, Any]) -> None:
    variables = IgnoreCase(case["variables"])
    assert expand_input(case["text"], variables, case.get("environment")) == case["result"]


@pytest.mark.parametrize("case", of_kind("envName"))
def test_vector_env_name(case: dict[str, Any]) -> None:
    assert env_name(case["variable"], preserve_case=case["preserveCase"]) == case["env"]


@pytest.mark.parametrize("case", of_kind("environment"))
def test_vector_environment(case: dict[str, Any]) -> None:
    environment = handler_environment(
        Handler(case["handler"]),
        variable_set(case["variables"]),
        case["inputs"],
        case.get("taskEnvironment"),
    )
    assert {name: environment.get(name) for name in case["env"]} == case["env"]
    assert not set(case["absent"]) & environment.keys()


@pytest.mark.parametrize("case", of_kind("scope"))
def test_vector_scope(case: dict[str, Any]) -> None:
    layers = case["layers"]
    scopes = Scopes(
        groups=[plain(layers.get("group", {}))],
        release=plain(layers.get("release", {})),
        stage_groups=[plain(layers.get("environmentGroup", {}))],
        stage=plain(layers.get("environment", {})),
        overrides=plain(layers.get("deployOverride", {})),
        system=plain(case.get("system", {})),
    )
    found = {v.name: v.value for v in effective(scopes).values()}
    assert found == case["effective"]

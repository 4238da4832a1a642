"""The published cases for logging commands: how lines parse, and what they ask for in words."""

import re
from typing import Any

import pytest

from quaymaster.domain.variables import Variable, VariableSet
from quaymaster.runner.details import Details
from quaymaster.runner.effects import CommandError, CommandWarning, Effect, LogDetail, SetVariable
from quaymaster.runner.logging_commands import MENTION, interpret, parse
from tests.vectors import cases


def effect_of(case: dict[str, Any]) -> Effect:
    command = parse(case["line"], decode_percents=case.get("decodePercents", True))
    assert command is not None
    effect = interpret(command)
    if isinstance(effect, LogDetail) and effect.type:
        taken = Details().with_detail(effect)
        return taken if isinstance(taken, CommandError) else effect
    return effect


@pytest.mark.parametrize("case", cases("logging_commands"))
def test_vector_parsed(case: dict[str, Any]) -> None:
    command = parse(case["line"], decode_percents=case.get("decodePercents", True))
    if case["parsed"] is None:
        assert command is None
        return
    assert command is not None
    found = {
        "area": command.area,
        "event": command.event,
        "properties": dict(command.properties),
        "data": command.data,
    }
    assert found == case["parsed"]


@pytest.mark.parametrize("case", cases("logging_commands"))
def test_vector_outcome(case: dict[str, Any]) -> None:
    """Outcomes are prose: what can be read off them all is whether the command is obeyed.

    Whether a file exists or an earlier record was created is not in the line.
    """
    outcome = case["outcome"]
    if case["parsed"] is None:
        assert (MENTION in case["line"]) is ("warning" in outcome)
        return
    effect = effect_of(case)
    if re.match("error(: | on )", outcome) and not re.search("exist|parent|created", outcome):
        assert isinstance(effect, CommandError)
    if outcome.startswith("warning: "):
        assert isinstance(effect, CommandWarning)


@pytest.mark.parametrize("case", cases("variables", lambda case: case["kind"] == "set"))
def test_vector_set(case: dict[str, Any]) -> None:
    variables = VariableSet(
        Variable(name, entry["value"], entry.get("isSecret", False))
        for name, entry in case["initial"].items()
    )
    command = parse(case["command"])
    assert command is not None
    effect = interpret(command)
    assert isinstance(effect, SetVariable)
    variables.set(
        Variable(effect.name, effect.value, effect.is_secret, effect.is_read_only),
        output_of=case["stepRefName"] if effect.is_output else None,
    )
    expected = case["result"]
    variable = variables[expected["name"]]
    found = {
        "name": variable.name,
        "value": variable.value,
        "isSecret": variable.is_secret,
        "isReadOnly": variable.is_read_only,
    }
    assert {name: found[name] for name in expected} == expected

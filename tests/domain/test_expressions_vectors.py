"""The published expression cases, as they stand in the shared folder."""

from typing import Any

import pytest

from quaymaster.domain.expressions import (
    Context,
    EvaluationError,
    ExpressionError,
    as_text,
    evaluate_condition,
    is_true,
    parse,
)
from tests.vectors import cases


def evaluated(case: dict[str, Any]) -> object:
    """What the case asks for: the truth, the text, or the value itself."""
    given = case.get("context", {})
    variables, named = given.get("variables", {}), given.get("named", {})
    job_status = given.get("jobStatus", "Succeeded")
    if not case["expression"].strip():
        return evaluate_condition(case["expression"], variables, job_status).value
    expression = parse(case["expression"], named)
    value = expression.evaluate(Context(variables, job_status, named))
    return {"boolean": is_true, "string": as_text, "value": lambda raw: raw}[case["as"]](value)


@pytest.mark.parametrize("case", cases("expressions"))
def test_vector(case: dict[str, Any]) -> None:
    if "error" not in case:
        assert evaluated(case) == case["expected"]
        return
    with pytest.raises(ExpressionError) as raised:
        evaluated(case)
    expected, error = case["error"], raised.value
    found = {"kind": error.kind, "token": error.token}
    if isinstance(error, EvaluationError):
        found |= {"from": error.source, "to": error.target, "detail": error.detail}
    assert {name: found[name] for name in expected} == expected

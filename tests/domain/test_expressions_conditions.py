"""Conditions of steps and phases: the default, the status functions, and the trace."""

import pytest

from quaymaster.domain.expressions import ExpressionError, evaluate_condition

STATUSES = ("Succeeded", "SucceededWithIssues", "Failed", "Canceled")


@pytest.mark.parametrize(
    ("condition", "holds_after"),
    [
        ("", {"Succeeded", "SucceededWithIssues"}),
        ("  ", {"Succeeded", "SucceededWithIssues"}),
        ("succeeded()", {"Succeeded", "SucceededWithIssues"}),
        ("failed()", {"Failed"}),
        ("canceled()", {"Canceled"}),
        ("succeededOrFailed()", {"Succeeded", "SucceededWithIssues", "Failed"}),
        ("always()", set(STATUSES)),
        ("eq(variables.x, '1')", set(STATUSES)),
    ],
)
def test_when_a_condition_holds(condition: str, holds_after: set[str]) -> None:
    holds = {s for s in STATUSES if evaluate_condition(condition, {"X": "1"}, s).value}
    assert holds == holds_after


def test_the_trace_shows_the_values_that_were_found() -> None:
    condition = "and(succeeded(), eq(variables['Branch'], 'main'), in(1.50, 2, true))"
    result = evaluate_condition(condition, {"branch": "it's"}, "Succeeded")
    assert result.value is False
    assert result.trace.splitlines() == [
        f"Evaluating: {condition}",
        "Expanded: and(True, eq('it''s', 'main'), in(1.5, 2, True))",
        "Result: False",
    ]


def test_the_trace_leaves_what_was_not_needed_as_written() -> None:
    result = evaluate_condition("or(always(), eq(variables['a'].b, failed()))", {}, "Failed")
    assert "Expanded: or(True, eq(variables['a']['b'], failed()))" in result.trace


def test_the_trace_names_collections_by_their_type_only() -> None:
    assert "Expanded: Object" in evaluate_condition("variables", {"a": "secret"}).trace


def test_a_condition_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ExpressionError, match="'nope' at position 9"):
        evaluate_condition("and(eq(1,nope), true)".replace("eq(1,", "not("), {})

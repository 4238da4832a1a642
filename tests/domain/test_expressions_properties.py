"""Whatever is typed as a condition: a result or an ExpressionError, never anything else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster.domain.expressions import (
    Context,
    EvaluationError,
    ExpressionError,
    evaluate_condition,
    parse,
)
from quaymaster.domain.expressions.functions import FUNCTIONS

PIECES = [
    *("(", ")", "[", "]", ",", ".", "*", "'", "''", " ", "-", "1", "1.5", "1.2.3", "'a'", "true"),
    *("variables", "root", "x", "$..*", "{0}", "\u0000", "\U0001f6a2"),
    *(f"{name.lower()}(" for name in FUNCTIONS),
]
NAMED = {"root": {"a": [1, None, {"b": "c"}], "d": "1.2"}}

texts = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)

leaves = st.sampled_from(["''", "'a'", "0", "-1.5", "1.2.3", "true", "root", "root.*", "root.a[1]"])
calls = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda name, arguments: f"{name}({','.join(arguments)})",
        st.sampled_from(sorted(set(FUNCTIONS) - {"COUNTER"})),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)


def reading_error(text: str) -> ExpressionError | None:
    try:
        parse(text, NAMED)
    except ExpressionError as error:
        return error
    return None


@settings(max_examples=300)
@given(texts)
def test_any_text_is_read_or_refused(text: str) -> None:
    error = reading_error(text)
    if error is not None:
        assert not isinstance(error, EvaluationError)
        assert error.token in text
        assert 0 <= error.position <= len(text)


@settings(max_examples=300)
@given(calls, json, st.text(max_size=20))
def test_any_expression_evaluates_or_says_why_not(text: str, root: object, variable: str) -> None:
    context = Context({"a": variable}, named={"root": root})
    try:
        expression = parse(text, {"root"})
        first = expression.evaluate(context)
    except ExpressionError:
        return
    assert repr(expression.evaluate(context)) == repr(first)


@settings(max_examples=200)
@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_can_be_written_as_a_string_and_compared(left: str, right: str) -> None:
    def written(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    assert parse(written(left)).evaluate(Context()) == left
    same = evaluate_condition(f"eq({written(left)}, variables.v)", {"v": left})
    assert same.value is True
    contained = f"contains({written(left + right)}, {written(right)})"
    assert evaluate_condition(contained, {}).value is True

"""What conditions say: examples of every rule of the language, from reading to result."""

import pytest

from quaymaster.domain.expressions import (
    Context,
    EvaluationError,
    ExpressionError,
    as_text,
    is_true,
    parse,
)
from quaymaster.domain.expressions.jsonpath import select

ANSWER = {
    "status": "done",
    "items": [{"id": 1, "tags": ["a", "b"]}, {"id": 2.5}, {"name": "x"}],
    "nested": {"list": [10, 20], "none": None},
}


def value(text: str, named: dict[str, object] | None = None, **variables: str) -> object:
    named = named or {}
    return parse(text, named).evaluate(Context(variables, named=named))


def refused(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as raised:
        parse(text)
    return raised.value


def failed(text: str, named: dict[str, object] | None = None, **variables: str) -> EvaluationError:
    with pytest.raises(EvaluationError) as raised:
        value(text, named, **variables)
    return raised.value


@pytest.mark.parametrize(
    ("text", "kind", "token", "position"),
    [
        ("eq(1, nope)", "UnrecognizedValue", "nope", 6),
        ("eq(1, 'open)", "UnrecognizedValue", "'open)", 6),
        ("1.2.3.4.5", "UnrecognizedValue", "1.2.3.4.5", 0),
        ("1.2.2147483648", "UnrecognizedValue", "1.2.2147483648", 0),
        ("79228162514264337593543950336", "UnrecognizedValue", "79228162514264337593543950336", 0),
        ("count(1)", "UnrecognizedValue", "count", 0),
        ("eq", "ExpectedStartParameter", "eq", 0),
        ("eq eq(1,2)", "ExpectedStartParameter", "eq", 0),
        ("variables.", "ExpectedPropertyName", ".", 9),
        ("and(true, or(false", "UnclosedFunction", "or", 10),
        ("variables['a'", "UnclosedIndexer", "[", 9),
        ("1 2", "UnexpectedSymbol", "2", 2),
        ("variables('x')", "UnexpectedSymbol", "(", 9),
        ("variables.1", "UnexpectedSymbol", "1", 10),
        ("variables[*.a]", "UnexpectedSymbol", ".", 11),
        ("*", "UnexpectedSymbol", "*", 0),
        ("and(true]", "UnexpectedSymbol", "]", 8),
        ("variables['a')", "UnexpectedSymbol", ")", 13),
        ("succeeded('a')", "UnexpectedSymbol", ")", 13),
        ("eq(1,,2)", "UnexpectedSymbol", ",", 5),
    ],
)
def test_a_text_that_cannot_be_read_says_what_and_where(
    text: str, kind: str, token: str, position: int
) -> None:
    error = refused(text)
    assert (error.kind, error.token, error.position) == (kind, token, position)
    assert not isinstance(error, EvaluationError)
    assert f"position {position + 1}" in str(error)


def test_49_brackets_may_be_open_and_50_may_not() -> None:
    assert value("not(" * 48 + "not(true" + ")" * 49) is False
    assert refused("not(" * 50 + "true" + ")" * 50).kind == "ExceededMaxDepth"
    assert refused("variables[" * 50 + "1" + "]" * 50).kind == "ExceededMaxDepth"


def test_21000_characters_are_read_and_one_more_is_not() -> None:
    longest = "'" + "a" * 20_998 + "'"
    assert value(longest) == "a" * 20_998
    assert refused(longest + " ").kind == "ExceededMaxLength"


def test_ten_thousand_steps_into_nothing_give_nothing() -> None:
    assert value("variables" + ".a" * 10_000) is None
    assert value("variables" + "[1]" * 6_000) is None


def test_blank_text_is_no_value() -> None:
    assert value("") is None
    assert value(" \t\n\u00a0") is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("true", "True"),
        ("FALSE", "False"),
        ("-5", "-5"),
        ("-.5", "-0.5"),
        ("5.", "5"),
        ("1.50", "1.5"),
        ("-0", "0"),
        ("0.12345675", "0.1234568"),
        ("-0.00000001", "0"),
        ("79228162514264337593543950335", "79228162514264337593543950335"),
        ("0.1", "0.1"),
        ("1.02.3.4", "1.2.3.4"),
        ("'a''b'", "a'b"),
        ("variables.none", ""),
    ],
)
def test_values_as_text(text: str, shown: str) -> None:
    assert as_text(parse(text).evaluate(Context())) == shown


@pytest.mark.parametrize(
    ("text", "truth"),
    [("0", False), ("''", False), ("'0'", True), ("variables.none", False), ("variables", True)],
)
def test_what_counts_as_true(text: str, truth: bool) -> None:
    assert is_true(parse(text).evaluate(Context())) is truth


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eq(5, ' 5 ')", True),
        ("eq(1234.5, '1,2,34.5')", True),
        ("eq(1, ',1')", False),
        ("eq(1, '- 1')", False),
        ("eq(0.5, '.5')", True),
        ("eq(5, '5.')", True),
        ("eq(0, ' ')", False),
        ("eq(1, '\u0661')", False),
        ("eq('STRASSE', 'straße')", False),
        ("eq('ÄÖ', 'äö')", True),
        ("eq(1.2.3, ' 1.2.3 ')", True),
        ("eq(1.2.3, '1.2.3.4.5')", False),
        ("eq(1.2.3, true)", False),
        ("ne(variables, variables)", False),
        ("eq(variables, 'x')", False),
        ("in(2, '1', '2')", True),
        ("notIn('x', 'y', 'X')", False),
    ],
)
def test_equality_converts_the_right_side(text: str, expected: bool) -> None:
    assert value(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lt(1.2.3, 1.2.3.0)", True),
        ("ge('b', 'A')", True),
        ("lt(false, 'x')", True),
        ("ge(variables.none, 0)", True),
        ("gt('\U00010000', '\uffff')", False),
    ],
)
def test_order(text: str, expected: bool) -> None:
    assert value(text) is expected


@pytest.mark.parametrize(
    ("text", "source", "target"),
    [
        ("gt(1, 'x')", "String", "Number"),
        ("gt(variables, 1)", "Object", "Number"),
        ("gt(1.2.3, 1)", "Number", "Version"),
        ("lt('x', variables)", "Object", "String"),
        ("contains(variables, 'x')", "Object", "String"),
        ("lower(split('a', ','))", "Array", "String"),
    ],
)
def test_what_cannot_be_converted_names_both_types(text: str, source: str, target: str) -> None:
    error = failed(text)
    assert (error.kind, error.source, error.target) == ("TypeCast", source, target)


def test_an_error_never_shows_a_value() -> None:
    assert "hunter2" not in str(failed("gt(1, variables.password)", password="hunter2"))


@pytest.mark.parametrize(
    "text",
    [
        "and(false, gt(1, 'x'))",
        "not(or(true, gt(1, 'x')))",
        "not(in(1, 1, gt(1, 'x')))",
        "iif(true, false, gt(1, 'x'))",
        "eq(coalesce('a', gt(1, 'x')), 'b')",
        "eq(format('a', gt(1, 'x')), 'b')",
    ],
)
def test_what_is_not_needed_is_not_evaluated(text: str) -> None:
    assert value(text) is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("coalesce('', variables.none)", None),
        ("coalesce(variables.none, '', 'last')", "last"),
        ("join(', ', split('a b', ' '))", "a, b"),
        ("join('x', variables)", ""),
        ("length('four')", 4),
        ("length(split('a,b', ','))", 2),
        ("replace('abc', '', 'x')", "abc"),
        ("split('', ',')", [""]),
        ("split('a.b', '.')", ["a", "b"]),
        ("split('a\\d', '\\d')", ["a", "", ""]),
        ("split('abc', '')", ["abc"]),
        ("upper('straße \u0131')", "STRAßE \u0131"),
        ("trim('\u2003x\u00a0')", "x"),
        ("containsValue(split('a,B', ','), 'b')", True),
        ("xor('a', '')", True),
        ("startsWith('abc', '')", True),
    ],
)
def test_functions(text: str, expected: object) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("format('{{{0}}}', 1)", "{1}"),
        ("format('{1}{0}{1}', 'a', 'b')", "bab"),
        ("format('{000}', 'a')", "a"),
        ("format('{0:}', 'a')", "a"),
    ],
)
def test_format(text: str, expected: str) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("format('{0')", "InvalidFormatString"),
        ("format('}')", "InvalidFormatString"),
        ("format('{}', 1)", "InvalidFormatString"),
        ("format('{-1}', 1)", "InvalidFormatString"),
        ("format('{256}', 1)", "InvalidFormatString"),
        ("format('{1}', 1)", "InvalidFormatArgIndex"),
        ("format('{0:yyyy}', 1)", "InvalidFormatSpecifiers"),
    ],
)
def test_a_bad_format_says_which_rule_it_breaks(text: str, detail: str) -> None:
    error = failed(text)
    assert (error.kind, error.detail) == ("Format", detail)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("root.items[0].id", 1),
        ("root.items['1'].id", 2.5),
        ("root.items[3]", None),
        ("root.items['']", None),
        ("root.items[-1]", None),
        ("root.items[9999999999999999999999]", None),
        ("root.nested['LIST']", None),
        ("root.items.*.id", [1, 2.5]),
        ("root.items[*].tags[1]", ["b"]),
        ("root.items[*].tags.*", ["a", "b"]),
        ("root.nested.*.none", []),
        ("root.*.none", [None]),
        ("root.status.x", None),
        ("count(root.items)", 3),
        ("count(root.nested)", 2),
        ("count(root.status)", 0),
        ("convertToJson(root.nested.list)", "[\n  10,\n  20\n]"),
        ("convertToJson(root.missing)", "null"),
        ("convertToJson(split('', 'x')[1])", "null"),
        ("convertToJson(root.items[1])", '{\n  "id": 2.5\n}'),
    ],
)
def test_looking_into_an_answer(text: str, expected: object) -> None:
    assert value(text, {"root": ANSWER}) == expected


def test_variables_are_found_in_any_case_and_only_by_their_whole_name() -> None:
    variables = {"Build.SourceBranch": "main"}
    context = Context(variables)
    assert parse("VARIABLES['build.SOURCEBRANCH']").evaluate(context) == "main"
    assert parse("variables.Build.SourceBranch").evaluate(context) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.items[*].id", [1, 2.5]),
        ("items[0].tags[-1]", ["b"]),
        ("$..id", [1, 2.5]),
        ("$['status','missing']", ["done"]),
        ("$.nested.list[0:1]", [10]),
        ("$.items[?(@.id > 1)].id", [2.5]),
        ("$.items[?(@.name == 'x' || @.id == 1)]", [ANSWER["items"][2], ANSWER["items"][0]]),
        ("$.items[?(@.tags && @.id != 2)].id", [1]),
        ("$.nothing.here", []),
        ("$", [ANSWER]),
    ],
)
def test_jsonpath(path: str, expected: list[object]) -> None:
    found = value(f"jsonpath('{path.replace(chr(39), chr(39) * 2)}')", {"root": ANSWER})
    assert sorted(found, key=repr) == sorted(expected, key=repr)


@pytest.mark.parametrize("path", ["$.", "$[", "$.a b", "$[?(@.x ==)]", "$.items[1:2:0]", "$$"])
def test_a_jsonpath_that_cannot_be_read_is_an_error(path: str) -> None:
    assert failed(f"jsonpath('{path}')", {"root": ANSWER}).kind == "JsonPath"


@pytest.mark.parametrize("opening", ["[?(", "[", "[:", "[1:2", "[?(@.x", "[?(@.x == 1"])
def test_blanks_in_a_jsonpath_are_read_once(opening: str) -> None:
    """Tried in every division, so many of them would take hours."""
    path = "$" + opening + " " * 2_000_000 + "x"
    with pytest.raises(EvaluationError):
        select({}, path, lambda _: None)


def test_counter_counts_with_what_it_is_given() -> None:
    seen: list[tuple[str, int]] = []

    def count_up(prefix: str, seed: int) -> int:
        seen.append((prefix, seed))
        return seed + 1

    assert value("counter('v1', 100)", {"counter": count_up}) == 101
    assert seen == [("v1", 100)]
    assert refused("counter('v1', 100)").kind == "UnrecognizedValue"


def test_a_short_text_cannot_build_a_huge_one() -> None:
    doubling = "'" + "x" * 100 + "'"
    for _ in range(40):
        doubling = f"format('{{0}}{{0}}', {doubling})"
    assert failed(doubling).kind == "ExceededMaxMemory"
    assert failed("replace(replace(variables.x, 'x', variables.x), 'x', variables.x)", x="x" * 5000)


def test_json_nested_too_deep_is_an_error_not_a_crash() -> None:
    deep: object = "bottom"
    for _ in range(5_000):
        deep = [deep]
    assert failed("convertToJson(root)", {"root": deep}).kind == "ExceededMaxDepth"
    assert value("count(jsonpath('$..*'))", {"root": deep}) == 5_000

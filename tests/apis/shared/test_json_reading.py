"""Bodies are read strictly, then forgivingly, and always within bounds (CONTRACT A.5, R-41)."""

import pytest

from quaymaster.apis.shared.json_reading import cased, decode
from quaymaster.apis.shared.refusals import BadRequest


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b"{keepforever:true}", {"keepforever": True}),
        (b"{'a':'b',}", {"a": "b"}),
        (b"[1, 2,]", [1, 2]),
        (b"  ", None),
        (b'{"a": {"b": 1}, "c": {"b": 2}}', {"a": {"b": 1}, "c": {"b": 2}}),
        (b'{"a": "say \\"b\\": now", "b": 1}', {"a": 'say "b": now', "b": 1}),
    ],
)
def test_reads_what_the_published_service_reads(body, value):
    assert decode(body) == value


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"a":', "not valid JSON"),
        (b"status=approved", "not valid JSON"),
        (b'{"a": NaN}', "not finite"),
        (b'{"a": Infinity}', "not finite"),
        (b'{"a": 1e999}', "not valid JSON"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": 1, "\\u0061": 2}', "twice"),
        (b'{"a": {"b": 1, "b": 2}}', "twice"),
        (b"[" * 100 + b"]" * 100, "nested"),
        (b"[" * 100_000 + b"]" * 100_000, "nested"),
        (b'{"a":' * 100_000, "nested"),
        (b"[" + b"1," * 600_000 + b"1]", "more than"),
        (b'{"a": "\xff"}', "not valid JSON"),
        (b'{"a": "\\ud800"}', ""),
        (b'{"a": "x\\u0000y"}', "NUL"),
        (b'{"a": 99999999999999999999999}', "64 bits"),
        (b"{'a': " + b"'x'," * 400_000 + b"}", "not valid JSON"),
    ],
)
def test_refuses_what_it_cannot_hold(body, said):
    with pytest.raises(BadRequest) as refusal:
        decode(body)
    assert said in refusal.value.message


def test_names_are_known_in_any_case_and_the_exact_spelling_wins():
    given = {"KEEPFOREVER": True, "status": "active", "Status": "draft", "own": 1}
    assert cased(given, ("keepForever", "status")) == {
        "keepForever": True,
        "status": "active",
        "own": 1,
    }

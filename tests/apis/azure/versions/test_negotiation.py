"""Which version a request speaks (CONTRACT A.4)."""

import pytest

from quaymaster.apis.azure import negotiation
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.shared import query

QUERY_7_0 = b"api-version=7.0"
JSON_5_0 = "application/json; api-version=5.0"


@pytest.mark.parametrize(
    ("asked", "accept", "content_type", "served"),
    [
        (QUERY_7_0, JSON_5_0, "", "7.0"),
        (b"", JSON_5_0, "application/json; api-version=4.1", "5.0"),
        (b"", "*/*", "application/json;api-version=4.1-Preview.3", "4.1-preview.3"),
        (b"", "", "", "7.1"),
    ],
)
def test_the_query_wins_over_accept_and_accept_over_the_body(
    asked: bytes, accept: str, content_type: str, served: str
):
    assert negotiation.asked(query.read(asked), accept, content_type).text == served


@pytest.mark.parametrize(
    ("text", "precise"),
    [
        ("3.0-preview.1", (3, 0, 1)),
        ("3.0-preview", (3, 0, negotiation.NEWEST_PREVIEW)),
        ("3", (3, 0, negotiation.NEWEST_PREVIEW)),
    ],
)
def test_without_a_number_it_is_the_newest_preview(text: str, precise: tuple[int, ...]):
    assert negotiation.parsed(text).precise == precise


def test_a_change_without_a_version_is_refused_where_one_is_required():
    with pytest.raises(Problem, match="No api-version was supplied") as refused:
        negotiation.asked(query.read(b""), "*/*", "application/json", required=True)
    assert refused.value.type_key == "VssVersionNotSpecifiedException"
    assert negotiation.asked(query.read(QUERY_7_0), "", "", required=True).text == "7.0"

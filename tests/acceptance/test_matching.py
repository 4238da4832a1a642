"""The language of the walkthroughs finds every kind of difference."""

from typing import Any

import pytest

from tests.acceptance.matching import MISSING, at, differences, filled, put

SAVED = {"id": 7, "name": "Ann"}


def test_a_placeholder_that_stands_alone_keeps_its_type():
    wanted = {"id": "${id}", "text": "n${id} of ${name}", "list": ['<contains {"a":"${id}"}>']}
    assert filled(wanted, SAVED) == {
        "id": 7,
        "text": "n7 of Ann",
        "list": ['<contains {"a":"${id}"}>'],
    }


@pytest.mark.parametrize(
    ("path", "found"),
    [("$", {"v": [{"id": 1}]}), ("$.v[0].id", 1), ("v[?id=1]", {"id": 1}), ("v[1].id", MISSING)],
)
def test_paths_lead_into_bodies(path: str, found: Any):
    assert at({"v": [{"id": 1}]}, path) == found


def test_a_value_is_put_at_a_path():
    body = {"v": [{"a": {"b": 1}}]}
    put(body, "v[0].a.b", 2)
    put(body, "name", "x")
    assert body == {"v": [{"a": {"b": 2}}], "name": "x"}


@pytest.mark.parametrize(
    ("wanted", "right", "wrong"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, {"a": 2}),
        ({"a": {}}, {"a": {"b": 1}}, {"b": 1}),
        ([{}, {"a": 1}], [{"b": 1}, {"a": 1}], [{"a": 1}]),
        ("<int>", 5, True),
        ("<guid>", "e213ff0f-5d5c-4791-802d-52ea3e7be1f1", "e213ff0f"),
        ("<time>", "2024-03-15T10:00:00.31Z", "2024-03-15"),
        ("<text>", "x", ""),
        ("<url>", "http://x", "x"),
        ("<queued|inProgress>", "queued", "succeeded"),
        ('<contains {"id":"${id}"}>', [{"id": 1}, {"id": 7, "x": 1}], [{"id": 1}]),
        ('<contains {"id":1}, {"id":2}>', [{"id": 2}, {"id": 1}], [{"id": 1}]),
        ('<every {"a":1}>', [{"a": 1}, {"a": 1}], [{"a": 1}, {"a": 2}]),
        ("<ordered by id descending>", [{"id": 2}, {"id": 1}], [{"id": 1}, {"id": 2}]),
    ],
)
def test_what_is_expected_is_found_and_what_is_not_is_named(wanted: Any, right: Any, wrong: Any):
    assert list(differences(wanted, right, SAVED)) == []
    assert list(differences(wanted, wrong, SAVED))

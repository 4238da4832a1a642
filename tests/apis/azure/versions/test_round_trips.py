"""PUT(GET(x)) = x in every class of versions, for every definition that people exported."""

import json

import pytest

from quaymaster.apis.azure.versions.registry import carried, downgraded
from quaymaster.plans.azure_document import normalised
from tests.plans.test_azure_document import given_out
from tests.plans.test_real_definitions import _params, _saved

VERSIONS = [
    (2, 2),
    (2, 3),
    (3, 0, 1),
    (3, 0, 2),
    (3, 1),
    (3, 2),
    (4, 0),
    (4, 1),
    (5, 0),
    (5, 1),
    (6, 0),
    (7, 1),
]


@pytest.mark.parametrize("text", _params())
def test_put_of_get_changes_nothing_in_any_version(text):
    stored = _saved(text)
    shown = given_out(stored)
    for version in VERSIONS:
        got = json.loads(json.dumps(downgraded(version, "definition", shown)))
        again = normalised(carried(version, "definition", got, shown))
        assert again == stored, version

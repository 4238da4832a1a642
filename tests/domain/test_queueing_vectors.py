"""The published queueing vectors, played on the pure core (SEMANTICS 11)."""

import pytest

from tests.domain.queue_scripts import Script
from tests.vectors import cases

WAITS_FOR = {"manual intervention": "manual interventions are not built"}


@pytest.mark.parametrize("case", cases("queueing"))
def test_vector(case):
    for words, why in WAITS_FOR.items():
        if any(words in event["do"] for event in case["events"]):
            pytest.skip(why)
    Script(case).play()

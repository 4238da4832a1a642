"""The published queueing vectors, played on the pure core (SEMANTICS 11)."""

import pytest

from tests.domain.queue_scripts import Script
from tests.vectors import cases


@pytest.mark.parametrize("case", cases("queueing"))
def test_vector(case):
    Script(case).play()

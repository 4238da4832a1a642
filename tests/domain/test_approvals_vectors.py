"""The published approval vectors, played on the pure core (SEMANTICS 9)."""

import pytest

from tests.domain.approval_scripts import NotForTheCore, Script
from tests.vectors import cases

# What only the wire can answer: the status and the revision that a body carries.
ABOUT_THE_WIRE = {"apr-020", "apr-021"}


@pytest.mark.parametrize("case", cases("approvals"))
def test_vector(case):
    try:
        Script(case).play()
    except NotForTheCore as step:
        pytest.skip(f"about the wire: {step}")
    assert case["id"] not in ABOUT_THE_WIRE

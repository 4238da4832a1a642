"""The published approval vectors, played on the pure core (SEMANTICS 9)."""

import pytest

from tests.domain.approval_scripts import NotForTheCore, Script
from tests.vectors import cases


@pytest.mark.parametrize("case", cases("approvals"))
def test_vector(case):
    if any(
        side in stage for stage in case["config"].values() for side in ("preGates", "postGates")
    ):
        pytest.skip("gates are not built")
    try:
        Script(case).play()
    except NotForTheCore as step:
        pytest.skip(f"about the wire: {step}")

"""The published cases for masking."""

from typing import Any

import pytest

from quaymaster.runner.masking import Masker
from tests.vectors import cases

MASKING = [c for c in cases("variables") if c.values[0] is None or c.values[0]["kind"] == "mask"]


@pytest.mark.parametrize("case", MASKING)
def test_vector(case: dict[str, Any]) -> None:
    masker = Masker(case.get("minSecretLength", 0))
    for secret in case["secrets"]:
        masker.add(secret)
    assert masker.mask(case["line"]) == case["masked"]

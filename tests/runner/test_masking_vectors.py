"""The published cases for masking."""

from typing import Any

import pytest

from quaymaster.runner.masking import Masker
from tests.vectors import cases


@pytest.mark.parametrize("case", cases("variables", lambda case: case["kind"] == "mask"))
def test_vector(case: dict[str, Any]) -> None:
    masker = Masker(case.get("minSecretLength", 0))
    for secret in case["secrets"]:
        masker.add(secret)
    assert masker.mask(case["line"]) == case["masked"]

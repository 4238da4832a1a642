"""The version that is suggested when nobody names one (AVIATOR 6)."""

from datetime import date

import pytest

from quaymaster.domain.release_versions import Numbering, following

TODAY = date(2026, 3, 9)


@pytest.mark.parametrize(
    ("names", "version"),
    [
        ([], "2026.03.09-1"),
        (["2026.03.09-1-rc1", "2026.03.09-1-rc2"], "2026.03.09-2"),
        (["2026.03.09-2-rc1"], "2026.03.09-1"),
        (["2026.03.08-7-rc1", "Release-3"], "2026.03.09-1"),
        (["2026.03.09-1-RC1"], "2026.03.09-1"),
    ],
)
def test_the_day_and_the_first_free_number(names: list[str], version: str):
    assert following(Numbering.CALVER, names, TODAY) == version


@pytest.mark.parametrize(
    ("names", "version"),
    [
        ([], "0.1.0"),
        (["1.2.3-rc1"], "1.3.0"),
        (["1.9.0-rc4", "1.10.2-rc1"], "1.11.0"),
        (["2.0.0-rc1", "1.99.0-rc1"], "2.1.0"),
        (["v9.9.9-rc1", "2026.03.09-1-rc1"], "0.1.0"),
    ],
)
def test_the_next_minor_version(names: list[str], version: str):
    assert following(Numbering.SEMVER, names, TODAY) == version

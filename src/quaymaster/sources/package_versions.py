"""In which order the versions of a package stand."""

from collections.abc import Iterable
from typing import Any

from quaymaster.domain.numbers import digits

LONGEST_NUMBER = 1000  # registries write what they like


def highest_first(versions: Iterable[str]) -> list[str]:
    """Those before a release (`-beta`) come after all others, so that the default is a stable one
    as long as there is any."""
    listed = list(versions)
    early = {one for one in listed if "-" in one.partition("+")[0]}
    return sorted(listed, key=lambda one: (one not in early, precedence(one)), reverse=True)


def precedence(version: str) -> tuple[Any, ...]:
    """What versions are ordered by: numbers by value, early ones first (SemVer 11)."""
    core, _, early = version.partition("+")[0].partition("-")
    numbers = [digits(part, LONGEST_NUMBER) or 0 for part in core.split(".")]
    padded = (*numbers, 0, 0, 0, 0)[:4]
    labels = tuple(
        (1, 0, label.lower())
        if (number := digits(label, LONGEST_NUMBER)) is None
        else (0, number, "")
        for label in early.split(".")
    )
    return (padded, not early, labels)

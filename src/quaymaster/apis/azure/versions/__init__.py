"""Which version of the API a request speaks, and what older versions say differently.

One shape is served, the newest. A module of this folder holds the differences of one older
class of versions as pairs of pure functions on decoded JSON: `upgrade` for bodies that come in,
`downgrade` for bodies that go out. `DIFFERENCES` lists them, newest first; a request passes those
that are newer than its own version on the way out, and the same ones upwards on the way in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Document = Any
Change = Callable[[str, Document], Document]  # (name of the resource, body) → body


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed with one version: `before` is the first version that no longer needs it."""

    before: tuple[int, int]
    upgrade: Change
    downgrade: Change


DIFFERENCES: tuple[Difference, ...] = ()


def upgraded(version: tuple[int, int], resource: str, body: Document) -> Document:
    """A body of this version in the newest shape."""
    for difference in reversed(DIFFERENCES):
        if version < difference.before:
            body = difference.upgrade(resource, body)
    return body


def downgraded(version: tuple[int, int], resource: str, body: Document) -> Document:
    """A body of the newest shape as this version has it."""
    for difference in DIFFERENCES:
        if version < difference.before:
            body = difference.downgrade(resource, body)
    return body


def is_newest_shape(version: tuple[int, int]) -> bool:
    """Whether bodies of this version go out as they are."""
    return not any(version < difference.before for difference in DIFFERENCES)

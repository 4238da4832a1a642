"""All differences, newest first; the newest shape is the only one that is served.

A request passes the differences that are newer than its own version: upwards on the way in,
downwards on the way out. The newest version passes none and pays nothing.
"""

from typing import Any

from quaymaster.apis.azure.versions import v2, v3
from quaymaster.apis.azure.versions.difference import Difference

DIFFERENCES: tuple[Difference, ...] = (
    Difference((4, 0), v3.upgrade, v3.downgrade),
    Difference((3, 0), v2.upgrade, v2.downgrade),
)


def upgraded(version: tuple[int, int], resource: str, body: Any) -> Any:
    """A body of this version in the newest shape."""
    for difference in reversed(DIFFERENCES):
        if version < difference.before:
            body = difference.upgrade(resource, body)
    return body


def downgraded(version: tuple[int, int], resource: str, body: Any) -> Any:
    """One body of the newest shape as this version has it."""
    for difference in DIFFERENCES:
        if version < difference.before:
            body = difference.downgrade(resource, body)
    return body


def is_newest_shape(version: tuple[int, int]) -> bool:
    """Whether bodies of this version go out as they are."""
    return not any(version < difference.before for difference in DIFFERENCES)

"""All differences, newest first; the newest shape is the only one that is served.

A request passes the differences that are newer than its own version: upwards on the way in,
downwards on the way out. The newest version passes none and pays nothing.
"""

from functools import partial
from typing import Any

from quaymaster.apis.azure.versions import numbers, since, v2, v3, v3_0, v3_1, v3_updates, v4, v5
from quaymaster.apis.azure.versions.difference import Difference, Version
from quaymaster.apis.azure.versions.merging import merged
from quaymaster.apis.azure.versions.spelling import spelled

DIFFERENCES: tuple[Difference, ...] = (
    Difference((7, 1), v5.before_7_1, concerns=partial(since.concerns, (7, 1))),
    Difference((6, 1), v5.before_6_1, concerns=partial(since.concerns, (6, 1))),
    Difference((6, 0), v5.before_6_0),
    Difference((5, 2), v5.before_5_2),
    Difference((5, 1), v5.before_5_1),
    Difference((5, 0), v4.downgrade),
    Difference((4, 0), v3.downgrade, settle=v3_updates.settle),
    Difference((3, 2), v3_1.downgrade),
    Difference((3, 0, 2), v3_0.downgrade, v3_0.upgrade, meanings=v3_0.NUMBERS),
    Difference((3, 0), v2.downgrade, v2.upgrade, meanings=v2.MEANINGS),
)


def upgraded(version: Version, resource: str, body: Any) -> Any:
    """A body of this version in the newest shape."""
    for difference in reversed(DIFFERENCES):
        if version < difference.before:
            body = difference.upgrade(resource, body)
    return body


def downgraded(version: Version, resource: str, body: Any) -> Any:
    """One body of the newest shape as this version has it."""
    for difference in DIFFERENCES:
        if version < difference.before:
            body = difference.downgrade(resource, body)
    return body


def meant(version: Version, enumeration: str, said: str) -> str:
    """The word of today for a value in a query; `numbers.NOTHING` for one that nothing has."""
    for difference in reversed(DIFFERENCES):
        if version < difference.before:
            said = numbers.meant(enumeration, said, difference.meanings)
    return said


def carried(version: Version, resource: str, sent: Any, stored: Any) -> Any:
    """What an update of this version makes of the stored document, in the newest shape.

    `stored` is the document as the newest version shows it; names in `sent` may come in any case
    (LEGACY 4). Raises Problem for a change that the old shape cannot express.
    """
    if is_newest_shape(version, resource):
        return sent
    shown = downgraded(version, resource, stored)
    if shown == stored:
        return sent
    sent = spelled(resource, sent)
    made = merged(stored, shown, sent)
    for difference in reversed(DIFFERENCES):
        if version < difference.before:
            made = difference.settle(resource, made, shown, sent)
    return made


def is_newest_shape(version: Version, resource: str) -> bool:
    """Whether bodies of this resource go out as they are in this version."""
    return not any(
        version < difference.before and difference.concerns(resource) for difference in DIFFERENCES
    )

"""One step between two shapes of the API: a pair of pure functions on decoded JSON."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from quaymaster.apis.azure.versions.numbers import Meanings

Version = tuple[int, ...]  # major, minor and, where it counts, the number of the preview

Change = Callable[[str, Any], Any]  # (name of the resource, one body) → the changed body
Concerns = Callable[[str], bool]  # name of the resource → whether its bodies changed
Settle = Callable[[str, Any, Any, Any], Any]  # (name, merged, as it was shown, as it was sent)


def as_it_is(resource: str, body: Any) -> Any:
    """For a direction in which nothing has to be changed."""
    del resource
    return body


def as_merged(resource: str, body: Any, shown: Any, sent: Any) -> Any:
    """For versions whose changes to a stored document need no translation."""
    del resource, shown, sent
    return body


def everything(resource: str) -> bool:
    """For versions that changed something of every resource."""
    del resource
    return True


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed with one version: `before` is the first version that no longer needs it.

    `settle` finishes an update: it moves what was sent in the old places of a document that was
    merged with the stored one to the new places, or refuses it by a Problem. `meanings` are the
    values of enumerations that meant something else then. `concerns` says which resources changed.
    """

    before: Version
    downgrade: Change
    upgrade: Change = as_it_is
    settle: Settle = as_merged
    meanings: Meanings = field(default_factory=dict)
    concerns: Concerns = everything

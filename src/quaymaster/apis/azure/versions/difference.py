"""One step between two shapes of the API: a pair of pure functions on decoded JSON."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Change = Callable[[str, Any], Any]  # (name of the resource, one body) → the changed body


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed with one version: `before` is the first version that no longer needs it."""

    before: tuple[int, int]
    upgrade: Change
    downgrade: Change

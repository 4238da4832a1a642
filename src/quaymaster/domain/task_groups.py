"""Task groups: tasks under one name, which a definition uses like a task (SEMANTICS 13.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GROUP = "metatask"  # the published type of a step that stands for a group, in lower case

# The document of each version of each group: by id in lower case, then by whole version.
Groups = Mapping[str, Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class TakenGroup:
    """Which version of a task group a plan was expanded from; "" when none fitted."""

    id: str
    wanted: str
    version: str = ""
    revision: int = 0

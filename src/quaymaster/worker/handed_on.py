"""The output variables of one job, gathered for the jobs of its build that come after it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from quaymaster.protocol.job import OutputVariable
from quaymaster.worker.report_buffer import storable

MOST_OUTPUTS = 1000
MOST_CHARACTERS = 4 * 1024**2
TOO_MANY = (
    f"The job hands on more than {MOST_OUTPUTS} output variables or {MOST_CHARACTERS} characters; "
    "publish files as an artifact instead."
)


@dataclass(slots=True)
class HandedOn:
    """Names and values; of names that differ in case only the last counts."""

    _found: dict[str, OutputVariable] = field(default_factory=dict, repr=False)
    _characters: int = 0

    def take(self, message: OutputVariable) -> str:
        """Keep it; what is wrong, when there are too many."""
        key = message.name.casefold()
        known = self._found.get(key)
        self._characters += _length(message) - (_length(known) if known else 0)
        self._found[key] = message
        is_too_much = len(self._found) > MOST_OUTPUTS or self._characters > MOST_CHARACTERS
        return TOO_MANY if is_too_much else ""

    def plain(self) -> Mapping[str, str]:
        """What anybody who sees the build may see."""
        found = (one for one in self._found.values() if not one.is_secret)
        return {storable(one.name): storable(one.value) for one in found}

    def secret(self) -> Mapping[str, str]:
        """What only later jobs may see."""
        found = (one for one in self._found.values() if one.is_secret)
        return {storable(one.name): storable(one.hidden) for one in found}


def _length(message: OutputVariable) -> int:
    return len(message.name) + len(message.value) + len(message.hidden)

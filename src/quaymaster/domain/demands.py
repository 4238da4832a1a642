"""Whether a worker offers what a phase demands (SEMANTICS 12.7)."""

from collections.abc import Iterable, Mapping

from quaymaster.domain.ordinal import IgnoreCase, upper
from quaymaster.domain.plan import Demand


def unmet(demands: Iterable[Demand], capabilities: Mapping[str, str]) -> tuple[Demand, ...]:
    """The demands that a worker with these capabilities does not meet, in their order."""
    offered = IgnoreCase(capabilities)
    return tuple(demand for demand in demands if not _is_met(demand, offered))


def _is_met(demand: Demand, offered: Mapping[str, str]) -> bool:
    if demand.name not in offered:
        return False
    if demand.value is None:
        return True
    if not demand.at_least:
        return upper(offered[demand.name]) == upper(demand.value)
    have, want = _version(offered[demand.name]), _version(demand.value)
    return have is not None and want is not None and have >= want


def _version(text: str) -> tuple[int, ...] | None:
    """1.2 and 1.2.0 are the same version; None for what is no version at all."""
    parts = text.strip().split(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        return None
    numbers = [int(part) for part in parts]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def written(demand: Demand) -> str:
    """The demand as people write it."""
    if demand.value is None:
        return demand.name
    return f"{demand.name} -{'gtVersion' if demand.at_least else 'equals'} {demand.value}"

"""Which version of a task a step means: `2.*`, `2`, `2.1.*`, `*`, or one exactly (13.2)."""

import re
from collections.abc import Iterable

Version = tuple[int, int, int]

_NUMBER = re.compile(r"[0-9]{1,9}")


def exact(text: str) -> Version | None:
    """The three numbers of a whole version such as `2.1.3`; None for anything else."""
    parts = text.strip().split(".")
    if len(parts) != 3 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    major, minor, patch = map(int, parts)
    return major, minor, patch


def newest(wanted: str, versions: Iterable[str]) -> str | None:
    """The newest of these whole versions that `wanted` allows, as it is written there.

    What is no version is passed over; empty is the same as `*`.
    """
    beginning = _beginning(wanted)
    if beginning is None:
        return None
    fitting = [
        (numbers, text)
        for text in versions
        if (numbers := exact(text)) and numbers[: len(beginning)] == beginning
    ]
    return max(fitting)[1] if fitting else None


def _beginning(wanted: str) -> tuple[int, ...] | None:
    """The numbers before the first `*`; None when it cannot be read."""
    numbers: list[int] = []
    parts = [part.strip() for part in wanted.split(".")]
    if parts == [""]:
        return ()
    for position, part in enumerate(parts):
        if part == "*":
            return tuple(numbers) if all(rest == "*" for rest in parts[position:]) else None
        if not _NUMBER.fullmatch(part):
            return None
        numbers.append(int(part))
    return tuple(numbers) if len(numbers) <= 3 else None

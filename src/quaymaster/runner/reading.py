"""Reading what a logging command says: names, switches, numbers, ids, or why it is no use."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from quaymaster.runner.effects import DetailState, TaskResult

LONGEST_NAME = 1024
LARGEST_INTEGER = 2**31 - 1

_INTEGER = re.compile(r"\s*([+-]?)0*([0-9]{1,10})\s*")
_HEX = "[0-9a-fA-F]"
_GUID = re.compile(rf"{_HEX}{{8}}(-?){_HEX}{{4}}\1{_HEX}{{4}}\1{_HEX}{{4}}\1{_HEX}{{12}}")
_BREAKS = re.compile(r"[\x00\r\n]")


class Unacceptable(Exception):
    """A command that lacks something or says something impossible; the text shows no values."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One command's properties (any case) and data, and what holds for it."""

    properties: Mapping[str, str] = field(repr=False)
    data: str = field(repr=False)
    host: str = "release"
    multiline_secrets: bool = False

    def text(self, name: str) -> str:
        """A property's value, '' when it is not there."""
        return self.properties.get(name, "")

    def needed(self, name: str) -> str:
        """A property that must be there."""
        value = self.text(name)
        if not value:
            raise Unacceptable(f"the property '{name}' is required")
        return value

    def needed_name(self, name: str) -> str:
        """A property that names something: one line of reasonable length."""
        return one_line(self.needed(name), f"the property '{name}'")

    def needed_data(self, what: str) -> str:
        """The text behind the bracket, which must be one line and not blank."""
        if not self.data.strip():
            raise Unacceptable(f"{what} is required behind the ']'")
        return one_line(self.data, what)

    def switch(self, name: str, *, default: bool = False) -> bool:
        """A property that is true or false, in any case; everything else is the default."""
        return {"true": True, "false": False}.get(self.text(name).strip().lower(), default)

    def others(self, *names: str) -> dict[str, str]:
        """All properties but these."""
        left_out = {name.lower() for name in names}
        return {n: value for n, value in self.properties.items() if n.lower() not in left_out}


def one_line(text: str, what: str) -> str:
    """The text, if it is one line of at most 1024 characters."""
    if len(text) > LONGEST_NAME:
        raise Unacceptable(f"{what} has {len(text)} characters; at most {LONGEST_NAME} are taken")
    if _BREAKS.search(text):
        raise Unacceptable(f"{what} must be one line")
    return text


def file_name(text: str, what: str) -> str:
    """The text, if a file may be called so: no path, no line break."""
    if "/" in text or "\\" in text or text in {".", ".."}:
        raise Unacceptable(f"{what} must not hold a path")
    return one_line(text, what)


def integer(text: str) -> int | None:
    """A 32-bit whole number, or None."""
    found = _INTEGER.fullmatch(text)
    number = int(f"{found[1]}{found[2]}") if found else None
    return number if number is not None and abs(number) <= LARGEST_INTEGER else None


def percent(text: str) -> int | None:
    """A whole number brought between 0 and 100, or None."""
    number = integer(text)
    return None if number is None else min(max(number, 0), 100)


def guid(text: str) -> str | None:
    """A GUID in lower case with dashes, or None; braces and missing dashes are accepted."""
    bare = text.strip()
    bare = bare[1:-1] if bare[:1] + bare[-1:] in {"{}", "()"} else bare
    if not _GUID.fullmatch(bare):
        return None
    figures = bare.replace("-", "").lower()
    return "-".join((figures[:8], figures[8:12], figures[12:16], figures[16:20], figures[20:]))


def moment(text: str) -> datetime | None:
    """An ISO date and time as UTC, or None; without a zone it is taken as UTC."""
    try:
        written = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return written.replace(tzinfo=UTC) if written.tzinfo is None else written.astimezone(UTC)


def task_result(text: str) -> TaskResult | None:
    """A result by its exact name or its number, or None (SEMANTICS 15.4)."""
    if text in TaskResult.__members__:
        return TaskResult[text]
    number = integer(text)
    return TaskResult(number) if number in {result.value for result in TaskResult} else None


def detail_state(text: str) -> DetailState:
    """A state by its name in any case; what is no state is Pending."""
    known = {state.lower(): state for state in DetailState}
    return known.get(text.strip().lower(), DetailState.PENDING)

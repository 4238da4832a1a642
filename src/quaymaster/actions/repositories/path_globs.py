"""Patterns of paths as gitignore files hold them, on an engine whose time is linear (AVIATOR 1)."""

from collections.abc import Callable, Sequence
from typing import Any

import re2

from quaymaster.domain.errors import Invalid

MOST_PATTERNS, LONGEST_PATTERN = 200, 300
_QUIETLY = re2.Options()
_QUIETLY.log_errors = False


def matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a path is one of those that the patterns choose; without any pattern all are.

    The last pattern that fits decides, one that begins with `!` against the path. A pattern
    without a slash fits at every depth, `**` is any number of folders, and what fits a folder
    fits all that is in it. Raises Invalid for patterns that cannot be read.
    """
    lines = [line for one in patterns if (line := one.rstrip(" \t\r")) and line[0] != "#"]
    if len(lines) > MOST_PATTERNS or any(len(line) > LONGEST_PATTERN for line in lines):
        raise Invalid(
            f"Give at most {MOST_PATTERNS} patterns of at most {LONGEST_PATTERN} characters each."
        )
    if not lines:
        return lambda _path: True
    compiled = [(not line.startswith("!"), _compiled(line.removeprefix("!"))) for line in lines]

    def is_chosen(path: str) -> bool:
        found = (chooses for chooses, pattern in reversed(compiled) if pattern.fullmatch(path))
        return next(found, False)

    return is_chosen


def _compiled(pattern: str) -> Any:
    is_folder = pattern.endswith("/")
    inner = pattern.rstrip("/") if is_folder else pattern
    is_anchored = "/" in inner
    parts = [part for part in inner.split("/") if part]
    if not parts:
        raise Invalid(f"The pattern {pattern!r} names no path.")
    expression = "" if is_anchored else "(?:.*/)?"
    for place, part in enumerate(parts):
        is_last = place == len(parts) - 1
        if part == "**":
            expression += ".*" if is_last else "(?:.*/)?"
        else:
            expression += _name(part) + ("" if is_last else "/")
    expression += "/.*" if is_folder else "(?:/.*)?"
    try:
        return re2.compile("(?s)" + expression, _QUIETLY)
    except re2.error as error:
        raise Invalid(f"The pattern {pattern!r} cannot be read.") from error


def _name(part: str) -> str:
    """One name of a pattern as an expression that never crosses a slash."""
    expression, place = "", 0
    while place < len(part):
        letter = part[place]
        end = part.find("]", place + 2) if letter == "[" else -1
        if letter == "\\" and place + 1 < len(part):
            place += 1
            expression += re2.escape(part[place])
        elif end > 0:
            expression += _set(part[place + 1 : end])
            place = end
        else:
            expression += {"*": "[^/]*", "?": "[^/]"}.get(letter) or re2.escape(letter)
        place += 1
    return expression


def _set(letters: str) -> str:
    is_negated = letters[0] in "!^" and len(letters) > 1
    inside = letters[1:] if is_negated else letters
    body = "".join(one if one == "-" or one.isalnum() else re2.escape(one) for one in inside)
    return f"[^/{body}]" if is_negated else f"[{body}]"

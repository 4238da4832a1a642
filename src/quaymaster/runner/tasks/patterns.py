"""The file patterns of the copy and extract tasks (minimatch as those tasks use it).

`*` and `?` stay within a name, `**` crosses directories, `[a-z]` is a set, `@(a|b)`, `?(a)`,
`*(a)` and `+(a)` are groups; names that begin with a dot match, braces mean themselves. Patterns
become google-re2 expressions, so that none can take long.
"""

from collections.abc import Iterable
from typing import Any

import re2

from quaymaster.runner.tasks.call import TaskFailed

_GROUP_ENDS = {"@": ")", "?": ")?", "*": ")*", "+": ")+"}


def matching(paths: Iterable[str], patterns: Iterable[str], root: str = "") -> list[str]:
    """The relative paths that the patterns choose, in the order of `paths`.

    A pattern may also be written in full, beginning with `root`. Patterns count from top to
    bottom: each adds what it matches, one with `!` takes it away; lines that begin with `#` are
    comments. Raises TaskFailed for a pattern that cannot be read.
    """
    everything = list(paths)
    chosen: set[str] = set()
    for line in patterns:
        if line.startswith("#"):
            continue
        pattern = line.lstrip("!")
        matcher = _compiled(_below(pattern, root))
        found = {path for path in everything if matcher.fullmatch(path)}
        excludes = (len(line) - len(pattern)) % 2 == 1
        chosen = chosen - found if excludes else chosen | found
    return [path for path in everything if path in chosen]


def _below(pattern: str, root: str) -> str:
    """The pattern relative to the root; TaskFailed when it is written for another directory."""
    if not pattern.startswith("/"):
        return pattern
    if pattern == root or not pattern.startswith(root.rstrip("/") + "/"):
        raise TaskFailed(
            f"The pattern '{pattern}' is not below {root}, where files are looked for."
        )
    return pattern[len(root.rstrip("/")) + 1 :]


def _compiled(pattern: str) -> Any:
    relative = pattern.removeprefix("./").strip("/")
    try:
        return re2.compile("(?s)" + _expression(relative))
    except re2.error as error:
        raise TaskFailed(f"The pattern '{pattern}' cannot be used: {error}.") from error


def _expression(pattern: str) -> str:
    parts = [part for part in pattern.split("/") if part]
    expression = ""
    for position, part in enumerate(parts):
        last = position == len(parts) - 1
        if part == "**":
            expression += ".*" if last else "(?:[^/]+/)*"
        else:
            expression += _segment(part) + ("" if last else "/")
    return expression


def _segment(part: str) -> str:
    """One name of a pattern as an expression that never crosses a `/`."""
    expression = ""
    open_groups: list[str] = []
    position = 0
    while position < len(part):
        letter = part[position]
        following = part[position + 1 : position + 2]
        if letter == "\\" and following:
            expression += re2.escape(following)
            position += 1
        elif letter == "!" and following == "(":
            raise TaskFailed(
                f"'{part}': groups that exclude, !(…), are not supported; use a ! line."
            )
        elif letter in _GROUP_ENDS and following == "(":
            expression += "(?:"
            open_groups.append(_GROUP_ENDS[letter])
            position += 1
        elif letter == ")" and open_groups:
            expression += open_groups.pop()
        elif letter == "|" and open_groups:
            expression += "|"
        elif letter == "[" and (end := part.find("]", position + 2)) > 0:
            expression += _set(part[position + 1 : end])
            position = end
        else:
            expression += {"*": "[^/]*", "?": "[^/]"}.get(letter) or re2.escape(letter)
        position += 1
    return expression


def _set(content: str) -> str:
    negated = content[0] in "!^"
    body = (content[1:] if negated else content).replace("\\", "\\\\").replace("[", "\\[")
    return f"[^/{body}]" if negated else f"[{body}]"

"""What a YAML pipeline says of when it is built: `trigger` and `pr` (issue 4.3).

Where the file says nothing its definition decides; what is not understood is a problem at its line.
"""

from collections.abc import Mapping
from dataclasses import replace

from quaymaster.domain.build_triggers import BuildTriggers, PullRequestTrigger, PushTrigger
from quaymaster.domain.errors import Invalid
from quaymaster.plans.yaml_parts import refuse_others
from quaymaster.plans.yaml_reading import Value, read

NONE = "none"
TAGS = "refs/tags/"


def file_triggers(
    text: str, file: str, *, silent_pushes: bool = False, silent_pull_requests: bool = False
) -> BuildTriggers:
    """The triggers of a file; where it is silent, of every push or pull request if told so.

    Raises Invalid, naming file and line, for what cannot be read.
    """
    root = read(text, file)
    said = root.entries()
    found = check_triggers(said)
    if root.problems.found:
        raise Invalid("The pipeline cannot be run.", tuple(dict.fromkeys(root.problems.found)))
    if silent_pushes and "trigger" not in said:
        found = replace(found, push=PushTrigger())
    if silent_pull_requests and "pr" not in said:
        found = replace(found, pull_request=PullRequestTrigger(auto_cancel=True))
    return found


def check_triggers(said: Mapping[str, Value]) -> BuildTriggers:
    """The triggers among the entries of a whole pipeline; problems are noted at their lines."""
    return BuildTriggers(_push(said.get("trigger")), _pull_request(said.get("pr")))


def _push(value: Value | None) -> PushTrigger | None:
    if value is None or _is_none(value):
        return None
    if not value.is_mapping:
        return PushTrigger(tuple(f"+{name}" for name in value.texts()))
    said = value.entries()
    refuse_others(said, frozenset({"batch", "branches", "paths", "tags"}), "a trigger")
    tags = tuple(f"{one[0]}{TAGS}{one[1:]}" for one in _filters(said, "tags"))
    batch = said["batch"].flag() if "batch" in said else False
    return PushTrigger((*_filters(said, "branches"), *tags), _filters(said, "paths"), batch)


def _pull_request(value: Value | None) -> PullRequestTrigger | None:
    if value is None or _is_none(value):
        return None
    if not value.is_mapping:
        return PullRequestTrigger(tuple(f"+{name}" for name in value.texts()), auto_cancel=True)
    said = value.entries()
    refuse_others(said, frozenset({"autoCancel", "branches", "paths"}), "pr")
    auto_cancel = said["autoCancel"].flag() if "autoCancel" in said else True
    return PullRequestTrigger(_filters(said, "branches"), _filters(said, "paths"), auto_cancel)


def _is_none(value: Value) -> bool:
    return value.is_nothing or (value.is_text and value.text().strip() == NONE)


def _filters(said: Mapping[str, Value], key: str) -> tuple[str, ...]:
    """`+name` for what is included, `-name` for what is excluded; a plain list includes."""
    if key not in said:
        return ()
    value = said[key]
    if not value.is_mapping:
        return tuple(f"+{name}" for name in value.texts())
    inside = value.entries()
    refuse_others(inside, frozenset({"include", "exclude"}), f"the {key} of a trigger")
    included = inside["include"].texts() if "include" in inside else ()
    excluded = inside["exclude"].texts() if "exclude" in inside else ()
    return (*(f"+{name}" for name in included), *(f"-{name}" for name in excluded))

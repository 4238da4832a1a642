"""Settings of a project as this contract writes them (AVIATOR 1, 7)."""

from collections.abc import Callable, Mapping
from typing import Any

from quaymaster.actions.repositories.cut_clocks import (
    BRANCH,
    CRON,
    FILE_PATHS,
    SCHEDULED_CUT,
    VERSIONS,
    ZONE,
)
from quaymaster.actions.repositories.repositories import BUILD_METHOD
from quaymaster.apis.aviator import methods
from quaymaster.apis.aviator.asked import flag_in, text_in
from quaymaster.apis.aviator.errors import Problem
from quaymaster.domain import workflows
from quaymaster.domain.release_versions import Numbering

USUAL = {ZONE: "UTC", VERSIONS: Numbering.CALVER.value, BRANCH: ""}


def settings_in(body: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a body names. Raises Problem 400 `Invalid <name>`."""
    return {name: read(body, name) for name, read in READERS.items() if name in body}


def _paths(body: Mapping[str, Any], name: str) -> list[str]:
    """A list of patterns, or a text with one a line."""
    value = body[name]
    lines = value.splitlines() if isinstance(value, str) else [] if value is None else value
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise Problem(400, f"Invalid {name}: give a list of patterns, or a text with one a line")
    return [line for line in lines if line.strip()]


def _clock(body: Mapping[str, Any], name: str) -> dict[str, str] | None:
    """The clock that candidates are cut by; null is none."""
    value = body[name]
    if value is None:
        return None
    if not isinstance(value, dict) or not set(value) <= {CRON, *USUAL} or CRON not in value:
        raise Problem(400, f"Invalid {name}: give {CRON} and, if need be, {', '.join(USUAL)}")
    return {key: text_in(value, key, USUAL.get(key, "")) for key in (CRON, *USUAL)}


def _method(body: Mapping[str, Any], name: str) -> dict[str, str] | None:
    """What builds candidates, as it is kept."""
    found = methods.method_in(body[name], name, builds=True)
    return workflows.written(found) if found else None


READERS: dict[str, Callable[[Mapping[str, Any], str], Any]] = {
    "source_url": text_in,
    "source_connection": text_in,
    "patch_reopens": flag_in,
    FILE_PATHS: _paths,
    SCHEDULED_CUT: _clock,
    BUILD_METHOD: _method,
    "verification_label": text_in,
    "verified_label": text_in,
}
KEYS = tuple(READERS)

"""The shapes of build definitions before 4.0: the steps of the one phase stand in `build`."""

from typing import Any

from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.versions.difference import Version

PROCESSES_SINCE = (4, 0)
CANNOT_SAY = (
    "This build definition has several phases, whose steps this api-version cannot tell apart. "
    "Change its steps with api-version 4.0 or newer."
)


def shown(version: Version, definition: dict[str, Any]) -> dict[str, Any]:
    """A definition as this version has it."""
    process = definition.get("process")
    if version >= PROCESSES_SINCE or not isinstance(process, dict):
        return definition
    made = {key: value for key, value in definition.items() if key != "process"}
    phases = process.get("phases")
    if isinstance(phases, list):
        made["build"] = [step for phase in phases for step in phase.get("steps") or ()]
    else:
        made["process"] = process  # YAML cannot be said otherwise
    return made


def carried(version: Version, sent: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    """What an update of this version says, with the phases that it cannot name as they were stored.

    The steps of a definition with several phases cannot be told apart by such a client: it may
    change all else. Raises Problem when it changes them, rather than lose phases (LEGACY 6.3).
    """
    names = {name.casefold(): name for name in sent}
    if version >= PROCESSES_SINCE or "process" in names or "build" not in names:
        return sent
    process = stored.get("process")
    phases = process.get("phases") if isinstance(process, dict) else None
    if not isinstance(phases, list) or not phases:
        return sent
    made, steps = dict(sent), sent[names["build"]]
    del made[names["build"]]
    if len(phases) == 1:
        phases = [{**phases[0], "steps": steps}]
    elif steps != shown(version, {"process": process})["build"]:
        raise Problem(400, "InvalidRequestException", CANNOT_SAY)
    return {**made, "process": {**(process or {}), "phases": phases}}

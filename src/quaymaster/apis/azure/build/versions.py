"""The shapes of build definitions before 4.0: the steps of the one phase stand in `build`."""

from typing import Any

from quaymaster.apis.azure.versions.difference import Version

PROCESSES_SINCE = (4, 0)


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
    """What an update of this version says, with the phase that it cannot name as it was stored.

    The steps of a definition with several phases cannot be told apart by such a client.
    """
    if version >= PROCESSES_SINCE or "process" in sent or "build" not in sent:
        return sent
    process = stored.get("process")
    phases = process.get("phases") if isinstance(process, dict) else None
    if not isinstance(phases, list) or len(phases) != 1:
        return sent
    made = {key: value for key, value in sent.items() if key != "build"}
    made["process"] = {**(process or {}), "phases": [{**phases[0], "steps": sent["build"]}]}
    return made

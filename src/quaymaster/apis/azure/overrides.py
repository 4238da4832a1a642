"""Variables that a caller sets for a release or a stage (CONTRACT C ConfigurationVariableValue)."""

from typing import Any

from quaymaster.apis.azure.asked import object_in, text_in
from quaymaster.apis.azure.values import bool_in
from quaymaster.apis.shared import json_reading
from quaymaster.domain.overrides import Override

KNOWN = ("value", "isSecret", "allowOverride")
LONGEST = 1024 * 1024


def overrides_in(given: Any, where: str) -> dict[str, Override]:
    """Names and what they shall hold; scripts also send plain texts instead of objects."""
    found = {}
    for name, told in object_in(given, where).items():
        if told is None or isinstance(told, str):
            found[name] = Override(told)
            continue
        variable = json_reading.cased(dict(object_in(told, f"{where}.{name}")), KNOWN)
        value = variable.get("value")
        found[name] = Override(
            None if value is None else text_in(value, f"{where}.{name}", longest=LONGEST),
            bool_in(variable.get("isSecret") or False, f"{where}.{name}.isSecret"),
        )
    return found

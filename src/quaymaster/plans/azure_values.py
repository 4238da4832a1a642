"""Reads one value of an Azure document the way its published server reads JSON (CONTRACT A.5).

That reader is lenient: numbers and booleans may come as text and text as numbers. A value that
fits no reading is kept as it is, for the compiler to complain about at its path.
"""

import re
from collections.abc import Mapping
from typing import Any

from quaymaster.plans.azure_words import Words

_INTEGER = re.compile(r"-?[0-9]{1,18}")


def as_text(value: Any) -> Any:
    """Text, with numbers and booleans written as JSON writes them."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case _:
            return value


def as_integer(value: Any) -> Any:
    """An integer, also from digits as text or a number without a fraction."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case str() if _INTEGER.fullmatch(value.strip()):
            return int(value)
        case _:
            return value


def as_boolean(value: Any) -> Any:
    """A boolean, also from `true` and `false` as text in any case, or 1 and 0."""
    match value:
        case str() if value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        case 0 | 1:
            return bool(value)
        case _:
            return value


def as_word(words: Words, value: Any) -> Any:
    """The published spelling of an enumeration's word or number."""
    try:
        return words.word(value)
    except ValueError:
        return value


def as_properties(value: Any) -> Any:
    """A properties collection in its published form: each value beside the name of its type."""
    if not isinstance(value, dict):
        return value
    return {name: _property(entry) for name, entry in value.items()}


def _property(entry: Any) -> Any:
    match entry:
        case bool():
            return {"$type": "System.Boolean", "$value": entry}
        case int():
            return {"$type": "System.Int32", "$value": entry}
        case float():
            return {"$type": "System.Double", "$value": entry}
        case str():
            return {"$type": "System.String", "$value": entry}
        case _:
            return entry


def as_identity(value: Any, people: Mapping[str, str]) -> Any:
    """Who is meant, without anything that is said about them: names are never taken from a body.

    `people` gives the id here for what a document calls somebody: an id or a unique name, in
    lower case. Where only a name is given, the name is kept so that the author sees who is meant.
    """
    if not isinstance(value, dict):
        return value
    said = {name.lower(): as_text(entry) for name, entry in value.items()}
    names = [said[key] for key in ("id", "uniquename", "displayname") if said.get(key)]
    for name in names:
        if isinstance(name, str) and name.lower() in people:
            return {"id": people[name.lower()]}
    if said.get("id"):
        return {"id": said["id"]}
    kept = {"uniqueName": said.get("uniquename"), "displayName": said.get("displayname")}
    return {key: name for key, name in kept.items() if name}

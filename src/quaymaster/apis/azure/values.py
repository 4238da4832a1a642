"""Single values as this contract writes and reads them: dates, numbers, lists, properties."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

from quaymaster.apis.azure.errors import Problem

NO_DATE_YEAR = 1  # old bodies say 0001-01-01 where newer ones say null
_AMERICAN = ("%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p")
_YES_NO = {"true": True, "false": False, "1": True, "0": False}
LARGEST_ID = 2**31 - 1
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")


def invalid(name: str, value: object, wanted: str) -> Problem:
    """The error for a parameter or property that cannot be understood."""
    shown = str(value)[:60]
    return Problem(
        400,
        "VssPropertyValidationException",
        f"The value '{shown}' of {name} is not valid: {wanted}.",
    )


def date_out(at: datetime | None) -> str | None:
    """UTC with at most three decimals and no zeros at their end: `2024-03-15T10:00:00.31Z`."""
    if at is None:
        return None
    text = at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6]
    return text.rstrip("0").removesuffix(".") + "Z"


def date_in(text: str | None, name: str) -> datetime | None:
    """A date in any of the ways clients write one; without a zone it is UTC.

    ISO 8601 with up to seven decimals, RFC 1123, and month/day/year. Raises Problem.
    """
    if text is not None and not isinstance(text, str):
        raise invalid(name, str(text), "write it as 2024-03-15T10:00:00Z")
    if text is None or not text.strip():
        return None
    found = _date(text.strip())
    if found is None:
        raise invalid(name, text, "write it as 2024-03-15T10:00:00Z")
    if found.year == NO_DATE_YEAR:
        return None
    try:
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except OverflowError as error:
        raise invalid(name, text, "the year is out of range") from error


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        pass
    for form in _AMERICAN:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def number_in(
    value: object, name: str, *, lowest: int = -(2**31), highest: int = LARGEST_ID
) -> int:
    """A whole number, also written as text. Raises Problem naming the parameter."""
    number: int | None = None
    match value:
        case bool():
            pass
        case int():
            number = value
        case float() if value.is_integer():
            number = int(value)
        case str() if _WHOLE.fullmatch(value.strip()):
            number = int(value)
    if number is None or not lowest <= number <= highest:
        raise invalid(name, value, f"it must be a whole number from {lowest} to {highest}")
    return number


def guid_in(value: object, name: str) -> str:
    """A GUID in its published form, lower case with dashes. Raises Problem."""
    try:
        return str(UUID(str(value).strip()))
    except ValueError as error:
        raise invalid(name, value, "it must be a GUID") from error


def bool_in(value: object, name: str) -> bool:
    """A yes or no, also written as text in any case. Raises Problem."""
    if isinstance(value, bool):
        return value
    found = _YES_NO.get(str(value).strip().casefold())
    if found is None:
        raise invalid(name, value, "it must be true or false")
    return found


def list_in(given: list[str]) -> list[str]:
    """The parts of a comma-joined or repeated parameter, without empty ones."""
    return [part.strip() for text in given for part in text.split(",") if part.strip()]


def numbers_in(given: list[str], name: str) -> list[int]:
    """The same for ids."""
    return [number_in(part, name) for part in list_in(given)]


def properties_out(properties: Mapping[str, Any]) -> dict[str, Any]:
    """A properties collection: each value with its .NET type."""
    return {key: _typed(value) for key, value in properties.items()}


def _typed(value: Any) -> dict[str, Any]:
    match value:
        case {"$type": _, "$value": _}:
            return dict(value)
        case bool():
            return {"$type": "System.Boolean", "$value": value}
        case int():
            return {"$type": "System.Int32", "$value": value}
        case float():
            return {"$type": "System.Double", "$value": value}
        case _:
            return {"$type": "System.String", "$value": value}


def properties_in(given: Mapping[str, Any]) -> dict[str, Any]:
    """A properties collection as plain values, from either way of writing them."""
    return {
        key: value["$value"] if isinstance(value, Mapping) and "$value" in value else value
        for key, value in given.items()
    }

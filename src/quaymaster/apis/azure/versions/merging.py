"""Saves a body of an old shape without losing what that shape cannot say (LEGACY 6.3).

Three documents are compared: the stored one, the stored one as the caller's version shows it, and
what the caller sent. Where the last two agree nothing was changed, so the stored part stays.
"""

from collections.abc import Iterator
from typing import Any

NOTHING = object()


def merged(stored: Any, shown: Any, sent: Any) -> Any:
    """The stored document with the caller's changes to `shown`, which is `stored` as it was seen.

    What `shown` lacks is kept; what it has and `sent` lacks was removed by the caller.
    """
    if sent == shown:
        return stored
    match stored, shown, sent:
        case dict(), dict(), dict():
            return dict(_entries(stored, shown, sent))
        case list(), list(), list() if len(stored) == len(shown):
            return [_element(stored, shown, entry, place) for place, entry in enumerate(sent)]
        case _:
            return sent


def _entries(
    stored: dict[str, Any], shown: dict[str, Any], sent: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    for key, value in stored.items():
        if key in sent:
            yield key, merged(value, shown.get(key, NOTHING), sent[key])
        elif key not in shown:
            yield key, value
    for key, value in sent.items():
        if key not in stored and value != shown.get(key, NOTHING):
            yield key, value


def _element(stored: list[Any], shown: list[Any], sent: Any, place: int) -> Any:
    """An element with its counterpart: the one of the same id, or in the same place without ids."""
    if any(_id(one) for one in shown):
        wanted = _id(sent)
        found = (n for n, one in enumerate(shown) if wanted and _id(one) == wanted)
        place = next(found, len(shown))
    return merged(stored[place], shown[place], sent) if place < len(shown) else sent


def _id(one: Any) -> Any:
    return one.get("id") if isinstance(one, dict) else None

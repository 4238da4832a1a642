"""Saves a body of an old shape without losing what that shape cannot say (LEGACY 6.3).

Three documents are compared: the stored one, the stored one as the caller's version shows it, and
what the caller sent. Where the last two agree nothing was changed, so the stored part stays.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

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
            places = _places(shown, sent)
            return [
                entry if place is None else merged(stored[place], shown[place], entry)
                for place, entry in zip(places, sent, strict=True)
            ]
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


def _places(shown: list[Any], sent: list[Any]) -> list[int | None]:
    """Where the counterpart of each element stood; None for one that is new.

    With ids it is the one of the same id. Without, one that was sent as it was shown is that one,
    wherever it stands now; any other is the one of its place, unless that stands elsewhere.
    """
    if any(_id(one) for one in shown):
        numbers = {_id(one): place for place, one in reversed(list(enumerate(shown)))}
        return [numbers.get(_id(one)) if _id(one) else None for one in sent]
    waiting: dict[bytes, list[int]] = {}
    for place in reversed(range(len(shown))):
        waiting.setdefault(_text(shown[place]), []).append(place)
    same = [waiting.get(_text(one)) for one in sent]
    places = [found.pop() if found else None for found in same]
    free = set(range(len(shown))) - set(places)
    return [
        number if place is None and number in free else place for number, place in enumerate(places)
    ]


def _text(one: Any) -> bytes:
    return msgspec.json.encode(one, order="sorted")


def _id(one: Any) -> int | str | None:
    """The id of an object; None where there is none, or something else in its place."""
    number = one.get("id") if isinstance(one, dict) else None
    return number if isinstance(number, int | str) else None

"""Saves a body of an old shape without losing what that shape cannot say (LEGACY 6.3).

Three documents are compared: the stored one, the stored one as the caller's version shows it, and
what the caller sent. Where the last two agree nothing was changed, so the stored part stays.
"""

from collections.abc import Callable, Collection, Iterator
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

    With ids it is the one of the same id. Without, it is the one that is most alike of the same
    kind (`_LIKENESSES`); where one of several such has gone, nobody knows which, and it is new.
    """
    if any(_id(one) for one in shown):
        numbers = {_id(one): place for place, one in reversed(list(enumerate(shown)))}
        return [numbers.get(_id(one)) if _id(one) else None for one in sent]
    places: dict[int, int] = {}  # in `sent` → in `shown`
    for likeness in _LIKENESSES:
        free = _grouped(likeness, shown, set(places.values()))
        for text, new in _grouped(likeness, sent, places.keys()).items():
            old = free.get(text, [])
            if likeness is _text or len(old) == len(new):
                places.update(zip(new, old, strict=False))
    return [places.get(number) for number in range(len(sent))]


def _grouped(
    likeness: Callable[[Any], bytes], entries: list[Any], without: Collection[int]
) -> dict[bytes, list[int]]:
    """The places of those that are alike, less some."""
    found: dict[bytes, list[int]] = {}
    for place, one in enumerate(entries):
        if place not in without:
            found.setdefault(likeness(one), []).append(place)
    return found


def _text(one: Any) -> bytes:
    return msgspec.json.encode(one, order="sorted")


def _kind(one: Any) -> bytes:
    """What an element can hardly stop to be while it is edited."""
    return _part(one, ("taskId", "phaseType", "triggerType", "conditionType"))


def _name(one: Any) -> bytes:
    return _kind(one) + _part(one, ("name", "alias", "artifactAlias"))


def _content(one: Any) -> bytes:
    """All but what it is called and where it stands."""
    if not isinstance(one, dict):
        return _text(one)
    return _text({key: value for key, value in one.items() if key not in ("name", "rank")})


def _part(one: Any, keys: tuple[str, ...]) -> bytes:
    return _text([one.get(key) for key in keys] if isinstance(one, dict) else None)


_LIKENESSES = (_text, _name, _content, _kind)  # the surest first


def _id(one: Any) -> int | str | None:
    """The id of an object; None where there is none, or something else in its place."""
    number = one.get("id") if isinstance(one, dict) else None
    return number if isinstance(number, int | str) else None

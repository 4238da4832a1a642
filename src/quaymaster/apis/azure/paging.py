"""How much of a list is wanted and where it goes on (CONTRACT A.6)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

import msgspec

from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.values import number_in
from quaymaster.apis.shared.query import Query
from quaymaster.domain.numbers import digits
from quaymaster.store.definitions.lists import Key

LARGEST_TOKEN = 2**63 - 1


def top(query: Query, *, usual: int, most: int) -> int:
    """`top` or `$top`, no more than `most`. Raises Problem for 0, negatives and words."""
    text = query.text("top")
    if not text:
        return usual
    wanted = number_in(text, "$top", lowest=-(2**63), highest=2**63)
    if wanted <= 0:
        raise Problem(
            400, "VssPropertyValidationException", f"$top must be 1 or more; it is {wanted}."
        )
    return min(wanted, most)


def id_token(query: Query) -> int:
    """The id that a page begins with; 0 is from the start. Raises Problem for a forged one."""
    text = query.text("continuationToken")
    return number(text) if text else 0


def number(token: str) -> int:
    """A token that is a number. Raises Problem for anything else."""
    found = digits(token, 19)
    if found is None or found > LARGEST_TOKEN:
        raise forged()
    return found


def forged() -> Problem:
    """The error for a token that this server cannot have given out."""
    return Problem(
        400,
        "VssPropertyValidationException",
        "The continuationToken is not one that this server has given. Start again without it.",
    )


def key_token(key: Key, order: str) -> str:
    """Where the next page of this order begins, as opaque text: the order and the key."""
    value = key.value.isoformat() if isinstance(key.value, datetime) else key.value
    return urlsafe_b64encode(msgspec.json.encode([order, value, key.id])).decode().rstrip("=")


def key_in(token: str, order: str, kind: type) -> Key:
    """The key of such a text, its value of this kind.

    Raises Problem for a forged one, and for one that was given for another order.
    """
    try:
        padded = token + "=" * (-len(token) % 4)
        body = urlsafe_b64decode(padded)
        given, value, number = msgspec.json.decode(body, type=tuple[str, str | int, int])
        if given != order:
            raise forged()
        if kind is datetime and value != "":  # "" stands for a time that has not come
            return Key(datetime.fromisoformat(str(value)), number)
        if kind is not datetime and not isinstance(value, kind):
            raise forged()
        return Key(value, number)
    except (ValueError, msgspec.DecodeError) as error:
        raise forged() from error

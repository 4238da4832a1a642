"""How much of a list is wanted and where it goes on (CONTRACT A.6)."""

from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.values import number_in
from quaymaster.apis.shared.query import Query

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
    if not (token.isascii() and token.isdigit()) or len(token) > 19:
        raise forged()
    found = int(token)
    if found > LARGEST_TOKEN:
        raise forged()
    return found


def forged() -> Problem:
    """The error for a token that this server cannot have given out."""
    return Problem(
        400,
        "VssPropertyValidationException",
        "The continuationToken is not one that this server has given. Start again without it.",
    )

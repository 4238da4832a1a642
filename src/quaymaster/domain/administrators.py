"""Who administers an installation: always somebody who may sign in."""

from quaymaster.domain.errors import Refused


def check_somebody_is_left(before: frozenset[str], after: frozenset[str], group: str) -> None:
    """Raise Refused for a change after which none of the administrators may sign in.

    `before` and `after` are those who may; where there was nobody before, nothing is lost.
    """
    if before and not after:
        raise Refused(
            "Nobody who may sign in would be an administrator any more. Make somebody else one "
            f"first: quaymaster group add '{group}' NAME"
        )

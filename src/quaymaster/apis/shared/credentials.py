"""The token in an Authorization header: Basic with any user name, or Bearer (CONTRACT A.3)."""

import base64
import binascii

LONGEST_HEADER = 8192


def tokens(header: str) -> tuple[str, ...]:
    """The tokens that a header may carry, the likelier first; nothing when it carries none.

    Scripts put the token in the password with any user name, a few in the user name alone.
    """
    scheme, _, rest = header.strip().partition(" ")
    rest = rest.strip()
    if len(header) > LONGEST_HEADER or not rest:
        return ()
    if scheme.casefold() == "bearer":
        return (rest,)
    if scheme.casefold() != "basic":
        return ()
    user, colon, password = _decoded(rest).partition(":")
    if not colon:
        return ()
    return tuple(dict.fromkeys(text for text in (password, user) if text))


def _decoded(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""

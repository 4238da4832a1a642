"""Paths as clients send them, taken apart before anybody decides what they mean (R-03).

A path is split at its plain slashes first and decoded after that, so an encoded slash stays
inside its part. What could be read in two ways is refused.
"""

from functools import lru_cache
from urllib.parse import unquote_to_bytes

from quaymaster.apis.shared.refusals import BadRequest, NoSuchRoute

LONGEST_PATH = 8192
LONGEST_REMEMBERED = 256  # clients ask for the same few addresses all the time


def parts(raw_path: bytes) -> tuple[str, ...]:
    """The decoded parts of a path as it came over the wire; one closing slash is ignored.

    Raises BadRequest for bytes that are not UTF-8, control characters and paths beyond reason,
    NoSuchRoute for empty, `.` and `..` parts, which no route has.
    """
    if len(raw_path) > LONGEST_PATH:
        raise BadRequest(f"The path is longer than {LONGEST_PATH} bytes.")
    return _remembered(raw_path) if len(raw_path) <= LONGEST_REMEMBERED else _parts(raw_path)


def _parts(raw_path: bytes) -> tuple[str, ...]:
    pieces = raw_path.removeprefix(b"/").removesuffix(b"/").split(b"/")
    return tuple(_decoded(piece) for piece in pieces) if pieces != [b""] else ()


_remembered = lru_cache(maxsize=1024)(_parts)


def _decoded(piece: bytes) -> str:
    try:
        part = unquote_to_bytes(piece).decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise BadRequest("The path is not valid UTF-8.") from error
    if any(ord(character) < 32 or ord(character) == 127 for character in part):
        raise BadRequest("The path holds a control character.")
    if part.strip() in {"", ".", ".."}:
        raise NoSuchRoute("The path has an empty or relative part.")
    return part

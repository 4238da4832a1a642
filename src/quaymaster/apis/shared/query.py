"""Query parameters: names in any case, with or without `$`, encoded or not (CONTRACT A.1)."""

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from quaymaster.apis.shared.refusals import BadRequest

MOST_PARAMETERS = 200
LONGEST_REMEMBERED = 512  # clients ask for the same few lists all the time


class Query:
    """The parameters of a request; `top`, `$top`, `%24top` and `TOP` are the same name.

    It does not change: requests with the same query string may share one.
    """

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._values = values

    def all(self, name: str) -> list[str]:
        """Every value given under this name, in order."""
        return self._values.get(name.casefold(), [])

    def text(self, name: str) -> str:
        """The last value given, without surrounding space; empty when there is none."""
        given = self.all(name)
        return given[-1].strip() if given else ""

    def has(self, name: str) -> bool:
        return name.casefold() in self._values


def read(query_string: bytes) -> Query:
    """Take a query string apart. Raises BadRequest for what is not UTF-8, or far too many."""
    short = len(query_string) <= LONGEST_REMEMBERED
    return _remembered(query_string) if short else _read(query_string)


def _read(query_string: bytes) -> Query:
    values: dict[str, list[str]] = {}
    pairs = [pair for pair in query_string.split(b"&") if pair]
    if len(pairs) > MOST_PARAMETERS:
        raise BadRequest(f"The query has more than {MOST_PARAMETERS} parameters.")
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        key = _decoded(name).strip().removeprefix("$").casefold()
        values.setdefault(key, []).append(_decoded(value))
    return Query(values)


_remembered = lru_cache(maxsize=1024)(_read)


def _decoded(raw: bytes) -> str:
    try:
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise BadRequest("The query is not valid UTF-8.") from error
    if "\x00" in text:
        raise BadRequest("The query holds a NUL character.")
    return text

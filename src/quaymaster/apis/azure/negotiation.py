"""The api-version of a request: where it is asked for, how it is written, what is served."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.shared.query import Query

NEWEST = (7, 2)
OLDEST = (1, 0)
USUAL = "7.1"
NEWEST_PREVIEW = 1000

NOT_SPECIFIED = (
    "No api-version was supplied for this request, which changes something. Supply one either as "
    f'part of the Accept header ("application/json; api-version={USUAL}") or as a query parameter '
    f'("?api-version={USUAL}").'
)

_FORM = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,3}))?(-preview(?:\.([0-9]{1,3}))?)?", re.IGNORECASE)
_PARAMETER = re.compile(r";\s*api-version\s*=\s*\"?([^;,\"\s]*)", re.IGNORECASE)


class Era(StrEnum):
    """Classes of versions that behave alike (CONTRACT A.4)."""

    LEGACY = "legacy"  # before 4.0
    V4 = "v4"
    MODERN = "v5+"


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """A version in use; `text` is repeated in the answer's Content-Type."""

    number: tuple[int, int]
    text: str
    is_preview: bool = False
    preview: int | None = None

    @property
    def precise(self) -> tuple[int, int, int]:
        """The number with that of the preview; without one it is the newest of them."""
        return *self.number, NEWEST_PREVIEW if self.preview is None else self.preview

    @property
    def era(self) -> Era:
        if self.number < (4, 0):
            return Era.LEGACY
        return Era.V4 if self.number < (5, 0) else Era.MODERN


NEWEST_RELEASED = ApiVersion((7, 1), USUAL)


def asked(query: Query, accept: str, content_type: str, *, required: bool = False) -> ApiVersion:
    """The version a request speaks: the query wins over Accept, Accept over Content-Type.

    Without any the newest released one is served, unless it is `required`. Raises Problem for a
    text that is no version, for one that is out of range and for one that is missing.
    """
    text = query.text("api-version") or _parameter(accept) or _parameter(content_type)
    if required and not text:
        raise Problem(400, "VssVersionNotSpecifiedException", NOT_SPECIFIED)
    return parsed(text) if text else NEWEST_RELEASED


def _parameter(header: str) -> str:
    found = _PARAMETER.search(header)
    return found.group(1) if found else ""


@lru_cache(maxsize=64)
def parsed(text: str) -> ApiVersion:
    """Read `7.1`, `7.1-preview` or `7.1-preview.8`, in any case."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise Problem(
            400,
            "VssInvalidApiResourceVersionException",
            f"The api-version '{text[:40]}' is not a version. Write it as 7.1, 7.1-preview or "
            "7.1-preview.1.",
        )
    number = (int(match.group(1)), int(match.group(2) or 0))
    if not OLDEST <= number <= NEWEST:
        raise Problem(
            400,
            "VssVersionOutOfRangeException",
            f"The requested REST API version of {number[0]}.{number[1]} is out of range for this "
            "server. The latest REST API version this server supports is "
            f"{NEWEST[0]}.{NEWEST[1]}.",
        )
    preview = int(match.group(4)) if match.group(4) else None
    return ApiVersion(number, text.lower(), match.group(3) is not None, preview)

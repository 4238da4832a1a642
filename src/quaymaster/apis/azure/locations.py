"""Where each resource is found, as clients ask before their first call (CONTRACT A.2).

`locations.json` holds one row per location in the order in which clients must see them: for
approvals the one with `{approvalId}` comes first, or `az devops invoke` loses the id.
"""

import re
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any

import msgspec

Row = tuple[str, str, str, str, str, str, str, int]

# Resource areas that clients may ask for by id (CONTRACT A.2); all are served at the same base.
AREAS = {
    "efc2f575-36ef-48e9-b672-0c6fb4a48ac5": "Release",
    "965220d5-5bb9-42cf-8d67-9b146df2a5a4": "build",
    "5d6898bb-45ec-463f-95f9-54d49c71752e": "build",
    "79134c72-4a58-4b42-976c-04e7115f32bf": "core",
    "a85b8835-c1a1-4aac-ae97-1c3d0ba72dbd": "distributedtask",
    "4e080c62-fa21-4fbc-8fef-2a10a2b38049": "git",
    "1814ab31-2f4f-4a9f-8761-f4d77dc5a5d7": "serviceendpoint",
    "b4bcf7e2-8869-45ce-9348-a087cba9d144": "DeploymentTracking",
}


@dataclass(frozen=True, slots=True)
class Location:
    """One ApiResourceLocation with its published field names."""

    id: str
    area: str
    resourceName: str  # noqa: N815 - sent under this name
    routeTemplate: str  # noqa: N815 - sent under this name
    minVersion: str  # noqa: N815 - sent under this name
    maxVersion: str  # noqa: N815 - sent under this name
    releasedVersion: str  # noqa: N815 - sent under this name
    resourceVersion: int  # noqa: N815 - sent under this name


@cache
def all_locations() -> tuple[Location, ...]:
    text = resources.files("quaymaster.apis.azure").joinpath("locations.json").read_bytes()
    return tuple(Location(*row) for row in msgspec.json.decode(text, type=list[Row]))


@cache
def listed(area: str = "") -> bytes:
    """The answer of `OPTIONS _apis[/{area}]`; an unknown area is an empty list."""
    wanted = area.casefold()
    found = [place for place in all_locations() if not wanted or place.area.casefold() == wanted]
    values: list[dict[str, Any]] = [asdict(place) for place in found]
    return msgspec.json.encode({"count": len(values), "value": values})


def is_published(tail: tuple[str, ...], *, in_project: bool) -> bool:
    """Whether some location has this path, `tail` being its parts after `_apis`."""
    path = _joined(tail)
    return any(pattern.fullmatch(path) for pattern in _patterns(in_project=in_project))


def _joined(tail: tuple[str, ...]) -> str:
    return "/".join(part.casefold().replace("/", "%2f") for part in tail)


@cache
def _patterns(*, in_project: bool) -> tuple[re.Pattern[str], ...]:
    """A pattern for each location; those of a project are also served without one (A.1.4)."""
    found = []
    for place in all_locations():
        before, _, after = place.routeTemplate.partition("_apis/")
        if after and (before == "{project}/" or not in_project):
            found.append(re.compile(_pattern(place, after)))
    return tuple(dict.fromkeys(found))


def _pattern(place: Location, template: str) -> str:
    """Placeholders at the end may be missing; one with a star takes everything that follows."""
    pattern = ""
    for number, part in enumerate(template.split("/")):
        slash = "/" if number else ""
        if part in ("{area}", "{resource}"):
            word = place.area if part == "{area}" else place.resourceName
            pattern += slash + re.escape(word.casefold())
        elif part.startswith("{*"):
            pattern += f"(?:{slash}.+)?"
        elif part.startswith("{"):
            pattern += f"(?:{slash}[^/]+)?"
        else:
            pattern += slash + re.escape(part.casefold())
    return pattern

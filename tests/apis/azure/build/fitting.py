"""Holds answers of the build area against the published description."""

import re
from functools import cache
from typing import Any

import httpx
import jsonschema_rs

from quaymaster.apis.azure import router
from quaymaster.apis.azure.description import openapi
from quaymaster.apis.azure.shapes import builds

# Authors may write more into a definition than is known.
OPEN = {"BuildDefinition"}
AREA = re.compile(r"/_apis/(build/|sourceproviders|resources/containers/)", re.IGNORECASE)


async def fits(response: httpx.Response) -> None:
    """A hook for a client: fail for an answer that the description does not allow.

    Fields that it does not name are not allowed either.
    """
    await response.aread()
    kind = response.headers.get("content-type", "").partition(";")[0]
    path = response.request.url.path
    if kind != "application/json" or not AREA.search(path):
        return
    found = validator(response.request.method.lower(), path, response.status_code)
    if found:
        found.validate(response.json())


def validator(method: str, path: str, status: int) -> Any:
    """What an answer must fit; None where the address or the status is none that is described."""
    if status >= 300:
        return _of_error() if any(pattern.fullmatch(path) for pattern, _ in _patterns()) else None
    for pattern, template in _patterns():
        if pattern.fullmatch(path) and method in _described()["paths"][template]:
            return _of(method, template, str(status))
    raise AssertionError(f"{method} {path} is served, but not described")


@cache
def _described() -> dict[str, Any]:
    found = openapi.document(router.application(1000).routes)
    for name in set(builds().types) - OPEN:
        found["components"]["schemas"][name]["additionalProperties"] = False
    return found


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """The described addresses, those with the fewest parameters first; then those whose last
    parameter may hold slashes."""
    paths = _described()["paths"]
    templates = sorted(filter(AREA.search, paths), key=lambda one: (one.count("{"), -len(one)))
    exact = [(_pattern(one), one) for one in templates]
    longest = sorted(templates, key=lambda one: -one.count("/"))
    return exact + [(_pattern(one, r"\{\w+\}$"), one) for one in longest]


def _pattern(template: str, goes_on: str = "$^") -> re.Pattern[str]:
    text = re.sub(goes_on, ".+", template)
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", text), re.IGNORECASE)


@cache
def _of(method: str, template: str, status: str) -> Any:
    content = _described()["paths"][template][method]["responses"][status]["content"]
    return _validator(content["application/json"]["schema"])


@cache
def _of_error() -> Any:
    return _validator({"$ref": "#/components/schemas/ApiError"})


def _validator(schema: dict[str, Any]) -> Any:
    return jsonschema_rs.validator_for({**schema, "components": _described()["components"]})

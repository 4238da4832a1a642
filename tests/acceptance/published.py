"""Microsoft's published swagger of the shared folder, and what of an answer does not fit it.

Three things it does not say are taken as the service does them: any value may be null, a date that
is not there may be 0001-01-01T00:00:00, and `operationStatus` comes in PascalCase (CONTRACT A.5).
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
import jsonschema_rs
import pytest

from tests.vectors import shared_folder

SWAGGER = shared_folder() / "contract" / "azure" / "swagger"
# What came with 6.1 is shown by 6.0, too (`versions.since`).
SHOWN_FROM = {"6.0": {"retryCountOnTaskFailure"}}

is_there = pytest.mark.skipif(not SWAGGER.exists(), reason=f"there is no {SWAGGER}")


@cache
def swagger(version: str) -> dict[str, Any]:
    """A published document, named by its area and version: `release/7.1`."""
    file = SWAGGER / version / f"{version.partition('/')[0]}.json"
    document: dict[str, Any] = json.loads(file.read_text("utf-8-sig"))
    return document


def operations(version: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path after `_apis/` and description of each operation."""
    described = swagger(version)
    for path, methods in [*described["paths"].items(), *described["x-ms-paths"].items()]:
        for method, operation in methods.items():
            if "operationId" in operation:
                yield method.upper(), path.partition("/_apis/")[2].rstrip("?"), operation


def nullable(schema: Any) -> Any:
    """The schema with null allowed everywhere, and operation statuses in any case."""
    if not isinstance(schema, dict):
        return schema
    changed = {key: _inner(key, value) for key, value in schema.items()}
    if isinstance(schema.get("type"), str):
        changed["type"] = [schema["type"], "null"]
    if "enum" in schema:
        changed["enum"] = [*schema["enum"], None]
    return changed


def _inner(key: str, value: Any) -> Any:
    if key in ("properties", "definitions"):
        return {name: _property(name, inner) for name, inner in value.items()}
    if key == "allOf":
        return [nullable(part) for part in value]
    return nullable(value) if key in ("items", "additionalProperties") else value


def _property(name: str, schema: Any) -> Any:
    if name == "operationStatus" and "enum" in schema:
        known = {word.casefold() for word in schema["enum"]}
        return {"enum": [None, *known, *(word[0].upper() + word[1:] for word in schema["enum"])]}
    return nullable(schema)


@cache
def definitions(version: str) -> dict[str, Any]:
    changed: dict[str, Any] = _inner("definitions", swagger(version)["definitions"])
    return changed


def problems(version: str, schema: dict[str, Any], value: Any) -> list[str]:
    """What of an answer does not fit its schema."""
    whole = {**nullable(schema), "definitions": definitions(version)}
    validator = jsonschema_rs.Draft4Validator(whole, validate_formats=False)
    return [
        f"{'/'.join(map(str, error.instance_path))}: {error.message[:200]}"
        for error in validator.iter_errors(value)
    ]


def asked(path: str, sample: dict[str, Any]) -> str | None:
    """The path with the ids of the sample; None where the sample has no such thing."""
    names = re.findall(r"\{(\w+)\}", path)
    if any(name not in sample for name in names):
        return None
    return re.sub(r"\{(\w+)\}", lambda found: str(sample[found[1]]).replace("\\", "%5C"), path)


def faults(version: str, operation: dict[str, Any], answer: httpx.Response) -> list[str]:
    if answer.status_code != 200:
        return [f"{answer.status_code} {answer.text[:200]}"]
    schema = operation["responses"]["200"].get("schema", {})
    if not answer.headers["content-type"].startswith("application/json"):
        return [] if schema.get("type") in ("string", "file", None) else ["is not JSON"]
    value = answer.json()
    body = value["value"] if schema.get("type") == "array" else value
    asked_for = answer.request.url.params["api-version"]
    return [*problems(version, schema, body), *too_new(version, schema, body, asked_for)]


def too_new(version: str, schema: dict[str, Any], value: Any, asked_for: str) -> list[str]:
    """The fields of an answer that only a later swagger has for the same shape."""
    if isinstance(value, list):
        inside = schema.get("items", {})
        return [fault for one in value for fault in too_new(version, inside, one, asked_for)]
    if not isinstance(value, dict):
        return []
    if more := schema.get("additionalProperties"):
        return [fault for one in value.values() for fault in too_new(version, more, one, asked_for)]
    name = schema.get("$ref", "").rpartition("/")[2]
    known = fields(version, name)
    newest = f"{version.partition('/')[0]}/7.1"
    newer = fields(newest, name).keys() - known.keys() - SHOWN_FROM.get(asked_for, set())
    found = [f"{name}.{field} came later" for field in sorted(newer & value.keys())]
    for field, inner in known.items():
        if field in value:
            found += too_new(version, inner, value[field], asked_for)
    return found


@cache
def fields(version: str, name: str) -> dict[str, Any]:
    """The fields of a shape with those that it inherits."""
    shape = swagger(version)["definitions"].get(name, {})
    found: dict[str, Any] = dict(shape.get("properties", {}))
    for part in shape.get("allOf", []):
        inherited = fields(version, part["$ref"].rpartition("/")[2]) if "$ref" in part else {}
        found |= inherited | part.get("properties", {})
    return found

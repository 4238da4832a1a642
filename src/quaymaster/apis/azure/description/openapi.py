"""Writes the OpenAPI 3.1 document of what is served.

The routes say which paths and methods there are, what each needs and, in its first sentence, what
it does. `contract.json` adds what a route cannot say by itself: published names of operations
and parameters, and the shapes of bodies; `builds.json` the same for the build area.
"""

import re
from collections.abc import Iterable
from importlib import metadata
from typing import Any

from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from quaymaster.apis.azure.description import building
from quaymaster.apis.azure.description.linking import add_links
from quaymaster.apis.azure.policy import KEY
from quaymaster.apis.azure.shapes import Operation, builds, contract
from quaymaster.apis.azure.words import operation_word
from quaymaster.apis.shared.scopes import Scope

Document = dict[str, Any]

BASE = "/{organization}/{project}/_apis"
BASE_WITHOUT_PROJECT = "/{organization}/_apis"
OUTSIDE_PROJECTS = (
    "/hooks",
    "/projects",
    "/connectiondata",
    "/resourceareas",
    "/public",
    "/openapi.json",
    "/build/controllers",
    "/build/resourceusage",
    "/build/retention/history",
    "/resources/containers",
    "/release/projects",
    "/release/flightassignments",
    "/release/throttlingqueue",
    "/release/orgpipelinereleasesettings",
)
PLAIN: dict[str, Document] = {
    "int": {"type": ["integer", "null"], "format": "int32"},
    "long": {"type": ["integer", "null"], "format": "int64"},
    "double": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "string": {"type": ["string", "null"]},
    "datetime": {"type": ["string", "null"], "examples": ["2024-03-15T10:00:00.31Z"]},
    "guid": {"type": ["string", "null"]},
    "object": {},
}
REFUSALS = {
    "400": "The request cannot be understood or is not legal now.",
    "401": "No credentials, or none that anybody holds now.",
    "403": "The caller or the token may not do this.",
    "404": "There is no such thing, or none that the caller may know of.",
}
SIGN_IN = {
    "basic": {"type": "http", "scheme": "basic", "description": "Any user name and a token."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token."},
}


def document(routes: Iterable[Any]) -> Document:
    """The description of these Litestar routes."""
    described = _Description()
    for route in sorted((one for one in routes if isinstance(one, HTTPRoute)), key=_path):
        for handler in route.route_handlers:
            for method in sorted(handler.http_methods):
                if method != "OPTIONS":
                    described.add(method, route.path, handler)
    add_links(described.paths)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Quaymaster: Azure DevOps Release Management",
            "version": "7.1",
            "summary": "The release management API as this server answers it.",
            "x-server-version": metadata.version("quaymaster"),
        },
        "servers": [{"url": "/"}],
        "security": [{"basic": []}, {"bearer": []}],
        "paths": described.paths,
        "components": {"securitySchemes": SIGN_IN, "schemas": _schemas()},
    }


def _path(route: HTTPRoute) -> str:
    return route.path


class _Description:
    """The paths collected so far."""

    def __init__(self) -> None:
        self.paths: dict[str, Document] = {}
        self._ids: set[str] = set()
        self._known = {_bare(*key.split(" ", 1)): key for key in contract().operations}

    def add(self, method: str, path: str, handler: HTTPRouteHandler) -> None:
        key = self._known.get(_bare(method, path))
        operation = contract().operations[key] if key else None
        operation = operation or builds().operations.get(handler.handler_name)
        published = key.split(" ", 1)[1] if key else re.sub(r"\{(\w+):\w+\}", r"{\1}", path)
        outside = path.startswith(OUTSIDE_PROJECTS)
        place = (BASE_WITHOUT_PROJECT if outside else BASE) + published
        described = _operation(place, operation, handler)
        if described["operationId"] in self._ids:  # one handler that several paths lead to
            named = re.findall(r"\{(\w+)\}", place)
            described["operationId"] += f"_by_{named[-1] if named else 'name'}"
        self._ids.add(described["operationId"])
        self.paths.setdefault(place, {})[method.lower()] = described


# Where a rule comes from is for those who read the code.
_REFERENCE = re.compile(r" \((?:SEMANTICS|CONTRACT|LEGACY|DESIGN|R-)[^()]*\)")


def _bare(method: str, path: str) -> str:
    """A route without the names of its parameters and the case of its words."""
    return f"{method} {re.sub(r'{[^}]*}', '{}', path.casefold())}"


def _operation(place: str, operation: Operation | None, handler: HTTPRouteHandler) -> Document:
    needed: Scope = handler.opt[KEY]
    said = _REFERENCE.sub("", (handler.fn.__doc__ or "").strip().partition("\n")[0])
    described: Document = {
        "operationId": operation.id if operation and operation.id else handler.handler_name,
        "summary": said,
        "parameters": _parameters(place, operation),
        "responses": _responses(operation, is_public=needed is Scope.PUBLIC),
        "x-scope": needed.value or "public",
    }
    if needed is Scope.PUBLIC:
        described["security"] = []
    if operation and operation.body:
        described["requestBody"] = {"required": True, "content": _content(operation.body)}
    return described


def _parameters(place: str, operation: Operation | None) -> list[Document]:
    named = re.findall(r"\{(\w+)\}", place)
    found: list[Document] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in named
    ]
    version = {"type": "string", "default": "7.1"}
    found.append({"name": "api-version", "in": "query", "required": False, "schema": version})
    for name, kind in (operation.query if operation else {}).items():
        schema = {**PLAIN[kind], "type": PLAIN[kind]["type"][0]}
        found.append({"name": name, "in": "query", "required": False, "schema": schema})
    return found


def _responses(operation: Operation | None, *, is_public: bool) -> Document:
    refusals = {
        status: said
        for status, said in REFUSALS.items()
        if not is_public or status in ("400", "404")
    }
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/ApiError"}}}
    described: Document = {
        status: {"description": said, "content": error} for status, said in refusals.items()
    }
    answer = operation.answer if operation else "object"
    if not answer:
        return {"204": {"description": "Done."}, **described}
    content = _answers(answer)
    statuses = operation.statuses if operation else {"200": "Done."}
    good = {status: {"description": said, "content": content} for status, said in statuses.items()}
    return {**good, **described}


def _answers(answer: str) -> Document:
    """What a request may be answered with: in JSON one of several shapes, or another media type."""
    content: Document = {}
    shapes: list[Document] = []
    for kind in answer.split("|"):
        if "/" in kind:
            content |= _content(kind)
        else:
            shapes.append(_collection(kind) if kind.endswith("[]") else _schema(kind))
    if shapes:
        schema = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
        content["application/json"] = {"schema": schema}
    return content


def _content(kind: str) -> Document:
    """A body of this kind: a shape in JSON, or of a media type whatever is in it."""
    if "/" in kind:
        return {kind: {"schema": {"type": "string"}}}
    return {"application/json": {"schema": _schema(kind)}}


def _collection(kind: str) -> Document:
    """`{count, value}`; the resource areas of a server without any have no list at all."""
    values = {**_schema(kind), "type": ["array", "null"]}
    return {
        "type": "object",
        "required": ["count", "value"],
        "properties": {"count": {"type": "integer"}, "value": values},
    }


def _schemas() -> Document:
    known = contract()
    shapes: Document = {
        name: {"type": "string", "enum": members} for name, members in known.enums.items()
    }
    # The one enum that goes out in PascalCase and comes in as written (CONTRACT A.5).
    operations = known.enums["DeploymentOperationStatus"]
    shapes["DeploymentOperationStatus"]["enum"] = [*operations, *map(operation_word, operations)]
    shapes |= {
        name: {"type": "string", "enum": members} for name, members in building.enums().items()
    }
    for name, fields in (known.types | builds().types).items():
        shape: Document = {"type": "object"}
        if "*" in fields:
            shape["additionalProperties"] = _schema(fields["*"])
        else:
            shape["properties"] = {field: _value(kind) for field, kind in fields.items()}
        shapes[name] = shape
    definition = shapes["BuildDefinition"]
    definition["properties"] = building.document() | definition["properties"]
    return shapes


def _value(kind: str) -> Document:
    """A property, which may always be null."""
    schema = _schema(kind)
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    if schema.get("type") in ("array", "object"):
        return {**schema, "type": [schema["type"], "null"]}
    return schema


def _schema(kind: str) -> Document:
    if kind.endswith("[]"):
        return {"type": "array", "items": _schema(kind.removesuffix("[]"))}
    if kind.startswith("map<"):
        inner = kind.removeprefix("map<string,").removesuffix(">")
        return {"type": "object", "additionalProperties": _value(inner)}
    if kind in PLAIN:
        return dict(PLAIN[kind])
    return {"$ref": f"#/components/schemas/{kind}"}

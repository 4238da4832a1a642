"""Links of the OpenAPI document: which later requests an answer's ids can be used in (R-45)."""

import re
from typing import Any

Document = dict[str, Any]

# Whose id an answer of this type tells: where the operations stand that take it, and its parameter.
TOLD = {
    "ReleaseDefinition": ("Release", "definitionId"),
    "Release": ("Release", "releaseId"),
    "ReleaseApproval": ("Release", "approvalId"),
    "VariableGroup": ("distributedtask", "groupId"),
    "TaskGroup": ("distributedtask", "taskGroupId"),
    "ServiceEndpoint": ("serviceendpoint", "endpointId"),
    "SecureFile": ("distributedtask", "secureFileId"),
    "Subscription": ("hooks", "subscriptionId"),
    "Freeze": ("release", "freezeId"),
    "BuildDefinition": ("build", "definition_id"),
    "Build": ("build", "build_id"),
    "RetentionLease": ("build", "lease_id"),
}
# Of a release its first stage can be asked for, too.
FIRST_STAGE = "environmentId", "/environments/0/id"
GIVEN = frozenset({"organization", "project"})


def add_links(paths: dict[str, Document]) -> None:
    """Give each answer that tells an id the operations whose path needs nothing but this id."""
    for methods in paths.values():
        for operation in methods.values():
            answer = operation["responses"].get("200")
            kind, inside = _told(answer) if answer else ("", "")
            if kind in TOLD:
                links = _links(paths, kind, inside)
                answer |= {"links": links} if links else {}


def _told(answer: Document) -> tuple[str, str]:
    """The type of an answer, or of its entries, and where in the body the first of them is."""
    schema = answer["content"].get("application/json", {}).get("schema", {})
    values = schema.get("properties", {}).get("value", {}).get("items", {})
    reference = schema.get("$ref") or values.get("$ref") or ""
    return reference.rpartition("/")[2], "/value/0" if values else ""


def _links(paths: dict[str, Document], kind: str, inside: str) -> Document:
    area, parameter = TOLD[kind]
    known = {parameter: f"$response.body#{inside}/id"}
    if kind == "Release":
        known[FIRST_STAGE[0]] = f"$response.body#{inside}{FIRST_STAGE[1]}"
    found: Document = {}
    for path, methods in paths.items():
        needed = set(re.findall(r"\{(\w+)\}", path)) - GIVEN
        if f"/_apis/{area}/".casefold() in path.casefold() and parameter in needed <= known.keys():
            parameters = {name: known[name] for name in sorted(needed)}
            for operation in methods.values():
                name = operation["operationId"]
                found[name] = {"operationId": name, "parameters": parameters}
    return found

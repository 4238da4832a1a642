"""Asking an artifact's source while a definition is being written (CONTRACT B.4)."""

from typing import Any

from litestar import Response, post

from quaymaster.actions.definitions import artifact_inputs
from quaymaster.actions.definitions.artifact_inputs import Offered
from quaymaster.actions.releases import artifact_versions
from quaymaster.apis.azure.artifact_versions import shown as shown_versions
from quaymaster.apis.azure.asked import AzureRequest, array_in, object_in, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.scopes import Scope
from quaymaster.plans import azure_artifacts

KNOWN = ("currentValues", "inputValues", "resource")
MOST_INPUTS = 50
TYPES = ("artifactType", "type", "artifactTypeId")


@post("/release/artifacts/inputvaluesquery", opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def get_input_values(request: AzureRequest) -> Response[bytes]:
    """The values that the source of `artifactType` offers for each input that is asked for."""
    call = request.in_project()
    body = await request.properties("inputValuesQuery", KNOWN)
    current = {
        name: text_in(value, f"currentValues.{name[:60]}")
        for name, value in object_in(body.get("currentValues"), "currentValues").items()
    }
    wanted = [_input(entry) for entry in array_in(body.get("inputValues"), "inputValues")]
    if len(wanted) > MOST_INPUTS:
        raise Problem(400, "InvalidRequestException", f"Ask for {MOST_INPUTS} inputs at most.")
    found: list[Offered] = []
    if wanted:
        kind = _type(current, body.get("resource"))
        found = await artifact_inputs.offered(call, kind, current, wanted)
    answer = {
        "currentValues": current,
        "inputValues": [_offered(one) for one in found],
        "resource": body.get("resource"),
    }
    return request.answer("inputValuesQuery", answer)


@post("/release/artifacts/versions", opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def get_versions_of_sources(request: AzureRequest) -> Response[bytes]:
    """The versions of the artifacts of the body, a JSON list, asked of their sources now."""
    given = array_in(await request.document("artifact"), "The body")
    listed = azure_artifacts.listed_in(given)
    found = await artifact_versions.of_sources(request.in_project(), listed)
    return request.answer("artifactVersionQueryResult", shown_versions(found))


def _input(entry: Any) -> str:
    named = json_reading.cased(object_in(entry, "An input"), ("inputId",)).get("inputId")
    text = text_in(named, "inputId", longest=256)
    if not text:
        raise Problem(400, "ArgumentNullException", "Value cannot be null. Parameter name: inputId")
    return text


def _type(current: dict[str, str], resource: Any) -> str:
    """The artifact type, which clients put beside the values or into the resource."""
    places = (current, resource if isinstance(resource, dict) else {})
    for place in places:
        known = json_reading.cased(place, TYPES)
        for name in TYPES:
            if known.get(name):
                return text_in(known[name], name, longest=256)
    raise Problem(
        400, "ArgumentNullException", "Value cannot be null. Parameter name: artifactType"
    )


def _offered(found: Offered) -> dict[str, Any]:
    return {
        "inputId": found.input,
        "defaultValue": "",
        "isDisabled": False,
        "isLimitedToPossibleValues": False,
        "isReadOnly": False,
        "possibleValues": [
            {"value": value, "displayValue": shown, "data": {}} for value, shown in found.values
        ],
        "error": {"message": found.problem} if found.problem else None,
    }


ROUTES = [get_input_values, get_versions_of_sources]

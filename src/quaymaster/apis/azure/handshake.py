"""What clients ask before their first call: resource areas and who they are (CONTRACT A.2)."""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from litestar import Response, get
from litestar.params import FromPath

from quaymaster.actions.people import projects
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.locations import AREAS
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.shared.scopes import Scope

SERVICE_OWNER = "00025394-6065-48ca-87d9-7f5672854ef7"


@get("/resourceareas", opt=needs(Scope.ANY))
async def list_areas(request: AzureRequest) -> Response[bytes]:
    """The empty answer, upon which every client uses the base URL for everything."""
    return request.ready(b'{"count":0,"value":null}')


@get("/resourceareas/{area_id:str}", opt=needs(Scope.ANY))
async def get_area(request: AzureRequest, area_id: FromPath[str]) -> Response[bytes]:
    """One area, at the same base."""
    name = AREAS.get(area_id)
    if name is None:
        raise Problem(
            404, "VssResourceNotFoundException", f"There is no resource area {area_id[:60]}."
        )
    base = f"{request.links.base}/"
    return request.answer("resourceArea", {"id": area_id, "name": name, "locationUrl": base})


@get("/connectiondata", opt=needs(Scope.ANY))
async def connection_data(request: AzureRequest) -> Response[bytes]:
    """Who the caller is, and which installation this is."""
    instance = str(await projects.installation_id(request.call.database))
    user = _user(request)
    return request.answer(
        "connectionData",
        {
            "authenticatedUser": user,
            "authorizedUser": user,
            "instanceId": instance,
            "deploymentId": str(uuid5(NAMESPACE_URL, f"deployment:{instance}")),
            "deploymentType": "onPremises",
            "locationServiceData": {
                "serviceOwner": SERVICE_OWNER,
                "defaultAccessMappingMoniker": "PublicAccessMapping",
                "lastChangeId": 1,
                "lastChangeId64": 1,
            },
        },
    )


def _user(request: AzureRequest) -> dict[str, Any]:
    caller = request.caller
    return {
        "id": caller.id,
        "descriptor": f"Microsoft.TeamFoundation.Identity;{caller.id}",
        "subjectDescriptor": f"qm.{caller.id}",
        "providerDisplayName": caller.display_name,
        "customDisplayName": caller.display_name,
        "isActive": True,
        "properties": {"Account": {"$type": "System.String", "$value": caller.unique_name}},
        "resourceVersion": 2,
        "metaTypeId": 0,
    }


ROUTES = [list_areas, get_area, connection_data]

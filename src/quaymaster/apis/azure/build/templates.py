"""Templates of build definitions: list, look at, keep and remove (CONTRACT B.1)."""

from typing import Any

import msgspec
from litestar import Response, delete, get, put
from litestar.params import FromPath

from quaymaster.actions.builds.definitions import templates
from quaymaster.apis.azure.asked import AzureRequest, nothing
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.definitions.build_templates import BuildTemplate

ALL = "/build/definitions/templates"
ONE = ALL + "/{template_id:str}"
SHAPE = "buildDefinitionTemplate"
KNOWN = (*templates.TEXTS, "id", "name", "icons", "canDelete", "template")


@get(ALL, opt=needs(Scope.BUILD))
async def list_build_templates(request: AzureRequest) -> Response[bytes]:
    """The project's templates by name, without the definitions that they stand for."""
    found = await templates.listed(request.in_project())
    return request.collection(SHAPE, [_shown(one) for one in found])


@get(ONE, opt=needs(Scope.BUILD))
async def get_build_template(request: AzureRequest, template_id: FromPath[str]) -> Response[bytes]:
    """One template as a whole."""
    return request.answer(SHAPE, _shown(await templates.get(request.in_project(), template_id)))


@put(ONE, opt=needs(Scope.BUILD_EXECUTE))
async def save_build_template(request: AzureRequest) -> Response[bytes]:
    """Keep a definition as the template of this id; secrets are left out of it."""
    call, named = request.in_project(), request.asked.tail[3]
    document = await request.properties(SHAPE, KNOWN)
    return request.answer(SHAPE, _shown(await templates.save(call, named, document)))


@delete(ONE, opt=needs(Scope.BUILD_EXECUTE), status_code=204)
async def delete_build_template(
    request: AzureRequest, template_id: FromPath[str]
) -> Response[None]:
    """Remove a template."""
    await templates.delete(request.in_project(), template_id)
    return nothing()


def _shown(found: BuildTemplate) -> dict[str, Any]:
    return {
        **msgspec.json.decode(found.summary),
        "id": found.id,
        "name": found.name,
        "canDelete": True,
        "icons": {},
        "template": msgspec.json.decode(found.template) if found.template else None,
    }


ROUTES = [list_build_templates, get_build_template, save_build_template, delete_build_template]

"""Tags and properties of builds: read and changed one by one or together (SEMANTICS 23.5)."""

from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath

from quaymaster.actions.builds import builds, reading
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.build.builds import ONE, build_number
from quaymaster.apis.azure.build.definitions import collection_of, patched, tag_of, texts_in
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.shared.scopes import Scope


@get(f"{ONE}/tags", opt=needs(Scope.BUILD))
async def get_build_tags(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """The tags of a build."""
    view = await builds.get(request.call, build_number(build_id))
    return request.collection("tag", list(view.tags))


@post(f"{ONE}/tags", opt=needs(Scope.BUILD_EXECUTE), status_code=200)
async def add_build_tags(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """Add the tags of the body, a list of texts."""
    return await _tagged(request, build_id, texts_in(await request.document("tags")), [])


@patch(f"{ONE}/tags", opt=needs(Scope.BUILD_EXECUTE))
async def change_build_tags(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """Add `tagsToAdd` and remove `tagsToRemove`."""
    body = await request.properties("tags", ("tagsToAdd", "tagsToRemove"))
    add, remove = texts_in(body.get("tagsToAdd")), texts_in(body.get("tagsToRemove"))
    return await _tagged(request, build_id, add, remove)


@put(f"{ONE}/tags/{{tag:path}}", opt=needs(Scope.BUILD_EXECUTE))
async def add_build_tag(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """Add one tag; all of them come back."""
    return await _tagged(request, build_id, [tag_of(request, 4)], [])


@delete(f"{ONE}/tags/{{tag:path}}", opt=needs(Scope.BUILD_EXECUTE), status_code=200)
async def delete_build_tag(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """Remove one tag; those left come back."""
    return await _tagged(request, build_id, [], [tag_of(request, 4)])


@post(f"{ONE}/tags/{{tag:path}}", opt=needs(Scope.BUILD_EXECUTE), status_code=200)
async def post_build_tag(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """Add the tag of the path, as some published samples do."""
    return await _tagged(request, build_id, [tag_of(request, 4)], [])


async def _tagged(
    request: AzureRequest, build_id: str, add: list[str], remove: list[str]
) -> Response[bytes]:
    call, number = request.in_project(), build_number(build_id)
    return request.collection("tag", await builds.change_tags(call, number, add, remove))


@get(f"{ONE}/properties", opt=needs(Scope.BUILD))
async def get_build_properties(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """The properties of a build, those of `filter` where it is given."""
    view = await builds.get(request.call, build_number(build_id))
    return request.answer("properties", collection_of(request, view.properties))


@patch(f"{ONE}/properties", opt=needs(Scope.BUILD_EXECUTE))
async def change_build_properties(
    request: AzureRequest, build_id: FromPath[str]
) -> Response[bytes]:
    """Change properties by a JSON patch."""
    call, number = request.in_project(), build_number(build_id)
    changes = patched(await request.document("properties"))
    kept = await builds.change_properties(call, number, changes)
    return request.answer("properties", collection_of(request, kept))


@get("/build/tags", opt=needs(Scope.BUILD))
async def list_build_tags(request: AzureRequest) -> Response[bytes]:
    """Every tag that a build of the project has."""
    request.in_project()
    return request.collection("tag", await reading.tags(request.call))


ROUTES = [
    get_build_tags,
    add_build_tags,
    change_build_tags,
    add_build_tag,
    delete_build_tag,
    post_build_tag,
    get_build_properties,
    change_build_properties,
    list_build_tags,
]

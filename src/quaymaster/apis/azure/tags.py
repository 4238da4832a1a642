"""Tags of releases and definitions; every request answers all tags afterwards (CONTRACT B.4)."""

from collections.abc import Sequence

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from quaymaster.actions.definitions import definitions
from quaymaster.actions.releases import edits
from quaymaster.apis.azure.asked import AzureRequest, array_in, text_in
from quaymaster.apis.azure.definitions import definition_number
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.releases import release_number
from quaymaster.apis.shared.scopes import Scope
from quaymaster.plans import azure_document
from quaymaster.store.definitions.definitions import Definition

OF_RELEASE = "/release/releases/{release_id:str}/tags"
OF_DEFINITION = "/release/definitions/{definition_id:str}/tags"
ONE = "/{tag:path}"


@get([OF_RELEASE, OF_RELEASE + ONE], opt=needs(Scope.RELEASE))
async def get_release_tags(request: AzureRequest, release_id: FromPath[str]) -> Response[bytes]:
    """The tags of a release."""
    return _tags(request, await edits.tags(request.call, release_number(release_id)))


@patch(OF_RELEASE + ONE, opt=needs(Scope.RELEASE_EXECUTE))
async def add_release_tag(request: AzureRequest, release_id: FromPath[str]) -> Response[bytes]:
    """Add the tag that the path ends with."""
    call, number = request.in_project(), release_number(release_id)
    return _tags(request, await edits.add_tags(call, number, [_tag(request)]))


@post([OF_RELEASE, OF_RELEASE + ONE], opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def add_release_tags(request: AzureRequest, release_id: FromPath[str]) -> Response[bytes]:
    """Add the tags of the body, a JSON list of texts."""
    call, number = request.in_project(), release_number(release_id)
    return _tags(request, await edits.add_tags(call, number, await _given(request)))


@delete(OF_RELEASE + ONE, opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def delete_release_tag(request: AzureRequest, release_id: FromPath[str]) -> Response[bytes]:
    """Take the tag away that the path ends with."""
    call, number = request.in_project(), release_number(release_id)
    return _tags(request, await edits.remove_tag(call, number, _tag(request)))


@get([OF_DEFINITION, OF_DEFINITION + ONE], opt=needs(Scope.RELEASE))
async def get_definition_tags(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """The tags of a definition."""
    found = await definitions.get(request.call, definition_number(definition_id))
    return _tags(request, found.tags)


@patch(OF_DEFINITION + ONE, opt=needs(Scope.RELEASE_EXECUTE))
async def add_definition_tag(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """Add the tag that the path ends with; the definition gets a new revision."""
    return await _added(request, definition_number(definition_id), [_tag(request)])


@post([OF_DEFINITION, OF_DEFINITION + ONE], opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def add_definition_tags(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """Add the tags of the body, a JSON list of texts."""
    return await _added(request, definition_number(definition_id), await _given(request))


@delete(OF_DEFINITION + ONE, opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def delete_definition_tag(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """Take the tag away that the path ends with; the definition gets a new revision."""
    gone = _tag(request).casefold()

    def without(tags: tuple[str, ...]) -> list[str]:
        return [tag for tag in tags if tag.casefold() != gone]

    number = definition_number(definition_id)
    return _shown(request, await definitions.retag(request.in_project(), number, without))


async def _added(request: AzureRequest, number: int, added: Sequence[str]) -> Response[bytes]:
    def with_added(tags: tuple[str, ...]) -> list[str]:
        now = {tag.casefold(): tag for tag in tags}
        for tag in added:
            now.setdefault(tag.casefold(), tag)
        return list(now.values())

    return _shown(request, await definitions.retag(request.in_project(), number, with_added))


def _shown(request: AzureRequest, found: Definition) -> Response[bytes]:
    return _tags(request, azure_document.tags_of(msgspec.json.decode(found.document)))


def _tags(request: AzureRequest, tags: Sequence[str]) -> Response[bytes]:
    return request.collection("tag", list(tags))


def _tag(request: AzureRequest) -> str:
    return text_in("/".join(request.asked.tail[4:]), "tag", longest=256).strip()


async def _given(request: AzureRequest) -> list[str]:
    given = array_in(await request.document("tag"), "The body")
    if not given:
        raise Problem(400, "ArgumentNullException", "Value cannot be null. Parameter name: tags")
    return [text_in(tag, "tag", longest=256).strip() for tag in given]


ROUTES = [
    get_release_tags,
    add_release_tag,
    add_release_tags,
    delete_release_tag,
    get_definition_tags,
    add_definition_tag,
    add_definition_tags,
    delete_definition_tag,
]

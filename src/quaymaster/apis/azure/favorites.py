"""Favorites of the caller or of a group of theirs, in named scopes (CONTRACT B.4)."""

from typing import Any
from uuid import UUID, uuid4

from litestar import Response, delete, get, post

from quaymaster.actions.people import favorites
from quaymaster.apis.azure.asked import AzureRequest, array_in, nothing, object_in, text_in
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import guid_in, list_in
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.people.favorites import Favorite

PATH = "/release/favorites/{scope_name:str}"
RESOURCE = "favoriteItem"
KNOWN = ("id", "name", "type", "data")
LONGEST_TEXT = 8192


@get(PATH, opt=needs(Scope.RELEASE))
async def get_favorites(request: AzureRequest) -> Response[bytes]:
    """The favorites of a scope; `identityId` names a group of the caller's."""
    found = await favorites.listed(request.in_project(), _scope(request), _owner(request))
    return request.collection(RESOURCE, [_shown(item) for item in found])


@post(PATH, opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def create_favorites(request: AzureRequest) -> Response[bytes]:
    """Mark the items of the body, a JSON list; one without an id gets one."""
    given = array_in(await request.document(RESOURCE), "The body")
    items = [_item(entry) for entry in given]
    made = await favorites.add(request.in_project(), _scope(request), _owner(request), items)
    return request.collection(RESOURCE, [_shown(item) for item in made])


@delete(PATH, opt=needs(Scope.RELEASE_EXECUTE), status_code=204)
async def delete_favorites(request: AzureRequest) -> Response[None]:
    """Unmark the items that `favoriteItemIds` names."""
    named = list_in(request.parameters.all("favoriteItemIds"))
    ids = [UUID(guid_in(text, "favoriteItemIds")) for text in named]
    await favorites.remove(request.in_project(), _scope(request), _owner(request), ids)
    return nothing()


def _scope(request: AzureRequest) -> str:
    return request.asked.tail[-1]


def _owner(request: AzureRequest) -> str:
    return request.parameters.text("identityId").strip()


def _item(entry: Any) -> Favorite:
    item = json_reading.cased(object_in(entry, "A favorite"), KNOWN)
    given = item.get("id")
    return Favorite(
        UUID(guid_in(given, "id")) if given else uuid4(),
        text_in(item.get("name"), "name"),
        text_in(item.get("type"), "type"),
        text_in(item.get("data"), "data", longest=LONGEST_TEXT),
    )


def _shown(item: Favorite) -> dict[str, Any]:
    return {"id": str(item.id), "name": item.name, "type": item.type, "data": item.data}


ROUTES = [get_favorites, create_favorites, delete_favorites]

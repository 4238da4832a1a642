"""New names for definitions of repositories and for their environments (AVIATOR 1)."""

from collections.abc import Callable
from typing import Any

import msgspec

from quaymaster.actions.definitions import definitions as definition_actions
from quaymaster.actions.repositories.repositories import Scene, check_free
from quaymaster.domain import release_versions
from quaymaster.domain.errors import Conflict, Invalid, NotFound
from quaymaster.store.definitions import definitions
from quaymaster.store.postgres.database import Connection

Document = dict[str, Any]


async def rename_definition(connection: Connection, found: Scene, name: str) -> None:
    """Give a definition another name. Raises Invalid, Conflict for one that is taken, Forbidden."""
    if name == found.definition.definition_name:
        return
    if not release_versions.is_project_name(name):
        raise Invalid("Invalid name: use letters, digits, '-', '_' and spaces.")
    if name.casefold() != found.definition.definition_name.casefold():
        await check_free(connection, found.call, name)
    await changed(connection, found, lambda document: {**document, "name": name})


async def rename_environment(connection: Connection, found: Scene, name: str) -> None:
    """Give an environment another name, under which its past deployments are found then, too."""
    before = found.environment.name
    if name == before:
        return
    if not release_versions.is_environment_name(name):
        raise Invalid("Invalid name: use letters, digits, '-' and '_'.")

    def renamed(document: Document) -> Document:
        for stage in document["environments"]:
            if stage["id"] == found.environment.id:
                stage["name"] = name
            elif stage["name"].casefold() == name.casefold():
                raise Conflict(f"There is already an environment {name!r}.")
            for condition in stage.get("conditions") or ():
                if condition["conditionType"] == "environmentState" and condition["name"] == before:
                    condition["name"] = name
        return document

    await changed(connection, found, renamed)


async def changed(
    connection: Connection, found: Scene, change: Callable[[Document], Document]
) -> None:
    """Save the definition as `change` makes it of what it is, locked. Raises what saving raises."""
    definition = await definitions.get(
        connection,
        found.call.vault,
        found.definition.project_id,
        found.definition.definition_id,
        locked=True,
    )
    if definition is None:
        raise NotFound("definition", found.definition.definition_name)
    document = change(msgspec.json.decode(definition.document))
    identity = {"id": definition.id, "revision": definition.revision}
    await definition_actions.update_within(
        connection, found.call, {**document, **identity}, may_be_empty=True
    )

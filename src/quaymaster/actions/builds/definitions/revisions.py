"""Build definitions as they were saved: all saves, and one of them (SEMANTICS 22.2)."""

from dataclasses import replace

import msgspec

from quaymaster.actions.builds.definitions.build_definitions import found
from quaymaster.actions.call import Call
from quaymaster.plans import build_document
from quaymaster.store.definitions import definitions
from quaymaster.store.definitions.build_definitions import BuildDefinition
from quaymaster.store.definitions.definitions import Revision


async def listed(call: Call, definition_id: int) -> tuple[BuildDefinition, list[Revision]]:
    """A definition, also a deleted one, with all its saves, oldest first. Raises NotFound,
    Forbidden."""
    async with call.database.read() as connection:
        one = await found(connection, call, definition_id, deleted=True)
        return one, await definitions.revisions(connection, definition_id)


async def as_it_was(call: Call, definition_id: int, revision: int | None) -> BuildDefinition:
    """A definition with the document, name, folder and tags of a revision, None for the newest;
    its plan is the newest in any case. A deleted one has revisions alone. Raises NotFound,
    Forbidden."""
    async with call.database.read() as connection:
        newest = await found(connection, call, definition_id, deleted=revision is not None)
        if revision in (None, newest.revision):
            return newest
        text = await definitions.document_at(connection, definition_id, revision)
    then = msgspec.json.decode(text)
    return replace(
        newest,
        document=text,
        revision=revision,
        name=then.get("name", newest.name),
        path=then.get("path", newest.path),
        tags=build_document.tags_of(then),
    )

"""Service connections: who may see, use and administer them, and what of them a task is given.

Everybody who may view release pipelines sees the project's connections, without their secrets.
Who may edit release pipelines may use them in one and may add one. Whoever added a connection, and
who may administer release permissions, administers it. Each of the three can be granted or denied
at one connection (`connection_token`).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from quaymaster.actions.call import Call
from quaymaster.actions.people.people import grants_of
from quaymaster.domain.access import Grant, Permission, permissions_at
from quaymaster.domain.build_plan import BuildPlan
from quaymaster.domain.connection_saving import ConnectionContent, saved
from quaymaster.domain.connections import ServiceConnection, connection_token
from quaymaster.domain.errors import Conflict, NotFound, Refused
from quaymaster.domain.plan import Plan
from quaymaster.plans.connection_uses import Use, uses_in
from quaymaster.plans.connections import KnownConnections
from quaymaster.store.people import people
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import connections
from quaymaster.store.resources.connections import KeptConnection, opened
from quaymaster.store.storage.vault import Vault

VIEW = Permission.VIEW_RELEASE_DEFINITION
USE = Permission.EDIT_RELEASE_DEFINITION
ADMINISTER = Permission.ADMINISTER_RELEASE_PERMISSIONS


@dataclass(frozen=True, slots=True)
class DefinitionPlace:
    """The definition that a job or a gate belongs to."""

    id: int
    project: UUID


async def listed(call: Call) -> list[KeptConnection]:
    """The connections of the project that the caller may see, by name. Raises Forbidden."""
    project = _project(call)
    call.require(VIEW, str(project), "the project's service connections")
    async with call.database.read() as connection:
        found = await connections.listed(connection, project)
    return [kept for kept in found if call.may(VIEW, _token(kept))]


def may_list(call: Call) -> bool:
    """Whether the caller may ask for the connections of the call's project."""
    return call.may(VIEW, str(_project(call)))


async def get(call: Call, connection_id: str) -> KeptConnection:
    """One connection of the project. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        return await _found(connection, call, connection_id)


async def create(call: Call, content: ConnectionContent) -> KeptConnection:
    """Add a connection, which the caller then administers.

    Raises Invalid, Conflict for a taken name, Forbidden (edit release pipeline).
    """
    project = _project(call)
    call.require(USE, str(project), "the project's service connections")
    connection_id = _id(content.id) if content.id else uuid4()
    made = saved(str(connection_id), content)
    async with call.database.transaction() as connection:
        if await connections.get(connection, connection_id):
            raise Conflict(f"The id {connection_id} is taken by another service connection.")
        await connections.create(connection, call.vault, project, made, call.by, call.now)
        if call.by is not None:
            token = connection_token(str(project), made.id)
            await people.grant(connection, call.by, Grant(token, ADMINISTER | USE | VIEW))
        return await _kept(connection, connection_id)


async def update(call: Call, connection_id: str, content: ConnectionContent) -> KeptConnection:
    """Replace a connection; tasks that run already go on with what they were given.

    Raises as `create`, NotFound, Forbidden unless the caller administers it.
    """
    [changed] = await update_many(call, [replace(content, id=connection_id)])
    return changed


async def update_many(call: Call, contents: Sequence[ConnectionContent]) -> list[KeptConnection]:
    """Replace several connections, which say their ids: all or none. Raises as `update`."""
    async with call.database.transaction() as connection:
        return [await _updated(connection, call, content) for content in contents]


async def _updated(
    connection: Connection, call: Call, content: ConnectionContent
) -> KeptConnection:
    before = await _administered(connection, call, content.id)
    changed = saved(before.connection.id, content, opened(call.vault, before))
    await connections.update(connection, call.vault, changed, call.by, call.now)
    return await _kept(connection, UUID(changed.id))


async def delete(call: Call, connection_id: str) -> None:
    """Remove a connection. Raises NotFound, Forbidden unless the caller administers it."""
    async with call.database.transaction() as connection:
        before = await _administered(connection, call, connection_id)
        await connections.delete(connection, before.connection.id)


# ---- using them -----------------------------------------------------------------------------


async def resolve(
    connection: Connection, vault: Vault, project: UUID, words: Iterable[str]
) -> dict[str, ServiceConnection]:
    """The connections of the project that these ids or names mean, with their secrets, by the
    casefold of the word; a word that means none is missing.

    For what the product does itself on behalf of a definition: whether its author may use them
    was decided when it was saved (`check_use`). Raises VaultError when one cannot be opened.
    """
    found = await connections.named(connection, project, words)
    return {word: opened(vault, kept) for word, kept in found.items()}


async def resolve_for(
    connection: Connection,
    vault: Vault,
    definition: DefinitionPlace,
    words: Iterable[str],
    written: Collection[str],
) -> dict[str, ServiceConnection]:
    """The same for a job or gate of a definition, whose plan has the words of `written` as such.

    Those were checked when it was saved; any other came out of a variable, and counts only when
    whoever saved the definition last may use it now.
    """
    found = await connections.named(connection, definition.project, words)
    reached = found.keys() - set(written)
    if reached:
        usable = await _usable(connection, definition.id, [found[word] for word in reached])
        found = {word: kept for word, kept in found.items() if word in written or kept in usable}
    return {word: opened(vault, kept) for word, kept in found.items()}


async def _usable(
    connection: Connection, definition_id: int, kept: Sequence[KeptConnection]
) -> list[KeptConnection]:
    """Those of these connections that the author of the definition may use."""
    tokens = await usable_by_author(connection, definition_id, map(_token, kept))
    return [each for each in kept if _token(each) in tokens]


async def usable_by_author(
    connection: Connection, definition_id: int, tokens: Iterable[str]
) -> frozenset[str]:
    """Those of these places whose connection or secure file whoever saved the definition last may
    use now."""
    author = await connections.author_of(connection, definition_id)
    if author is None:
        return frozenset(tokens)  # the product itself may use them
    identity = await people.find(connection, author)
    if identity is None:
        return frozenset()
    grants = await grants_of(connection, identity)
    return frozenset(token for token in tokens if USE in permissions_at(grants, token))


async def check_newly_used(
    connection: Connection, call: Call, before: Plan | BuildPlan, after: Plan | BuildPlan
) -> None:
    """Raise Forbidden for a connection that only the second plan names, or sends elsewhere, and
    the caller may not use.

    What the plan before named was allowed to whoever wrote it there.
    """
    inputs_of = call.installation.outside.connection_inputs
    await check_uses(connection, call, uses_in(after, inputs_of) - uses_in(before, inputs_of))


async def check_uses(connection: Connection, call: Call, uses: Collection[Use]) -> None:
    """Raise Forbidden for a connection of these that the caller may not use, naming it and what
    names it; words that mean no connection of the project are left alone."""
    if not uses:
        return
    found = await connections.named(connection, _project(call), [use.word for use in uses])
    for use in sorted(uses, key=lambda use: (use.word, use.place)):
        if kept := found.get(use.word):
            on = f"service connection {kept.connection.name}, which {use.where} names"
            call.require(USE, _token(kept), on)


async def check_reached(
    connection: Connection, definition: DefinitionPlace, name: str, uses: Collection[Use]
) -> None:
    """Raise Refused for a connection of these that whoever saved the definition last may not use.

    For what a definition did not say when it was saved, such as what its YAML file names now.
    """
    found = await connections.named(connection, definition.project, [use.word for use in uses])
    usable = await _usable(connection, definition.id, list(found.values()))
    for use in sorted(uses, key=lambda use: (use.word, use.place)):
        kept = found.get(use.word)
        if kept is not None and kept not in usable:
            raise Refused(
                f"{use.where[:1].upper()}{use.where[1:]} names the service connection "
                f"{kept.connection.name}, which whoever saved the pipeline {name} last may not "
                "use. Name another one, or have the pipeline saved by somebody who may use it."
            )


async def known(connection: Connection, call: Call, project: UUID) -> KnownConnections:
    """What a save of a definition in this project can know of connections."""
    words = await connections.words(connection, project)
    return KnownConnections(words, call.installation.outside.connection_inputs)


async def check_use(connection: Connection, call: Call, words: Iterable[str]) -> frozenset[str]:
    """Those of these ids and names, in casefold, that mean a connection of the project.

    Raises Forbidden, naming it, for a connection that the caller may not use.
    """
    found = await connections.named(connection, _project(call), words)
    for kept in found.values():
        call.require(USE, _token(kept), f"service connection {kept.connection.name}")
    return frozenset(found)


# ---- finding --------------------------------------------------------------------------------


def may_use(call: Call, kept: KeptConnection) -> bool:
    """Whether the caller may name the connection in a definition."""
    return call.may(USE, _token(kept))


def _project(call: Call) -> UUID:
    return call.required_project("that the service connection belongs to")


def _token(kept: KeptConnection) -> str:
    return connection_token(str(kept.project_id), kept.connection.id)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("service connection", text[:60]) from None


async def _kept(
    connection: Connection, connection_id: UUID, *, locked: bool = False
) -> KeptConnection:
    found = await connections.get(connection, connection_id, locked=locked)
    if found is None:
        raise NotFound("service connection", connection_id)
    return found


async def _found(
    connection: Connection, call: Call, connection_id: str, *, locked: bool = False
) -> KeptConnection:
    """A connection of the call's project, or of any project that the caller may see."""
    found = await _kept(connection, _id(connection_id), locked=locked)
    project = str(found.project_id)
    is_elsewhere = call.project_id not in (None, found.project_id)
    is_unseen = call.caller is not None and not call.caller.sees(project)
    if is_elsewhere or is_unseen:
        raise NotFound("service connection", connection_id)
    call.require(VIEW, _token(found), f"service connection {found.connection.name}")
    return found


async def _administered(connection: Connection, call: Call, connection_id: str) -> KeptConnection:
    """The connection, locked: what a save leaves out stays as the save before has left it."""
    found = await _found(connection, call, connection_id, locked=True)
    call.require(ADMINISTER, _token(found), f"service connection {found.connection.name}")
    return found

"""Saving, reading and deleting release definitions (SEMANTICS 1.1, 6.5, 25.3)."""

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.follow_up import SOURCES
from quaymaster.actions.decisions.orchestrate import deciding, happen_within
from quaymaster.actions.definitions import definition_warnings, named_builds, pipeline_rules
from quaymaster.actions.resources import connections, secure_files, task_groups
from quaymaster.domain.access import Permission, definition_token, stage_token
from quaymaster.domain.changes import CancelRequested
from quaymaster.domain.errors import Conflict, NotFound, Refused
from quaymaster.domain.plan import Plan
from quaymaster.domain.release import ReleaseId, StageId
from quaymaster.domain.task_groups import Groups
from quaymaster.plans import azure, azure_document
from quaymaster.plans.azure_ids import ids_needed
from quaymaster.plans.connections import KnownConnections
from quaymaster.store.definitions import definitions, folders
from quaymaster.store.definitions.definitions import Definition, DefinitionContent
from quaymaster.store.deployments import freezes
from quaymaster.store.people import people
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.queue import Wakeup, enqueue
from quaymaster.store.releases import edits

Document = dict[str, Any]
NOTHING_YET = Plan(stages=())


async def create(call: Call, document: Document, *, api_version: str = "") -> Definition:
    """Save a new definition as revision 1; ids in the document are replaced by fresh ones.

    Raises Invalid with every problem at its JSON path, Conflict for a name that is taken in the
    folder, Forbidden (edit release pipeline).
    """
    async with call.database.transaction() as connection:
        return await create_within(connection, call, document, api_version=api_version)


async def create_within(
    connection: Connection,
    call: Call,
    document: Document,
    *,
    api_version: str = "",
    may_be_empty: bool = False,
) -> Definition:
    """The same inside a transaction that the caller opened; perhaps without any stage yet."""
    project = _project(call)
    azure_document.identity_of(document)  # it is replaced, and yet has to be one
    content = azure_document.normalised(document, await known_people(connection, document))
    content = azure_document.owned(content, call.by)
    token = definition_token(str(project), azure_document.path_of(content), 0)
    call.require(Permission.EDIT_RELEASE_DEFINITION, token, "new release pipelines")
    if not may_be_empty:  # such are described elsewhere, not in the designer
        await pipeline_rules.check_new(connection, project, is_build=False)
    definition_id, ids = await definitions.draw_ids(connection, ids_needed(content, set()))
    content = azure_document.with_ids(content, iter(ids).__next__, set())
    groups = await task_groups.used_by(connection, project, content)
    connected = await connections.known(connection, call, project)
    saved = _content(call, content, {}, groups, api_version, connected, may_be_empty=may_be_empty)
    saved = await _looked_up(connection, project, saved)
    await named_builds.check_newly_named(connection, call, project, NOTHING_YET, saved.plan)
    await connections.check_newly_used(connection, call, NOTHING_YET, saved.plan)
    await secure_files.check_newly_used(connection, call, NOTHING_YET, saved.plan)
    made = await definitions.create(
        connection, call.vault, definition_id, project, saved, call.by, call.now
    )
    await folders.make_way(connection, project, saved.path, call.by, call.now)
    await _watch(connection, definition_id, saved.plan)
    _require_view(call, made)
    return made


async def update(call: Call, document: Document, *, api_version: str = "") -> Definition:
    """Save the next revision; the document carries the id and the revision it was read at.

    Raises Conflict when somebody saved in between; Forbidden unless the caller may change each
    stage that this changes and use each connection that it adds (R-07: the resulting
    state is what is authorised).
    """
    async with call.database.transaction() as connection:
        return await update_within(connection, call, document, api_version=api_version)


async def retag(
    call: Call, definition_id: int, change: Callable[[tuple[str, ...]], list[str]]
) -> Definition:
    """Save the definition with the tags that `change` makes of those it has, if they differ.

    Others who change it meanwhile come before or after. Raises as `update`, but for Conflict.
    """
    async with call.database.transaction() as connection:
        found = await _found(connection, call, definition_id, locked=True)
        tags = change(found.tags)
        if tags == list(found.tags):
            return found
        document = msgspec.json.decode(found.document)
        changed = {**document, "id": definition_id, "revision": found.revision, "tags": tags}
        return await update_within(connection, call, changed)


async def update_within(
    connection: Connection,
    call: Call,
    document: Document,
    *,
    api_version: str = "",
    may_be_empty: bool = False,
) -> Definition:
    """The same inside a transaction that the caller opened; perhaps without any stage left."""
    definition_id, revision = azure_document.identity_of(document)
    before = await _found(connection, call, definition_id, locked=True)
    if before.is_deleted:
        raise NotFound("definition", definition_id)
    if revision != before.revision:
        raise Conflict(
            f"You are using an old copy of the release pipeline: revision {revision}, while "
            f"it is at revision {before.revision}. Read it again and repeat your change."
        )
    content = azure_document.normalised(document, await known_people(connection, document))
    stored = msgspec.json.decode(before.document)
    content = azure_document.carried_over(content, stored)
    content = azure_document.owned(content, call.by, stored)
    known = await definitions.environment_ids(connection, definition_id)
    content = await numbered(connection, content, known | azure_document.ids_in(stored))
    groups = await task_groups.used_by(connection, before.project_id, [content, stored])
    connected = await connections.known(connection, call, before.project_id)
    saved = _content(
        call, content, before.secrets, groups, api_version, connected, may_be_empty=may_be_empty
    )
    saved = await _looked_up(connection, before.project_id, saved)
    was = compiled(call, stored, groups) if before.plan.task_groups else before.plan
    _authorise_change(call, replace(before, plan=was), saved)
    own = before.project_id
    await named_builds.check_newly_named(connection, call, own, before.plan, saved.plan)
    await connections.check_newly_used(connection, call, before.plan, saved.plan)
    await secure_files.check_newly_used(connection, call, before.plan, saved.plan)
    await definitions.update(connection, call.vault, before, saved, call.by, call.now)
    if saved.path != before.path:
        await folders.make_way(connection, before.project_id, saved.path, call.by, call.now)
    await _watch(connection, definition_id, saved.plan)
    return await _found(connection, call, definition_id)


async def _watch(connection: Connection, definition_id: int, plan: Plan) -> None:
    """Have the sources looked at now, so that what comes after the save counts as new."""
    if plan.triggers:
        await enqueue(connection, [Wakeup(SOURCES, {"id": definition_id})])


async def get(call: Call, definition_id: int) -> Definition:
    """One definition that the caller may view. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        found = await _found(connection, call, definition_id)
    if found.is_deleted:
        raise NotFound("definition", definition_id)
    return found


async def revisions(call: Call, definition_id: int) -> list[definitions.Revision]:
    """All saves of a definition, oldest first."""
    async with call.database.read() as connection:
        await _found(connection, call, definition_id)
        return await definitions.revisions(connection, definition_id)


async def document_at(call: Call, definition_id: int, revision: int) -> str:
    """The document as it was saved in one revision."""
    async with call.database.read() as connection:
        found = await _found(connection, call, definition_id)
        if found.is_deleted:
            raise NotFound("definition", definition_id)
        return await definitions.document_at(connection, definition_id, revision)


async def delete(call: Call, definition_id: int, comment: str, *, force: bool) -> None:
    """Delete softly, with its releases. Raises Refused while one of them is being deployed or
    waits to be.

    `force` first cancels what is under way (SEMANTICS 6.5).
    """
    async with deciding(call) as connection:
        await delete_within(connection, call, definition_id, comment, force=force)


async def delete_within(
    connection: Connection, call: Call, definition_id: int, comment: str, *, force: bool
) -> None:
    """The same inside a transaction that the caller opened."""
    found = await _found(connection, call, definition_id, locked=True)
    if found.is_deleted:
        raise NotFound("definition", definition_id)
    token = definition_token(str(found.project_id), found.path, found.id)
    call.require(Permission.DELETE_RELEASE_DEFINITION, token, f"release pipeline {found.name}")
    await freezes.close_door(
        connection, definition_id
    )  # what begins now is seen, or comes too late
    if await definitions.stages_under_way(connection, definition_id, with_canceled=True):
        if not force:
            raise Refused(
                f"Release pipeline {found.name} has deployments in progress or pending. "
                "Cancel them first, or delete with forceDelete=true."
            )
        await _cancel_all(connection, call, definition_id)
    await definitions.set_deleted(
        connection, definition_id, deleted=True, comment=comment, by=call.by, at=call.now
    )
    await edits.delete_with_definition(connection, definition_id, call.by, call.now, comment)


async def undelete(call: Call, definition_id: int, comment: str) -> None:
    """Bring a deleted definition back, with the releases that were deleted with it.

    Raises Conflict when its name has been taken.
    """
    async with call.database.transaction() as connection:
        found = await _found(connection, call, definition_id, locked=True)
        token = definition_token(str(found.project_id), found.path, found.id)
        call.require(Permission.DELETE_RELEASE_DEFINITION, token, f"release pipeline {found.name}")
        if found.is_deleted:
            await definitions.set_deleted(
                connection, definition_id, deleted=False, comment=comment, by=call.by, at=call.now
            )
            await edits.restore_with_definition(
                connection, definition_id, call.by, call.now, comment
            )
            await folders.make_way(connection, found.project_id, found.path, call.by, call.now)


async def _cancel_all(connection: Connection, call: Call, definition_id: int) -> None:
    """Ask every deployment under way of the definition to stop."""
    going = await definitions.stages_under_way(connection, definition_id, with_canceled=False)
    for release, stage in going:
        event = CancelRequested(StageId(stage), call.by, "The release pipeline was deleted.")
        await happen_within(connection, call, ReleaseId(release), event)


def _project(call: Call) -> UUID:
    return call.required_project("that the release pipeline belongs to")


async def _found(
    connection: Connection, call: Call, definition_id: int, *, locked: bool = False
) -> Definition:
    found = await definitions.get(
        connection, call.vault, call.project_id, definition_id, locked=locked
    )
    if found is None:
        raise NotFound("definition", definition_id)
    _require_view(call, found)
    return found


def _require_view(call: Call, found: Definition) -> None:
    token = definition_token(str(found.project_id), found.path, found.id)
    call.require(Permission.VIEW_RELEASE_DEFINITION, token, f"release pipeline {found.name}")


async def known_people(connection: Connection, document: Document) -> dict[str, str]:
    """Who is meant by each id or name in the document, as far as they are known here."""
    named = {
        text: await people.find(connection, text) for text in azure_document.people_in(document)
    }
    return {text.lower(): found.id for text, found in named.items() if found}


async def numbered(connection: Connection, content: Document, known: set[int]) -> Document:
    """The document with an id in each environment and step, keeping those that are its own."""
    count = ids_needed(content, known)
    ids = iter(await definitions.draw_environment_ids(connection, count))
    return azure_document.with_ids(content, lambda: next(ids), known)


def _content(
    call: Call,
    document: Document,
    stored_secrets: Mapping[str, str],
    groups: Groups,
    api_version: str,
    connected: KnownConnections,
    *,
    may_be_empty: bool = False,
) -> DefinitionContent:
    plain, secrets = azure_document.split_secrets(document, stored_secrets)
    return DefinitionContent(
        name=azure_document.name_of(plain),
        path=azure_document.path_of(plain),
        document=msgspec.json.encode(plain).decode(),
        plan=compiled(call, plain, groups, connected, may_be_empty=may_be_empty),
        secrets=secrets,
        tags=azure_document.tags_of(plain),
        source=str(plain.get("source") or ""),
        is_disabled=bool(plain.get("isDisabled")),
        comment=str(plain.get("comment") or ""),
        summary=msgspec.json.encode(azure_document.summary_of(plain)).decode(),
        api_version=api_version,
    )


async def _looked_up(
    connection: Connection, project: UUID, saved: DefinitionContent
) -> DefinitionContent:
    """The same with what it names by its id, and a warning for all that nobody knows."""
    plan = await named_builds.resolved(connection, project, saved.plan)
    warnings = await definition_warnings.of_what_is_unknown(connection, project, plan)
    return replace(saved, plan=replace(plan, warnings=plan.warnings + warnings))


def compiled(
    call: Call,
    plain: Document,
    groups: Groups,
    connected: KnownConnections | None = None,
    *,
    may_be_empty: bool = False,
) -> Plan:
    """The plan of a document with the tasks that are installed here. Raises Invalid.

    `connected` are the project's service connections, where unknown ones are to be warned of.
    """
    return azure.compile_definition(
        plain,
        installed=call.installation.outside.installed,
        groups=groups,
        connections=connected,
        may_be_empty=may_be_empty,
    )


def _authorise_change(call: Call, before: Definition, after: DefinitionContent) -> None:
    project = str(before.project_id)
    on = f"release pipeline {before.name}"
    for path in {before.path, after.path}:
        token = definition_token(project, path, before.id)
        call.require(Permission.EDIT_RELEASE_DEFINITION, token, on)
    given = stages_with_other_secrets(before.secrets, after.secrets)
    for number, permission, name in stage_changes(before.plan, after.plan, given):
        token = stage_token(project, before.path, before.id, number)
        call.require(permission, token, f"stage {name}")


def stages_with_other_secrets(before: Mapping[str, str], after: Mapping[str, str]) -> set[int]:
    """The definition stages for which secrets, by their place in the document, differ."""
    differing = {place for place, _ in before.items() ^ after.items()}
    parts = [place.split("/") for place in differing]
    return {int(part[1]) for part in parts if part[0] == "environments" and part[1].isdigit()}


def stage_changes(
    before: Plan, after: Plan, other_secrets: AbstractSet[int]
) -> Iterator[tuple[int, Permission, str]]:
    """What each stage's change needs: its id, the permission and its name (SEMANTICS 25.3).

    `other_secrets` are the stages whose secrets differ, which no plan holds.
    """
    old = {stage.definition_stage_id: stage for stage in before.stages}
    new = {stage.definition_stage_id: stage for stage in after.stages}
    for number, stage in old.items():
        if number not in new:
            yield number, Permission.DELETE_RELEASE_ENVIRONMENT, stage.name
    for number, stage in new.items():
        known = old.get(number)
        if stage != known or number in other_secrets:
            yield number, Permission.EDIT_RELEASE_ENVIRONMENT, stage.name
        if known and (stage.pre_approvals, stage.post_approvals) != (
            known.pre_approvals,
            known.post_approvals,
        ):
            yield number, Permission.MANAGE_RELEASE_APPROVERS, stage.name

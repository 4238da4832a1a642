"""Saving, reading and deleting build definitions (SEMANTICS 22, 25.2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import msgspec

from quaymaster.actions.builds import happening
from quaymaster.actions.call import Call
from quaymaster.actions.definitions import named_builds, pipeline_rules
from quaymaster.actions.releases.reading import People, visible_projects
from quaymaster.actions.resources import connections, task_groups
from quaymaster.domain.access import definition_token
from quaymaster.domain.build_access import BuildPermission
from quaymaster.domain.build_events import BuildHeld, BuildLetGo
from quaymaster.domain.build_plan import BuildPlan, ProcessType
from quaymaster.domain.errors import Conflict, Invalid, NotFound, Refused
from quaymaster.domain.task_groups import GROUP, Groups
from quaymaster.plans import build_document
from quaymaster.plans.build_definition import compile_build, task_ids
from quaymaster.plans.build_triggers import build_triggers as build_triggers_of
from quaymaster.plans.build_triggers import repository_keys
from quaymaster.store.builds import builds, retention
from quaymaster.store.builds import views as build_views
from quaymaster.store.builds.views import BuildView
from quaymaster.store.definitions import (
    build_definition_lists,
    build_definitions,
    definitions,
    folders,
)
from quaymaster.store.definitions.build_definition_lists import (
    BuildDefinitionFilter,
    BuildDefinitionPage,
    Draft,
)
from quaymaster.store.definitions.build_definitions import BuildContent, BuildDefinition
from quaymaster.store.definitions.folders import BUILD
from quaymaster.store.people import people
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import pools
from quaymaster.store.resources.pools import Queue
from quaymaster.store.triggers import build_triggers

Document = dict[str, Any]
KIND = "buildDefinition"
NOTHING_YET = BuildPlan()


@dataclass(frozen=True, slots=True)
class Source:
    """Whose secrets are taken over: a definition (0: none) at a revision (None: the newest)."""

    definition: int = 0
    revision: int | None = None


NOBODY = Source()


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around definitions in an answer: people, drafts and builds by id, queues.

    `rendered` is for whoever shows them: what was made of a build already.
    """

    people: People
    drafts: Mapping[int, list[Draft]] = field(default_factory=dict)
    builds: Mapping[int, BuildView] = field(default_factory=dict)
    queues: tuple[Queue, ...] = ()
    rendered: dict[int, msgspec.Raw] = field(default_factory=dict)


async def create(
    call: Call, document: Document, *, cloned_from: Source = NOBODY, api_version: str = ""
) -> BuildDefinition:
    """Save a new build definition as revision 1, also as a draft of another (22.3).

    `cloned_from` names the definition whose secrets the new one takes over. Raises Invalid with
    every problem at its JSON path, Conflict for a name taken in the folder, Forbidden also for a
    service connection that the caller may not use.
    """
    project = _project(call)
    parent = build_document.draft_of(document)
    async with call.database.transaction() as connection:
        plain = build_document.normalised(document)
        secrets = await _cloned_secrets(
            connection, call, cloned_from if cloned_from.definition else Source(parent)
        )
        if parent:
            plain = {**plain, "quality": "draft"}
        token = definition_token(str(project), build_document.text_of(plain, "path"), 0)
        call.require_build(BuildPermission.EDIT_BUILD_DEFINITION, token, "new build pipelines")
        groups = await task_groups.used_by(connection, project, plain)
        content = _content(call, plain, secrets, groups, api_version)
        if content.plan.process is ProcessType.DESIGNER:
            await pipeline_rules.check_new(connection, project, is_build=True)
        await connections.check_newly_used(connection, call, NOTHING_YET, content.plan)
        content = replace(content, draft_of=parent or None)
        number = await build_definitions.draw_id(connection)
        await build_definitions.create(
            connection, call.vault, number, project, content, call.by, call.now
        )
        await folders.make_way(connection, project, content.path, call.by, call.now, BUILD)
        await _keep_triggers(connection, call, number, content)
        await named_builds.appeared(connection, number)
        return await found(connection, call, number)


async def update(
    call: Call,
    definition_id: int,
    document: Document,
    *,
    secrets_of: Source = NOBODY,
    api_version: str = "",
) -> BuildDefinition:
    """Save the next revision; the document carries the revision it was read at (22.2).

    Raises Conflict when somebody saved in between, NotFound, Invalid, Forbidden also for a service
    connection that the save adds, or sends elsewhere, and the caller may not use.
    """
    number, revision = build_document.identity_of(document)
    if number not in (0, definition_id):
        raise Invalid(
            f"The path names the build pipeline {definition_id}, the body {number}. Name the same."
        )
    async with call.database.transaction() as connection:
        before = await found(connection, call, definition_id, locked=True)
        _check_revision(before, revision)
        plain = build_document.normalised(document)
        taken = await _cloned_secrets(connection, call, secrets_of)
        groups = await task_groups.used_by(connection, before.project_id, plain)
        content = _content(call, plain, {**taken, **before.secrets}, groups, api_version)
        for path in {before.path, content.path}:
            token = definition_token(str(before.project_id), path, definition_id)
            on = f"build pipeline {before.name}"
            call.require_build(BuildPermission.EDIT_BUILD_DEFINITION, token, on)
        await connections.check_newly_used(connection, call, before.plan, content.plan)
        if content.queue_status != before.queue_status:  # builds are locked before their definition
            await _hold_or_let_go(connection, call, definition_id, content.queue_status)
        await build_definitions.update(
            connection, call.vault, definition_id, content, call.by, call.now
        )
        await _keep_triggers(connection, call, definition_id, content)
        await named_builds.appeared(connection, definition_id)
        if content.path != before.path:
            where = before.project_id, content.path
            await folders.make_way(connection, *where, call.by, call.now, BUILD)
        return await found(connection, call, definition_id)


async def _hold_or_let_go(
    connection: Connection, call: Call, definition_id: int, queue_status: str
) -> None:
    """Builds that have not started wait while their definition is not enabled (22.4)."""
    event = BuildLetGo() if queue_status == "enabled" else BuildHeld()
    for build_id in await builds.not_started(connection, definition_id):
        await happening.happen_within(connection, call, build_id, event)


async def _keep_triggers(
    connection: Connection, call: Call, definition_id: int, content: BuildContent
) -> None:
    """What queues builds of the definition by itself, found again by repository and clock."""
    triggers = build_triggers_of(msgspec.json.decode(content.document))
    keys = repository_keys(content.plan.repository)
    await build_triggers.keep(connection, definition_id, triggers, keys, call.now)


def _check_revision(before: BuildDefinition, revision: int) -> None:
    if revision != before.revision:
        raise Conflict(
            f"The build pipeline {before.name} is at revision {before.revision}, while your copy "
            f"is of revision {revision}. Read it again and repeat your change.",
        )


async def get(call: Call, definition_id: int) -> BuildDefinition:
    """One definition that the caller may view. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        return await found(connection, call, definition_id)


async def found(
    connection: Connection,
    call: Call,
    definition_id: int,
    *,
    locked: bool = False,
    deleted: bool = False,
) -> BuildDefinition:
    """The same inside a connection that the caller has; `deleted` also finds those."""
    one = await build_definitions.get(
        connection, call.vault, call.project_id, definition_id, locked=locked
    )
    if one is None or (one.is_deleted and not deleted):
        raise NotFound(KIND, definition_id)
    require(call, one, BuildPermission.VIEW_BUILD_DEFINITION)
    return one


def require(call: Call, one: BuildDefinition, permission: BuildPermission) -> None:
    """Raise Forbidden unless the caller has this permission on the definition."""
    token = definition_token(str(one.project_id), one.path, one.id)
    call.require_build(permission, token, f"build pipeline {one.name}")


async def listed(
    call: Call, wanted: BuildDefinitionFilter, *, with_documents: bool, with_builds: bool
) -> tuple[BuildDefinitionPage, Around]:
    """One page of those that the caller may view, with people, drafts and latest builds."""
    async with call.database.read() as connection:
        wanted = replace(wanted, projects=await visible_projects(connection, call))
        page = await build_definition_lists.page(connection, wanted, with_documents=with_documents)
        rows = tuple(
            row
            for row in page.rows
            if call.may_build(
                BuildPermission.VIEW_BUILD_DEFINITION,
                definition_token(str(row.project_id), row.path, row.id),
            )
        )
        latest = [
            number
            for row in rows
            if with_builds
            for number in (row.latest_build_id, row.latest_completed_build_id)
        ]
        named = [row.modified_by for row in rows]
        around = await _around(connection, [row.id for row in rows], latest, named)
        around = await _with_queues(connection, around, {row.project_id for row in rows})
    return replace(page, rows=rows), around


async def around(call: Call, one: BuildDefinition, *, with_builds: bool) -> Around:
    """What an answer about one definition shows beside it."""
    latest = [one.latest_build_id, one.latest_completed_build_id] if with_builds else []
    async with call.database.read() as connection:
        found = await _around(connection, [one.id], latest, [one.modified_by])
        return await _with_queues(connection, found, {one.project_id})


async def _with_queues(connection: Connection, around: Around, projects: set[UUID]) -> Around:
    return replace(around, queues=tuple(await pools.queues_of(connection, sorted(projects))))


async def _around(
    connection: Connection,
    ids: list[int],
    builds: Iterable[int | None],
    named: Iterable[str | None],
) -> Around:
    drafts = await build_definition_lists.drafts_of(connection, ids)
    views = await build_views.get_many(connection, builds)
    everybody = {who for view in views.values() for who in view.people}
    known = await people.get_many(connection, [who for who in {*everybody, *named} if who])
    return Around(known, drafts, views)


async def delete(call: Call, definition_id: int) -> None:
    """Delete softly, with its builds; refused while a release or a lease keeps one (22.2)."""
    async with call.database.transaction() as connection:
        await delete_within(connection, call, definition_id)


async def delete_within(connection: Connection, call: Call, definition_id: int) -> None:
    """The same inside a transaction that the caller opened."""
    one = await found(connection, call, definition_id)
    require(call, one, BuildPermission.DELETE_BUILD_DEFINITION)
    await retention.lock_builds(connection, definition_id)  # before its row, as builds that end do
    one = await found(connection, call, definition_id, locked=True)
    if kept := await retention.kept_builds(connection, definition_id, call.now):
        listed = ", ".join(map(str, kept[:10]))
        raise Refused(
            f"Build pipeline {one.name} cannot be deleted: a release or a retention lease keeps "
            f"its builds {listed}. Remove the leases or delete the releases first."
        )
    if await retention.under_way(connection, definition_id):
        raise Refused(
            f"Build pipeline {one.name} has builds under way. Cancel them before you delete it."
        )
    await definitions.set_deleted(
        connection, definition_id, deleted=True, comment="", by=call.by, at=call.now
    )
    await retention.delete_with_definition(connection, definition_id, call.by, call.now)


async def undelete(call: Call, definition_id: int) -> BuildDefinition:
    """Bring a deleted definition back with its builds. Raises Conflict when its name is taken."""
    async with call.database.transaction() as connection:
        one = await found(connection, call, definition_id, locked=True, deleted=True)
        require(call, one, BuildPermission.DELETE_BUILD_DEFINITION)
        if one.is_deleted:
            await definitions.set_deleted(
                connection, definition_id, deleted=False, comment="", by=call.by, at=call.now
            )
            where = one.project_id, one.path
            await folders.make_way(connection, *where, call.by, call.now, BUILD)
            await retention.restore_with_definition(connection, definition_id, call.now)
            await named_builds.appeared(connection, definition_id)
        return await found(connection, call, definition_id)


async def change_tags(
    call: Call, definition_id: int, add: Iterable[str], remove: Iterable[str]
) -> list[str]:
    """Add and remove tags, which differ in more than case; the tags afterwards."""
    async with call.database.transaction() as connection:
        one = await found(connection, call, definition_id, locked=True)
        require(call, one, BuildPermission.EDIT_BUILD_DEFINITION)
        tags = changed_tags(one.tags, add, remove)
        await build_definitions.set_tags(connection, definition_id, tags)
        return tags


def changed_tags(before: Iterable[str], add: Iterable[str], remove: Iterable[str]) -> list[str]:
    """A set of tags after a change, ignoring case, in the order of adding (23.5)."""
    gone = {tag.strip().casefold() for tag in remove}
    kept = {tag.casefold(): tag for tag in before if tag.casefold() not in gone}
    for tag in add:
        kept.setdefault(tag.strip().casefold(), tag.strip())
    return list(kept.values())


async def change_properties(
    call: Call, definition_id: int, changes: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Set properties, or remove those set to None; all of them afterwards."""
    async with call.database.transaction() as connection:
        one = await found(connection, call, definition_id, locked=True)
        require(call, one, BuildPermission.EDIT_BUILD_DEFINITION)
        merged = {**one.properties, **changes}
        kept = {name: value for name, value in merged.items() if value is not None}
        await build_definitions.set_properties(connection, definition_id, kept)
        return kept


def _project(call: Call) -> UUID:
    return call.required_project("that the build pipeline belongs to")


async def _cloned_secrets(connection: Connection, call: Call, source: Source) -> Mapping[str, str]:
    """The secrets of another definition, for a copy of it by somebody who may edit that one."""
    if not source.definition:
        return {}
    known = await found(connection, call, source.definition)
    require(call, known, BuildPermission.EDIT_BUILD_DEFINITION)
    if source.revision not in (None, known.revision):
        raise Invalid(
            f"Secrets are kept of the newest revision only: build pipeline {known.name} is at "
            f"revision {known.revision}, not {source.revision}. Name that one, or none."
        )
    return known.secrets


async def expanded(call: Call, definition: BuildDefinition) -> BuildDefinition:
    """The definition with its task groups as they are now; a build keeps what it was made of."""
    return (
        await recompiled(call, definition) if GROUP in definition.document.lower() else definition
    )


async def recompiled(call: Call, definition: BuildDefinition) -> BuildDefinition:
    """The definition with the plan of its document. Raises Invalid."""
    document = msgspec.json.decode(definition.document)
    async with call.database.read() as connection:
        groups = await task_groups.used_by(connection, definition.project_id, document)
    return replace(definition, plan=_compiled(call, document, groups))


def _compiled(call: Call, plain: Document, groups: Groups) -> BuildPlan:
    here = call.installation.outside.installed
    return compile_build(plain, installed=here.versions, groups=groups, on_server=here.on_server)


def _content(
    call: Call,
    document: Document,
    stored_secrets: Mapping[str, str],
    groups: Groups,
    api_version: str,
) -> BuildContent:
    plain, secrets = build_document.split_secrets(document, stored_secrets)
    plan = _compiled(call, plain, groups)
    return BuildContent(
        name=build_document.text_of(plain, "name"),
        path=build_document.text_of(plain, "path"),
        document=msgspec.json.encode(plain).decode(),
        plan=plan,
        secrets=secrets,
        tags=build_document.tags_of(plain),
        quality=build_document.text_of(plain, "quality"),
        queue_status=build_document.text_of(plain, "queueStatus"),
        task_ids=task_ids(plan),
        properties=build_document.properties_of(plain),
        comment=build_document.text_of(plain, "comment"),
        summary=msgspec.json.encode(build_document.summary_of(plain)).decode(),
        api_version=api_version,
    )

"""Task groups: who may see and change them, their versions and drafts, and what releases take."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from quaymaster.actions.call import Call
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import Conflict, Invalid, NotFound
from quaymaster.domain.plan import Plan
from quaymaster.domain.task_groups import Groups
from quaymaster.plans import azure_task_group_documents as documents
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import task_groups
from quaymaster.store.resources.task_groups import GroupRevision, GroupVersion

MOST_ROUNDS = 50  # groups within groups; deeper ones are not looked up any more

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GroupContent:
    """What a save brings; `revision` is the one it was read at, `major` 0 keeps the version."""

    document: Document
    major: int = 0
    minor: int = 0
    patch: int = 0
    revision: int = 0
    comment: str = ""
    parent: UUID | None = None


async def listed(
    call: Call, group: UUID | None = None, *, deleted: bool = False
) -> list[GroupVersion]:
    """The versions of all groups of the project, or of one. Raises Forbidden, NotFound."""
    async with call.database.read() as connection:
        found = await task_groups.listed(connection, _seen(call), group, deleted=deleted)
    if group and not found:
        raise _missing(group)
    return found


async def create(call: Call, content: GroupContent) -> GroupVersion:
    """Make a group with its first version, or a draft of another group.

    Raises Invalid with every problem at its JSON path, Conflict for a taken name, Forbidden,
    NotFound for a draft of a group that is not there.
    """
    project = _edited(call)
    documents.check(content.document)
    async with call.database.transaction() as connection:
        if content.parent:
            await _locked(connection, project, content.parent)
        group = await task_groups.create(
            connection, project, _name(content), content.parent, call.by, call.now
        )
        first = GroupVersion(
            id=group,
            project_id=project,
            name=_name(content),
            parent_id=content.parent,
            is_deleted=False,
            created_by=call.by,
            created_at=call.now,
            major=content.major or 1,
            minor=content.minor,
            patch=content.patch,
            revision=1,
            is_preview=False,
            is_disabled=False,
            document=content.document,
            comment=content.comment,
            modified_by=call.by,
            modified_at=call.now,
        )
        await _check_circles(connection, first)
        await task_groups.put(connection, first, "add")
        return first


async def update(call: Call, group: UUID, content: GroupContent) -> GroupVersion:
    """Change a version of a group, or add the next major version beside those that are there.

    Raises as `create`; Conflict when somebody saved the version in between.
    """
    project = _edited(call)
    documents.check(content.document)
    async with call.database.transaction() as connection:
        versions = await _locked(connection, project, group)
        newest = max(versions, key=lambda version: version.major)
        before = next((v for v in versions if v.major == (content.major or newest.major)), None)
        if before is None and content.major != newest.major + 1:
            raise Invalid(
                f"The next major version of task group {newest.name} is {newest.major + 1}; "
                f"{content.major} was asked for."
            )
        if before and content.revision and content.revision != before.revision:
            raise _old_copy(before, content.revision)
        saved = replace(
            before or newest,
            name=_name(content),
            major=content.major or newest.major,
            minor=content.minor,
            patch=content.patch,
            revision=before.revision + 1 if before else 1,
            document=content.document,
            comment=content.comment,
            modified_by=call.by,
            modified_at=call.now,
        )
        await _check_circles(connection, saved)
        await task_groups.put(connection, saved, "update" if before else "add")
        return saved


async def delete(call: Call, group: UUID, comment: str) -> None:
    """Delete softly; definitions that use the group fail at that step from then on."""
    await _set_deleted(call, group, comment, deleted=True)


async def undelete(call: Call, group: UUID, comment: str = "") -> GroupVersion:
    """Bring a deleted group back. Raises NotFound, Conflict when its name has been taken."""
    return await _set_deleted(call, group, comment, deleted=False)


async def history(call: Call, group: UUID) -> list[GroupRevision]:
    """All saves of a group, oldest first. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        if not await task_groups.listed(connection, _seen(call), group, deleted=True):
            raise _missing(group)
        return await task_groups.revisions(connection, group)


# ---- drafts and previews ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Publication:
    """A draft that becomes part of its group; revisions 0 are not compared."""

    draft: UUID
    revision: int = 0
    parent_revision: int = 0
    is_preview: bool = False
    comment: str = ""


async def publish(call: Call, parent: UUID, asked: Publication) -> list[GroupVersion]:
    """Put a draft's tasks into its group's newest version or, as a preview, into the next.

    The draft is gone afterwards. Raises NotFound, Conflict for an old copy, Invalid for a group
    that is no draft of this one.
    """
    project = _edited(call)
    async with call.database.transaction() as connection:
        versions = await _locked(connection, project, parent)
        [draft, *_] = await _locked(connection, project, asked.draft)
        newest = max(versions, key=lambda version: version.major)
        if draft.parent_id != parent:
            raise Invalid(f"{draft.name} is no draft of task group {newest.name}.")
        for held, told in ((draft, asked.revision), (newest, asked.parent_revision)):
            if told and told != held.revision:
                raise _old_copy(held, told)
        saved = replace(
            newest,
            major=newest.major + 1 if asked.is_preview else newest.major,
            revision=1 if asked.is_preview else newest.revision + 1,
            is_preview=asked.is_preview or newest.is_preview,
            document={**draft.document, "name": newest.name},
            comment=asked.comment,
            modified_by=call.by,
            modified_at=call.now,
        )
        await _check_circles(connection, saved)
        await task_groups.remove(connection, draft.id)
        await task_groups.put(connection, saved, "add" if asked.is_preview else "update")
        return await task_groups.listed(connection, project, parent)


async def publish_preview(
    call: Call,
    group: UUID,
    major: int,
    revision: int,
    *,
    comment: str = "",
    disables_earlier: bool = False,
) -> list[GroupVersion]:
    """Make a preview version one that counts; earlier ones can be disabled with it.

    Raises NotFound, Conflict for an old copy.
    """
    project = _edited(call)
    async with call.database.transaction() as connection:
        versions = await _locked(connection, project, group)
        preview = next((version for version in versions if version.major == major), None)
        if preview is None:
            raise Invalid(f"Task group {versions[0].name} has no version {major}.")
        if revision and revision != preview.revision:
            raise _old_copy(preview, revision)
        changed = [replace(preview, is_preview=False)]
        if disables_earlier:
            changed += [replace(v, is_disabled=True) for v in versions if v.major < major]
        for version in changed:
            saved = _touched(call, version, comment)
            await task_groups.put(connection, saved, "update")
        return await task_groups.listed(connection, project, group)


# ---- what definitions and releases take --------------------------------------------------------


async def used_by(connection: Connection, project: UUID, document: object) -> Groups:
    """The task groups that a document uses, directly and through others."""
    return await _reached(connection, project, documents.groups_in(document))


def chosen(plan: Plan, groups: Groups) -> Groups:
    """Of these groups only the versions that the plan was expanded from."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for taken in plan.task_groups:
        if taken.version in groups.get(taken.id, {}):
            found.setdefault(taken.id, {})[taken.version] = groups[taken.id][taken.version]
    return found


async def of_release(
    connection: Connection, project: UUID, release_id: int, document: object
) -> Groups:
    """What editing a release's snapshot expands to: what it took, and groups that are new in it."""
    taken = await task_groups.of_release(connection, release_id)
    now = await _reached(connection, project, documents.groups_in(document) - taken.keys())
    return {**now, **taken}


async def _reached(connection: Connection, project: UUID, wanted: Collection[str]) -> Groups:
    """These groups, those that they use, and so on; ids that are none are passed over."""
    found: dict[str, Mapping[str, Mapping[str, Any]]] = {}
    missing = set(wanted)
    for _ in range(MOST_ROUNDS):
        if not missing:
            break
        more = await task_groups.documents(connection, project, sorted(missing))
        found |= dict(more)
        inner = {
            group
            for versions in more.values()
            for document in versions.values()
            for group in documents.groups_in(document)
        }
        missing = inner - found.keys()
    return found


async def _check_circles(connection: Connection, saved: GroupVersion) -> None:
    groups = await _reached(connection, saved.project_id, documents.groups_in(saved.document))
    document = {**saved.document, "name": saved.name}
    documents.check_circles(str(saved.id), saved.version, document, groups)


# ---- who may ----------------------------------------------------------------------------------


def _seen(call: Call) -> UUID:
    project = call.required_project("that the task group belongs to")
    token = str(project)
    call.require(Permission.VIEW_RELEASE_DEFINITION, token, "the project's task groups")
    return project


def _edited(call: Call) -> UUID:
    project = _seen(call)
    call.require(Permission.EDIT_RELEASE_DEFINITION, str(project), "the project's task groups")
    return project


async def _locked(connection: Connection, project: UUID, group: UUID) -> list[GroupVersion]:
    found = await task_groups.locked(connection, project, group)
    if not found or found[0].is_deleted:
        raise _missing(group)
    return found


async def _set_deleted(call: Call, group: UUID, comment: str, *, deleted: bool) -> GroupVersion:
    project = _edited(call)
    async with call.database.transaction() as connection:
        versions = await task_groups.locked(connection, project, group)
        if not versions or versions[0].is_deleted is deleted:
            raise _missing(group)
        changed = replace(_touched(call, versions[0], comment), is_deleted=deleted)
        await task_groups.put(connection, changed, "delete" if deleted else "undelete")
        return changed


def _touched(call: Call, version: GroupVersion, comment: str) -> GroupVersion:
    return replace(
        version,
        revision=version.revision + 1,
        comment=comment,
        modified_by=call.by,
        modified_at=call.now,
    )


def _name(content: GroupContent) -> str:
    return str(content.document["name"]).strip()


def _missing(group: UUID) -> NotFound:
    return NotFound("task group", str(group), f"There is no task group {group} in this project.")


def _old_copy(held: GroupVersion, told: int) -> Conflict:
    return Conflict(
        f"You are using an old copy of task group {held.name}: revision {told}, while version "
        f"{held.major} is at revision {held.revision}. Read it again and repeat your change."
    )

"""Looking things up: releases, deployments and approvals that the caller may see.

Every answer comes with the people it mentions. Access is decided here as for every request:
what the caller may not view is not in a list, and alone it is Forbidden or NotFound.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from quaymaster.actions.call import Call
from quaymaster.domain.access import Permission, definition_token
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.domain.release import Approval, PersonId
from quaymaster.domain.statuses import DeploymentReason
from quaymaster.domain.variable_groups import VariableGroup
from quaymaster.store.definitions import lists as definition_lists
from quaymaster.store.definitions.lists import DefinitionFilter, DefinitionPage
from quaymaster.store.deployments import approvals as approval_lists
from quaymaster.store.deployments import lists as deployment_lists
from quaymaster.store.deployments.approvals import ApprovalFilter, ApprovalLine
from quaymaster.store.deployments.lists import DeploymentFilter, DeploymentLine
from quaymaster.store.people import people, projects
from quaymaster.store.people.people import Identity
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import Page, Paging
from quaymaster.store.releases import lists as release_lists
from quaymaster.store.releases import views as release_views
from quaymaster.store.releases.lists import ReleaseFilter
from quaymaster.store.releases.views import AttemptView, ReleaseHead, ReleaseView
from quaymaster.store.resources import variable_groups
from quaymaster.store.storage import bodies

People = Mapping[str, Identity]
Line = TypeVar("Line", ApprovalLine, DeploymentLine)


@dataclass(frozen=True, slots=True)
class ReleaseFound:
    """A release with the snapshot it runs, and everybody mentioned in either."""

    view: ReleaseView
    document: dict[str, Any]
    people: People
    groups: Mapping[int, list[VariableGroup]] = field(default_factory=dict)


async def release(call: Call, release_id: int, *, deleted: bool = False) -> ReleaseFound:
    """One release with everything below it. Raises NotFound, Forbidden (view releases)."""
    async with call.database.read() as connection:
        view = await release_views.get(connection, call.project_id, release_id)
        if view is None or (view.head.is_deleted and not deleted):
            raise NotFound("release", release_id)
        head = view.head
        token = definition_token(str(head.project_id), head.definition_path, head.definition_id)
        call.require(Permission.VIEW_RELEASES, token, f"release {head.name}")
        document = msgspec.json.decode(await release_views.document(connection, view))
        named = {*_of_view(view), *ids_in(document)}
        known = await people.get_many(connection, list(named))
        groups = await variable_groups.snapshots(connection, release_id)
        return ReleaseFound(view, document, known, groups)


async def releases(
    call: Call, wanted: ReleaseFilter, paging: Paging
) -> tuple[Page[ReleaseHead], People]:
    """One page of releases in the light form."""
    async with call.database.read() as connection:
        wanted = replace(wanted, projects=await visible_projects(connection, call))
        page = await release_lists.page(connection, wanted, paging)
        seen = _visible_heads(call, page.rows)
        named = mentioned_in(seen)
        return Page(seen, page.next), await people.get_many(connection, list(named))


async def whole_releases(call: Call, ids: Iterable[int]) -> list[ReleaseFound]:
    """Several releases with everything below them, in this order; those not found are left out.

    Releases of the same revision of a definition share its decoded document.
    """
    wanted = list(ids)
    async with call.database.read() as connection:
        views = await release_views.get_many(connection, call.project_id, wanted)
        texts = await bodies.documents(connection, {v.document_digest for v in views.values()})
        documents = {digest: msgspec.json.decode(text) for digest, text in texts.items()}
        named = {who for view in views.values() for who in _of_view(view)}
        named |= {who for document in documents.values() for who in ids_in(document)}
        known = await people.get_many(connection, list(named))
    found = [views[number] for number in wanted if number in views]
    return [ReleaseFound(view, documents[view.document_digest], known) for view in found]


async def deployments(
    call: Call, wanted: DeploymentFilter, paging: Paging
) -> tuple[Page[DeploymentLine], People, Mapping[bytes, str]]:
    """One page of deployments, the people, and the documents behind those that began by themselves.

    Releases of the same revision of a definition share a document, so that these are few.
    """
    async with call.database.read() as connection:
        wanted = replace(wanted, projects=await visible_projects(connection, call))
        page = await deployment_lists.page(connection, wanted, paging)
        seen = _visible(call, page.rows)
        named = {who for line in seen for who in _of_attempt(line)}
        known = await people.get_many(connection, list(named))
        asked = {
            line.document_digest for line in seen if line.reason is not DeploymentReason.MANUAL
        }
        return Page(seen, page.next), known, await bodies.documents(connection, asked)


async def approvals(
    call: Call,
    wanted: ApprovalFilter,
    paging: Paging,
    *,
    assigned_to: str = "",
    with_groups: bool = False,
) -> tuple[Page[ApprovalLine], People]:
    """One page of approvals.

    `assigned_to` is an id or a name; `with_groups` adds the approvals of that person's groups
    (SEMANTICS 9.15). Nobody of that name has no approvals.
    """
    async with call.database.read() as connection:
        wanted = replace(wanted, projects=await visible_projects(connection, call))
        if assigned_to:
            holders = await _holders(connection, assigned_to, with_groups=with_groups)
            if not holders:
                return Page(()), {}
            wanted = replace(wanted, approvers=holders)
        page = await approval_lists.page(connection, wanted, paging)
        seen = _visible(call, page.rows)
        named = {who for line in seen for who in _of_approval(line.approval)}
        return Page(seen, page.next), await people.get_many(connection, list(named))


async def approval(call: Call, approval_id: int) -> tuple[ApprovalLine, People]:
    """One approval. Raises NotFound."""
    async with call.database.read() as connection:
        line = await approval_lists.get(connection, call.project_id, approval_id)
        if line is None or not _visible(call, (line,)):
            raise NotFound("approval", approval_id)
        return line, await people.get_many(connection, list(_of_approval(line.approval)))


async def definitions(
    call: Call, wanted: DefinitionFilter, *, with_documents: bool = False
) -> tuple[DefinitionPage, People]:
    """One page of definitions that the caller may view."""
    async with call.database.read() as connection:
        wanted = replace(wanted, projects=await visible_projects(connection, call))
        page = await definition_lists.page(connection, wanted, with_documents=with_documents)
        seen = tuple(
            row
            for row in page.rows
            if call.may(
                Permission.VIEW_RELEASE_DEFINITION,
                definition_token(str(row.project_id), row.path, row.id),
            )
        )
        named = {str(who) for row in seen for who in (row.created_by, row.modified_by) if who}
        for row in seen if with_documents else ():
            named |= ids_in(msgspec.json.decode(row.document or "{}"))
        known = await people.get_many(connection, list(named))
        return replace(page, rows=seen), known


async def newest_releases(
    call: Call, definitions: Iterable[tuple[UUID, int]]
) -> tuple[Mapping[int, ReleaseHead], People]:
    """The newest release of each definition that has one and that the caller may view."""
    async with call.database.read() as connection:
        found = await release_lists.newest_of(connection, list(definitions))
        seen = {head.definition_id: head for head in _visible_heads(call, tuple(found.values()))}
        named = mentioned_in(seen.values())
        return seen, await people.get_many(connection, list(named))


async def identity_named(call: Call, named: str) -> str:
    """The id behind an id or a name; the text itself when nobody is known by it."""
    async with call.database.read() as connection:
        found = await people.find(connection, named)
    return found.id if found else named


async def known_identity(call: Call, named: str) -> PersonId:
    """Who is known by an id or a name. Raises Invalid when nobody is."""
    home = UUID(call.caller.organization) if call.caller else None
    async with call.database.read() as connection:
        found = await people.find(connection, named, home)
    if found is None:
        raise Invalid(f"Nobody is known as {named[:100]!r} here.")
    return PersonId(found.id)


async def mentioned(call: Call, ids: Iterable[str | None]) -> People:
    """The people behind these ids."""
    async with call.database.read() as connection:
        return await people.get_many(connection, [who for who in ids if who])


async def visible_projects(connection: Connection, call: Call) -> tuple[UUID, ...]:
    """The project of the call, or all projects that hold anything the caller was granted."""
    if call.project_id:
        return (call.project_id,)
    if call.caller is None:
        return ()
    rows = await projects.listed(connection, UUID(call.caller.organization))
    return tuple(row.id for row in rows if call.caller.sees(str(row.id)))


async def _holders(
    connection: Connection, assigned_to: str, *, with_groups: bool
) -> tuple[str, ...]:
    found = await people.find(connection, assigned_to)
    if found is None:
        return ()
    groups = await people.groups_of(connection, found.id) if with_groups else frozenset()
    return (found.id, *groups)


def _visible(call: Call, rows: tuple[Line, ...]) -> tuple[Line, ...]:
    sees = _sight(call)
    return tuple(
        row for row in rows if sees(row.project_id, row.definition_path, row.definition_id)
    )


def _visible_heads(call: Call, heads: tuple[ReleaseHead, ...]) -> tuple[ReleaseHead, ...]:
    sees = _sight(call)
    return tuple(
        head for head in heads if sees(head.project_id, head.definition_path, head.definition_id)
    )


def _sight(call: Call) -> Callable[[UUID, str, int], bool]:
    """Whether the caller may view the releases of a definition, each asked only once a list."""

    @cache
    def sees(project: UUID, path: str, definition: int) -> bool:
        token = definition_token(str(project), path, definition)
        return call.may(Permission.VIEW_RELEASES, token)

    return sees


def sees_all(call: Call, places: Iterable[tuple[UUID, str, int]]) -> bool:
    """Whether the caller may view the releases of all these definitions (project, folder, id)."""
    for project, path, definition in places:
        token = definition_token(str(project), path, definition)
        if not call.may(Permission.VIEW_RELEASES, token):
            return False
    return True


def mentioned_in(heads: Iterable[ReleaseHead]) -> set[str]:
    """The ids of everybody who is named in the light form of these releases."""
    return {who for head in heads for who in _of_head(head)}


def _of_head(head: ReleaseHead) -> set[str]:
    return {who for who in (head.created_by, head.created_for, head.modified_by) if who}


def _of_view(view: ReleaseView) -> set[str]:
    named = _of_head(view.head)
    for stage in view.stages:
        for attempt in stage.attempts:
            named |= _of_attempt(attempt)
    return named


def _of_attempt(attempt: AttemptView | DeploymentLine) -> set[str]:
    named = {attempt.requested_by, attempt.requested_for, attempt.modified_by}
    found = {str(who) for who in named if who}
    for one in attempt.approvals:
        found |= _of_approval(one)
    return found


def _of_approval(approval: Approval) -> set[str]:
    named = [approval.approver, approval.approved_by]
    for earlier in approval.earlier:
        named += [earlier.approver, earlier.changed_by]
    return {who for who in named if who}


def ids_in(document: Any) -> set[str]:
    """The ids of all approvers and owners that a stored document names."""
    match document:
        case dict():
            found = {
                str(value["id"])
                for key, value in document.items()
                if key in ("approver", "owner") and isinstance(value, dict) and value.get("id")
            }
            return found.union(*map(ids_in, document.values()))
        case list():
            return set().union(*map(ids_in, document))
        case _:
            return set()

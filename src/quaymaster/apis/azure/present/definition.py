"""Release definitions: the stored document with what the server owns (CONTRACT C)."""

from typing import Any
from uuid import UUID

import msgspec

from quaymaster.apis.azure.links import references
from quaymaster.apis.azure.present import completing
from quaymaster.apis.azure.present.shown import Shown, actor, release_reference, with_people
from quaymaster.apis.azure.values import date_out
from quaymaster.apis.azure.words import word
from quaymaster.store.definitions.definitions import Definition, Revision
from quaymaster.store.definitions.lists import DefinitionRow
from quaymaster.store.releases.views import ReleaseHead

Document = dict[str, Any]

# What a light list entry leaves out unless `$expand` asks for it.
IN_LISTS: Document = {
    "description": None,
    "variableGroups": None,
    "releaseNameFormat": "",
    "properties": {},
}
EXPANDED_KEYS = ("environments", "artifacts", "triggers", "variables", "tags", "lastRelease")


def definition(shown: Shown, found: Definition) -> Document:
    """A whole ReleaseDefinition."""
    document = completing.definition(with_people(shown, msgspec.json.decode(found.document)))
    project, stages = str(found.project_id), document.get("environments") or []
    badged = [
        {**one, "badgeUrl": shown.links.badge(project, found.id, one.get("id") or 0)}
        for one in stages
    ]
    return {**document, "environments": badged, **_owned(shown, found, comment=found.comment)}


def light(shown: Shown, found: DefinitionRow, expand: frozenset[str]) -> Document:
    """A list entry; `expand` names the parts of the document that are wanted with it."""
    document = completing.definition(msgspec.json.decode(found.document or "{}"))
    summary: Document = msgspec.json.decode(found.summary)
    parts = {
        key: with_people(shown, document[key])
        for key in EXPANDED_KEYS
        if key in expand and key in document
    }
    return {**IN_LISTS, **summary, **parts, **_owned(shown, found, comment=found.comment)}


def last_release(shown: Shown, head: ReleaseHead) -> Document:
    """A ReleaseReference: what a definition shows of its newest release."""
    project = str(head.project_id)
    return {
        **release_reference(shown, project, head.id, head.name),
        "artifacts": [],
        "description": head.description,
        "releaseDefinition": {"id": head.definition_id, "_links": {}},
        "reason": word(head.reason),
        "createdBy": actor(shown, head.created_by),
        "createdOn": date_out(head.created_at),
        "modifiedBy": actor(shown, head.modified_by),
        "webAccessUri": shown.links.release_page(project, head.id),
    }


def revision(shown: Shown, project: str, definition_id: int, found: Revision) -> Document:
    """A ReleaseDefinitionRevision."""
    url = f"{shown.links.definition(project, definition_id)}/revisions/{found.revision}"
    return {
        "definitionId": definition_id,
        "revision": found.revision,
        "changedBy": actor(shown, found.changed_by),
        "changedDate": date_out(found.changed_at),
        "changeType": found.change_type,
        "comment": found.comment,
        "apiVersion": found.api_version or None,
        "definitionUrl": url,
    }


def _owned(shown: Shown, found: Definition | DefinitionRow, *, comment: str) -> Document:
    """What no author decides: ids, revision, people, times and addresses."""
    return {
        "id": found.id,
        "name": found.name,
        "path": found.path,
        "revision": found.revision,
        "isDeleted": found.is_deleted,
        "comment": comment or None,
        "createdBy": actor(shown, found.created_by),
        "createdOn": date_out(found.created_at),
        "modifiedBy": actor(shown, found.modified_by),
        "modifiedOn": date_out(found.modified_at),
        **_addresses(shown, found.project_id, found.id),
    }


def _addresses(shown: Shown, project: UUID, definition_id: int) -> Document:
    url = shown.links.definition(str(project), definition_id)
    web = shown.links.definition_page(str(project), definition_id)
    return {"url": url, "_links": references(url, web)}

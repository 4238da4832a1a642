"""Build definitions and builds as this contract shows them (CONTRACT B.1, C)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec

from quaymaster.actions.builds.definitions.build_definitions import Around
from quaymaster.apis.azure.links import Links
from quaymaster.apis.azure.present.shown import Shown, actor, person
from quaymaster.apis.azure.values import date_out
from quaymaster.domain.numbers import digits
from quaymaster.store.builds.views import BuildView
from quaymaster.store.definitions.build_definition_lists import BuildDefinitionRow, Counted, Draft
from quaymaster.store.definitions.build_definitions import BuildDefinition
from quaymaster.store.definitions.definitions import Revision
from quaymaster.store.resources.pools import Queue

Document = dict[str, Any]

METRICS = {
    "succeeded": "SuccessfulBuilds",
    "partiallySucceeded": "PartiallySuccessfulBuilds",
    "failed": "FailedBuilds",
    "canceled": "CanceledBuilds",
    "notStarted": "CurrentBuildsInQueue",
    "postponed": "CurrentBuildsInQueue",
    "inProgress": "CurrentBuildsInProgress",
    "cancelling": "CurrentBuildsInProgress",
}


def project(links: Links, number: str, name: str) -> Document:
    """A TeamProjectReference."""
    return {
        "id": number,
        "name": name,
        "url": links.project(number),
        "state": "wellFormed",
        "revision": 1,
        "visibility": "private",
    }


def queue(links: Links, queue_id: int, name: str, pool_id: int | None, pool: str) -> Document:
    """An AgentPoolQueue that this project has."""
    url = f"{links.base}/_apis/build/Queues/{queue_id}"
    return {
        "_links": {"self": {"href": url}},
        "id": queue_id,
        "name": name,
        "url": url,
        "pool": {"id": pool_id, "name": pool, "isHosted": False},
    }


def definition_url(links: Links, project_id: str, number: int, revision: int = 0) -> str:
    suffix = f"?revision={revision}" if revision else ""
    return links.apis(project_id, f"build/Definitions/{number}{suffix}")


def reference(  # noqa: PLR0913 - the fields of a DefinitionReference
    links: Links,
    *,
    project_id: str,
    project_name: str,
    number: int,
    name: str,
    path: str,
    revision: int,
    queue_status: str,
) -> Document:
    """A DefinitionReference."""
    return {
        "drafts": [],
        "id": number,
        "name": name,
        "url": definition_url(links, project_id, number, revision),
        "uri": f"vstfs:///Build/Definition/{number}",
        "path": path,
        "type": "build",
        "queueStatus": queue_status,
        "revision": revision,
        "project": project(links, project_id, project_name),
    }


def in_list(shown: Shown, found: BuildDefinitionRow, around: Around) -> Document:
    """One entry of the list: shallow, or the whole document where it was read."""
    document = msgspec.json.decode(found.document or found.summary)
    return _whole(shown, found, document, around)


def definition(shown: Shown, found: BuildDefinition, around: Around) -> Document:
    """A whole BuildDefinition."""
    return _whole(shown, found, msgspec.json.decode(found.document), around)


def _whole(
    shown: Shown,
    found: BuildDefinitionRow | BuildDefinition,
    document: Document,
    around: Around,
) -> Document:
    made = {**document, **_owned(shown, found, around)}
    meant = _queue_meant(document.get("queue"), found, around)
    if meant:
        made["queue"] = queue(shown.links, meant.id, meant.name, meant.pool_id, meant.pool_name)
    return made


def _queue_meant(
    said: Any, found: BuildDefinitionRow | BuildDefinition, around: Around
) -> Queue | None:
    """The project's queue of the id, or else of the name, that a definition gives."""
    if not isinstance(said, dict):
        return None
    own = [one for one in around.queues if one.project_id == found.project_id]
    name = str(said.get("name") or "").casefold()
    by_id = [one for one in own if one.id == said.get("id")]
    by_name = [one for one in own if one.name.casefold() == name]
    return next(iter((*by_id, *by_name)), None)


def _owned(shown: Shown, found: BuildDefinitionRow | BuildDefinition, around: Around) -> Document:
    """What no author decides: ids, revision, people, times, drafts, builds and addresses."""
    links, project_id = shown.links, str(found.project_id)
    url = definition_url(links, project_id, found.id, found.revision)
    made = reference(
        links,
        project_id=project_id,
        project_name=found.project_name,
        number=found.id,
        name=found.name,
        path=found.path,
        revision=found.revision,
        queue_status=found.queue_status,
    )
    made |= {
        "_links": {
            "self": {"href": url},
            "web": {"href": links.build_definition_page(project_id, str(found.id))},
            "editor": {"href": links.build_editor(project_id, found.id)},
            "badge": {"href": badge_url(links, project_id, found.id)},
        },
        "quality": found.quality,
        "authoredBy": actor(shown, found.modified_by),
        "drafts": [_draft(links, found, draft) for draft in around.drafts.get(found.id, ())],
        "createdDate": date_out(found.modified_at),
    }
    if found.draft_of:
        made["draftOf"] = {
            "id": found.draft_of,
            "url": definition_url(links, project_id, found.draft_of),
        }
    if isinstance(found, BuildDefinition) or found.document:
        made["tags"] = list(found.tags)
        made["properties"] = dict(found.properties)
    for key, number in (
        ("latestBuild", found.latest_build_id),
        ("latestCompletedBuild", found.latest_completed_build_id),
    ):
        if number is not None and number in around.builds:
            made[key] = _once(shown, around, number)
    return made


def _once(shown: Shown, around: Around, number: int) -> msgspec.Raw:
    """A build that is the latest and the latest completed one is rendered once."""
    if number not in around.rendered:
        rendered = msgspec.json.encode(build(shown, around.builds[number]))
        around.rendered[number] = msgspec.Raw(rendered)
    return around.rendered[number]


def badge_url(links: Links, project_id: str, number: int) -> str:
    return f"{links.base}/_apis/public/build/definitions/{quote(project_id)}/{number}/badge"


def _draft(links: Links, of: BuildDefinitionRow | BuildDefinition, draft: Draft) -> Document:
    return reference(
        links,
        project_id=str(of.project_id),
        project_name=of.project_name,
        number=draft.id,
        name=draft.name,
        path=draft.path,
        revision=draft.revision,
        queue_status=draft.queue_status,
    )


def revision(shown: Shown, found: BuildDefinition, save: Revision) -> Document:
    """A BuildDefinitionRevision."""
    return {
        "revision": save.revision,
        "name": found.name,
        "changedBy": actor(shown, save.changed_by),
        "changedDate": date_out(save.changed_at),
        "changeType": "update" if save.change_type == "undelete" else save.change_type,
        "comment": save.comment or None,
        "definitionUrl": definition_url(
            shown.links, str(found.project_id), found.id, save.revision
        ),
    }


def metrics(counted: Iterable[Counted], now: datetime) -> dict[int, list[Document]]:
    """The BuildMetrics of each definition: what ended on each day, what is under way now (22.6)."""
    sums: dict[tuple[int, str, str], int] = {}
    for one in counted:
        scope = one.day.isoformat() if one.day else ""
        names = (METRICS[one.word], *(("TotalBuilds",) if one.day else ()))
        for name in names:
            key = (one.definition_id, scope, name)
            sums[key] = sums.get(key, 0) + one.builds
    found: dict[int, list[Document]] = {}
    for (number, scope, name), value in sums.items():
        day = datetime.fromisoformat(scope).replace(tzinfo=UTC) if scope else now
        entry = {
            "name": name,
            "scope": "daily" if scope else "",
            "intValue": value,
            "date": date_out(day),
        }
        found.setdefault(number, []).append(entry)
    return found


def build(
    shown: Shown, found: BuildView, only_properties: Mapping[str, Any] | None = None
) -> Document:
    """A Build."""
    links, project_id = shown.links, str(found.project_id)
    url = links.apis(project_id, f"build/Builds/{found.id}")
    plan = {"planId": str(found.plan_id)}
    made: Document = {
        "_links": {
            "self": {"href": url},
            "web": {"href": links.build_page(str(project_id), str(found.id))},
            "sourceVersionDisplayUri": {"href": f"{url}/sources"},
            "timeline": {"href": f"{url}/Timeline"},
            "badge": {"href": links.apis(project_id, f"build/status/{found.definition_id}")},
        },
        "properties": dict(found.properties if only_properties is None else only_properties),
        "tags": list(found.tags),
        "validationResults": [
            {"result": one["result"], "message": one["message"]} for one in found.validation
        ],
        "plans": [plan],
        "triggerInfo": found.trigger_info,
        "id": found.id,
        "buildNumber": found.number,
        "status": found.status,
        "queueTime": date_out(found.queued_at),
        "url": url,
        "definition": reference(
            links,
            project_id=project_id,
            project_name=found.project_name,
            number=found.definition_id,
            name=found.definition_name,
            path=found.definition_path,
            revision=found.definition_revision,
            queue_status=found.queue_status,
        ),
        "project": project(links, project_id, found.project_name),
        "uri": f"vstfs:///Build/Build/{found.id}",
        "sourceBranch": found.source_branch,
        "sourceVersion": found.source_version,
        "priority": found.priority,
        "reason": found.reason,
        "requestedFor": actor(shown, found.requested_for),
        "requestedBy": actor(shown, found.requested_by),
        "lastChangedDate": date_out(found.changed_at),
        "lastChangedBy": actor(shown, found.changed_by),
        "orchestrationPlan": plan,
        "logs": {"id": 0, "type": "Container", "url": f"{url}/logs"},
        "repository": repository(found.repository),
        "keepForever": found.keep_forever,
        "retainedByRelease": found.retained_by_release,
        "triggeredByBuild": None,
        "appendCommitMessageToRunName": True,
    }
    made |= _sometimes(shown, found)
    return made


def _sometimes(shown: Shown, found: BuildView) -> Document:
    """What only some builds have."""
    made: Document = {}
    if found.queue_id is not None:
        made["queue"] = queue(
            shown.links,
            found.queue_id,
            found.queue_name or "",
            found.pool_id,
            found.pool_name or "",
        )
    for key, value in (
        ("result", found.result),
        ("startTime", date_out(found.started_at)),
        ("finishTime", date_out(found.finished_at)),
        ("parameters", found.parameters),
        ("quality", found.quality),
        ("demands", found.demands),
        ("templateParameters", found.template_parameters),
    ):
        if value:
            made[key] = value
    if found.is_deleted:
        made |= {
            "deleted": True,
            "deletedBy": person(shown, found.deleted_by),
            "deletedDate": date_out(found.deleted_at),
            "deletedReason": found.deleted_reason,
        }
    if found.triggered_by_build:
        url = shown.links.apis(str(found.project_id), f"build/Builds/{found.triggered_by_build}")
        made["triggeredByBuild"] = {"id": found.triggered_by_build, "url": url}
    number = digits(found.number.rpartition(".")[2], 9)
    if number is not None:
        made["buildNumberRevision"] = number
    return made


def work_items(links: Links, numbers: Iterable[str]) -> list[Document]:
    """ResourceRefs of work items, which commits name by these numbers."""
    return [{"id": one, "url": f"{links.base}/_apis/wit/workItems/{one}"} for one in numbers]


def repository(plan: Mapping[str, Any]) -> Document:
    """A BuildRepository of a build."""
    return {
        "id": plan.get("id") or None,
        "type": plan.get("type") or None,
        "name": plan.get("name") or None,
        "url": plan.get("url") or None,
        "clean": None,
        "checkoutSubmodules": bool(plan.get("submodules")),
    }

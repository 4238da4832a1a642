"""Writes the event of a completed build, in either of its published forms (SEMANTICS 24.2)."""

from typing import Any

from quaymaster.actions.announcements.deliveries import Told
from quaymaster.actions.builds.reading import BuildsFound
from quaymaster.apis.azure.build import present
from quaymaster.apis.azure.links import Links
from quaymaster.apis.azure.present.shown import Shown, actor
from quaymaster.apis.azure.service_hooks.scene import Linked
from quaymaster.apis.azure.values import date_out

FIRST = "1.0"
RESULT_WORDS = {
    "succeeded": "succeeded",
    "partiallySucceeded": "partially succeeded",
    "failed": "failed",
    "canceled": "stopped",
}
Document = dict[str, Any]


def sentence(told: Told, found: BuildsFound) -> list[str | Linked]:
    """How the build ended."""
    [view] = found.views
    page = _whole(told, found)["_links"]["web"]["href"]
    result = RESULT_WORDS.get(told.letter.fact.status, told.letter.fact.status)
    return ["Build ", Linked(view.number, page), f" {result}"]


def resource(told: Told, found: BuildsFound, wanted: str, version: str) -> Document | None:
    """All of the build, the ids and addresses only (`minimal`), or nothing (`none`). A build that
    was retried since is told as it ended then."""
    if wanted == "none":
        return None
    [view] = found.views
    whole = _whole(told, found)
    if wanted == "minimal":
        project = {"id": str(view.project_id), "name": view.project_name}
        return {"id": view.id, "url": whole["url"], "project": project}
    if version == FIRST:
        return _first(told, found, whole)
    return {**whole, "status": "completed", "result": told.letter.fact.status}


def _shown(told: Told, found: BuildsFound) -> Shown:
    return Shown(Links(f"{told.url}/{told.organization}"), found.people)


def _whole(told: Told, found: BuildsFound) -> Document:
    return present.build(_shown(told, found), found.views[0])


def _first(told: Told, found: BuildsFound, whole: Document) -> Document:
    """The form of version 1.0, which receivers of old read."""
    [view] = found.views
    shown = _shown(told, found)
    asked = {"requestedFor": actor(shown, view.requested_for)}
    address = shown.links.apis(str(view.project_id), f"build/Requests/{view.id}")
    return {
        "uri": whole["uri"],
        "id": view.id,
        "buildNumber": view.number,
        "url": whole["url"],
        "startTime": date_out(view.started_at),
        "finishTime": date_out(view.finished_at),
        "reason": view.reason,
        "status": told.letter.fact.status if told.letter.fact.status != "canceled" else "stopped",
        "sourceGetVersion": f"LG:{view.source_branch}:{view.source_version}",
        "lastChangedBy": actor(shown, view.changed_by),
        "retainIndefinitely": view.keep_forever,
        "hasDiagnostics": True,
        "definition": {
            "batchSize": 1,
            "triggerType": "none",
            "definitionType": "build",
            "id": view.definition_id,
            "name": view.definition_name,
            "url": whole["definition"]["url"],
        },
        "queue": whole.get("queue"),
        "requests": [{"id": view.id, "url": address, **asked}],
    }

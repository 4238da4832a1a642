"""Releases and their environments (CONTRACT C Release, ReleaseEnvironment; E 13, 14)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quaymaster.apis.azure.links import references
from quaymaster.apis.azure.present import completing
from quaymaster.apis.azure.present.approval import approval, around_stage
from quaymaster.apis.azure.present.artifact import artifact
from quaymaster.apis.azure.present.attempt import attempt
from quaymaster.apis.azure.present.shown import (
    Shown,
    actor,
    definition_reference,
    id_of,
    person,
    release_reference,
    with_people,
)
from quaymaster.apis.azure.present.variable_group import group
from quaymaster.apis.azure.values import date_out, properties_out
from quaymaster.apis.azure.words import ENVIRONMENT_STATUS, word
from quaymaster.domain.numbers import digits
from quaymaster.domain.release import Side
from quaymaster.domain.statuses import ReleaseStatus
from quaymaster.domain.variable_groups import VariableGroup
from quaymaster.store.releases.views import AttemptView, ReleaseHead, ReleaseView, StageView

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which parts of a release a caller asked for."""

    environments: bool = True
    artifacts: bool = True
    approvals: bool = True
    variables: bool = True
    tags: bool = True
    sides: frozenset[Side] = frozenset(Side)
    automated_approvals: bool = True
    gate_records: int = 5  # the newest samples of the gates


EVERYTHING = Wanted()
SHALLOW = Wanted(environments=False, artifacts=False, approvals=False, variables=False, tags=True)


def release(
    shown: Shown, view: ReleaseView, document: Document, wanted: Wanted = EVERYTHING
) -> dict[str, Any]:
    """A whole Release. `document` is the snapshot of the definition that it runs."""
    body = head(shown, view.head, wanted)
    body["releaseNameFormat"] = view.plan.release_name_format
    if wanted.variables:
        taken = shown.groups.get(0, [])
        body["variables"] = variables(view.head.variables, document.get("variables"), taken)
        body["variableGroups"] = [group(one) for one in taken]
    if wanted.environments:
        body["environments"] = [
            environment(shown, view, stage, document, wanted) for stage in view.stages
        ]
    return body


def carried(shown: Shown, found: ReleaseHead) -> list[dict[str, Any]]:
    """The artifacts of a release with the one that made it marked."""
    alias = found.triggering_alias
    return [
        artifact(shown.links, one, is_triggering=bool(alias) and one.alias == alias)
        for one in found.artifacts
    ]


def head(shown: Shown, found: ReleaseHead, wanted: Wanted = SHALLOW) -> dict[str, Any]:
    """The light form that lists show, and the frame of the whole one."""
    project = str(found.project_id)
    url = shown.links.release(project, found.id)
    web = shown.links.release_page(project, found.id)
    body: dict[str, Any] = {
        "id": found.id,
        "name": found.name,
        "status": word(found.status),
        "createdOn": date_out(found.created_at),
        "modifiedOn": date_out(found.modified_at),
        "modifiedBy": actor(shown, found.modified_by),
        "createdBy": actor(shown, found.created_by),
        "createdFor": actor(shown, found.created_for),
        "variables": {},
        "variableGroups": [],
        "artifacts": carried(shown, found) if wanted.artifacts else [],
        "releaseDefinition": definition_reference(
            shown, project, found.definition_id, found.definition_name, found.definition_path
        ),
        "releaseDefinitionRevision": found.definition_revision,
        "description": found.description,
        "reason": word(found.reason),
        "keepForever": found.keep_forever,
        "definitionSnapshotRevision": found.snapshot_revision,
        "logsContainerUrl": shown.links.logs(project, found.id),
        "url": url,
        "_links": references(url, web),
        "tags": list(found.tags) if wanted.tags else [],
        "triggeringArtifactAlias": found.triggering_alias or None,
        "projectReference": {"id": project, "name": found.project_name},
        "properties": properties_out(found.properties),
    }
    if found.is_deleted:
        body["isDeleted"] = True
    return body


def environment(
    shown: Shown,
    view: ReleaseView,
    stage: StageView,
    document: Document,
    wanted: Wanted = EVERYTHING,
) -> dict[str, Any]:
    """A ReleaseEnvironment: the stage's state around its part of the snapshot."""
    found = view.head
    project = str(found.project_id)
    snapshot = completing.stage(environment_of(document, stage.definition_stage_id))
    newest = stage.newest
    taken = shown.groups.get(stage.definition_stage_id, [])
    body: dict[str, Any] = {
        "id": stage.id,
        "releaseId": found.id,
        "name": stage.name,
        "status": word(stage.status),
        "variables": variables(stage.variables, snapshot.get("variables"), taken),
        "variableGroups": [group(one) for one in taken],
        "preDeployApprovals": _approvals(shown, view, stage, Side.PRE, wanted),
        "postDeployApprovals": _approvals(shown, view, stage, Side.POST, wanted),
        "preApprovalsSnapshot": with_people(shown, snapshot.get("preDeployApprovals")),
        "postApprovalsSnapshot": with_people(shown, snapshot.get("postDeployApprovals")),
        "preDeploymentGatesSnapshot": snapshot.get("preDeploymentGates"),
        "postDeploymentGatesSnapshot": snapshot.get("postDeploymentGates"),
        "deploySteps": [
            attempt(shown, project, found.id, stage, one, wanted.gate_records)
            for one in stage.attempts
        ],
        "rank": stage.rank,
        "definitionEnvironmentId": stage.definition_stage_id,
        "environmentOptions": snapshot.get("environmentOptions"),
        "demands": snapshot.get("demands") or [],
        "conditions": [] if stage.is_manual else _conditions(view, snapshot),
        "createdOn": date_out(stage.created_at),
        "modifiedOn": date_out(stage.modified_at),
        "lastModifiedOn": date_out(stage.modified_at),
        "workflowTasks": [],
        "deployPhasesSnapshot": snapshot.get("deployPhases") or [],
        "owner": person(shown, id_of(snapshot.get("owner"))),
        "schedules": snapshot.get("schedules") or [],
        "processParameters": snapshot.get("processParameters"),
        "release": release_reference(shown, project, found.id, found.name),
        "releaseDefinition": definition_reference(
            shown, project, found.definition_id, found.definition_name, found.definition_path
        ),
        "releaseCreatedBy": actor(shown, found.created_by),
        "triggerReason": stage.trigger_reason or "Manual",
        "timeToDeploy": _minutes(newest),
        "url": shown.links.environment(project, found.id, stage.id),
        **_times(newest),
    }
    body["deploymentJobs"] = _newest_jobs(body["deploySteps"], newest)
    return {key: value for key, value in body.items() if value is not None}


def environment_of(document: Document, definition_stage_id: int) -> Document:
    """The part of a definition document that one stage was made from."""
    return next(
        (
            environment
            for environment in document.get("environments") or []
            if environment.get("id") == definition_stage_id
        ),
        {},
    )


def variables(
    values: Mapping[str, str],
    planned: Mapping[str, Any] | None,
    groups: list[VariableGroup],
) -> Document:
    """Variables with their flags from the snapshot; a secret's value is never there.

    What came of a variable group is shown there, not here.
    """
    body: Document = {}
    for name, flags in (planned or {}).items():
        told = flags if isinstance(flags, dict) else {}
        body[name] = {
            "value": None if told.get("isSecret") else values.get(name, told.get("value")),
            **{key: told[key] for key in ("isSecret", "allowOverride") if key in told},
        }
    of_groups = {name for one in groups for name in one.variables}
    for name in values.keys() - body.keys() - of_groups:
        body[name] = {"value": values[name]}
    return body


def _approvals(
    shown: Shown, view: ReleaseView, stage: StageView, side: Side, wanted: Wanted
) -> list[Document]:
    if not wanted.approvals or side not in wanted.sides:
        return []
    around = around_stage(view.head, stage)
    return [
        approval(shown, around, one, each.attempt)
        for each in stage.attempts
        for one in each.approvals
        if one.side is side and (wanted.automated_approvals or not one.is_automated)
    ]


def _conditions(view: ReleaseView, snapshot: Document) -> list[Document]:
    """The stored conditions with what each comes to now (SEMANTICS 2.7)."""
    return [
        {**condition, "result": _holds(view, condition)}
        for condition in snapshot.get("conditions") or []
        if isinstance(condition, dict)
    ]


def _holds(view: ReleaseView, condition: Document) -> bool | None:
    if view.head.status is ReleaseStatus.DRAFT:
        return None
    match condition.get("conditionType"):
        case "event":
            return True
        case "environmentState":
            return _stage_stands_at(view, condition)
        case _:
            return None


def _stage_stands_at(view: ReleaseView, condition: Document) -> bool | None:
    name = str(condition.get("name") or "").casefold()
    stage = next((stage for stage in view.stages if stage.name.casefold() == name), None)
    bits = digits(str(condition.get("value") or ""), 9)
    if stage is None or bits is None:
        return None
    return word(stage.status) in ENVIRONMENT_STATUS.names(bits)


def _minutes(newest: AttemptView | None) -> float | None:
    """Minutes from the first job to the end of the newest attempt (SEMANTICS 7.9); none where the
    clock of who started it was ahead (R-28)."""
    if newest is None or newest.started_at is None or newest.completed_at is None:
        return None
    passed = (newest.completed_at - newest.started_at).total_seconds()
    return round(max(passed, 0) / 60, 4)


def _newest_jobs(steps: list[Document], newest: AttemptView | None) -> list[Document]:
    """The jobs of the newest attempt, which stand beside the attempts (CONTRACT E 13)."""
    return [
        job
        for step in steps
        if newest and step["attempt"] == newest.attempt
        for phase in step["releaseDeployPhases"]
        for job in phase["deploymentJobs"]
    ]


def _times(newest: AttemptView | None) -> Document:
    """The times of its newest attempt, which stand at the environment itself."""
    if newest is None:
        return {}
    waits = newest.scheduled_for if newest.entered_queue_at is None else newest.deferred_until
    return {
        "queuedOn": date_out(newest.queued_at),
        "deployedOn": date_out(newest.completed_at),
        "scheduledDeploymentTime": date_out(waits),
        "nextScheduledUtcTime": date_out(waits),
    }

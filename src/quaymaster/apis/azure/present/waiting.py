"""What a deployment waits for besides people's approvals: gates and manual interventions."""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from quaymaster.apis.azure.present.shown import (
    Shown,
    definition_reference,
    person,
    release_reference,
    stage_reference,
)
from quaymaster.apis.azure.values import date_out
from quaymaster.apis.azure.words import word
from quaymaster.domain.release import GateResult, GateRun, GateSample, Intervention
from quaymaster.store.releases.views import ReleaseView, StageView

MOST_GATES = 1000  # of one side: more than anybody has


def gates(found: GateRun, samples: int = 5) -> dict[str, Any]:
    """A ReleaseGates: one job for each sample, one task for each gate (SEMANTICS 10.3).

    Only the newest `samples` are shown.
    """
    return {
        "id": found.id,
        "status": word(found.status),
        "runPlanId": str(uuid5(NAMESPACE_URL, f"quaymaster:gates:{found.id}")),
        "startedOn": date_out(found.started_at),
        "lastModifiedOn": date_out(_changed_at(found)),
        "stabilizationCompletedOn": date_out(
            found.samples[0].started_at if found.samples else None
        ),
        "succeedingSince": date_out(found.succeeding_since),
        "ignoredGates": [
            {"name": gate.name, "lastModifiedOn": date_out(gate.at)} for gate in found.ignored
        ],
        "deploymentJobs": [_sample(found, sample) for sample in found.samples[-samples:]],
    }


def task_number(sample: int, rank: int) -> int:
    """The task id of a gate in one sample, both from 1: with it its log is found."""
    return sample * MOST_GATES + rank


def place_of_task(number: int) -> tuple[int, int]:
    """The sample and the rank of a gate's task id."""
    return divmod(number, MOST_GATES)


def _changed_at(found: GateRun) -> Any:
    times = [found.started_at, *(gate.at for gate in found.ignored)]
    times += [sample.ended_at or sample.started_at for sample in found.samples]
    return max([*times, found.ended_at or found.started_at])


def _sample(run: GateRun, sample: GateSample) -> dict[str, Any]:
    passed = all(result.succeeded for result in sample.results)
    status = "inProgress" if sample.ended_at is None else "succeeded" if passed else "failed"
    job = {
        "id": sample.number,
        "name": f"Sample {sample.number}",
        "rank": sample.number,
        "status": status,
        "startTime": date_out(sample.started_at),
        "finishTime": date_out(sample.ended_at),
        "issues": [],
    }
    tasks = [_result(run, sample, rank, result) for rank, result in enumerate(sample.results, 1)]
    return {"job": job, "tasks": tasks}


def _result(run: GateRun, sample: GateSample, rank: int, result: GateResult) -> dict[str, Any]:
    ignored = result.name in run.ignored_names
    issues = [{"issueType": "Error", "message": result.message, "data": {}}]
    return {
        "id": task_number(sample.number, rank),
        "name": result.name,
        "rank": rank,
        "status": "succeeded" if result.succeeded or ignored else "failed",
        "startTime": date_out(sample.started_at),
        "finishTime": date_out(sample.ended_at),
        "issues": issues if result.message and not result.succeeded else [],
    }


def intervention(
    shown: Shown, view: ReleaseView, stage: StageView, found: Intervention
) -> dict[str, Any]:
    """A ManualIntervention with the release, definition and environment that it stops."""
    head = view.head
    project = str(head.project_id)
    return {
        **pause(shown, project, head.id, found),
        "release": release_reference(shown, project, head.id, head.name),
        "releaseDefinition": definition_reference(
            shown, project, head.definition_id, head.definition_name, head.definition_path
        ),
        "releaseEnvironment": stage_reference(shown, project, head.id, stage.id, stage.name),
    }


def pause(shown: Shown, project: str, release: int, found: Intervention) -> dict[str, Any]:
    """The same as it stands in a phase; `approver` is whoever answered it."""
    return {
        "id": found.id,
        "name": found.name,
        "status": word(found.status),
        "instructions": found.instructions,
        "comments": found.comment or None,
        "approver": person(shown, found.answered_by),
        "taskInstanceId": str(uuid5(NAMESPACE_URL, f"quaymaster:intervention:{found.id}")),
        "createdOn": date_out(found.created_at),
        "modifiedOn": date_out(found.modified_at),
        "url": f"{shown.links.release(project, release)}/manualinterventions/{found.id}",
    }

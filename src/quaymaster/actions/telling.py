"""What every job and gate is told alike: its steps, its place, and the deployment around it."""

from collections.abc import Sequence
from dataclasses import replace

from quaymaster.actions.ports import Outside
from quaymaster.domain.predefined import JobContext
from quaymaster.domain.release import Deployment, Release, Stage
from quaymaster.domain.status import stage_status
from quaymaster.plans.job_message import NumberedStep, Place, PlannedStep
from quaymaster.store import task_runs
from quaymaster.store.database import Connection
from quaymaster.store.job_facts import JobFacts


async def numbered(
    connection: Connection, job: int, token: str, planned: Sequence[PlannedStep]
) -> list[NumberedStep]:
    """The steps of a job that was just claimed with this token, with the rows made for them."""
    rows = await task_runs.plan(
        connection,
        job,
        token,
        [
            task_runs.PlannedStep(
                rank,
                step.kind,
                step.name,
                step.task.task_id if step.task else "",
                step.version,
            )
            for rank, step in enumerate(planned, 1)
        ],
    )
    return [
        NumberedStep(row.id, str(row.instance_id), step)
        for row, step in zip(rows, planned, strict=True)
    ]


def equipped(slot: Place, outside: Outside) -> Place:
    """The slot, which has the tasks that are installed beside it."""
    slot = replace(slot, allowed_addresses=outside.allowed_addresses)
    if (tasks := outside.tasks) is None:
        return slot
    return replace(slot, tasks_directory=tasks.directory, node=tasks.node)


def deployment_context(
    url: str, release: Release, stage: Stage, deployment: Deployment, facts: JobFacts
) -> JobContext:
    """What scripts can read of a deployment; `url` is where clients reach us.

    Who tells a job or a gate of it puts in its phase, its ids and what else is its own.
    """
    collection = f"{url}/{facts.organization_name}"
    return JobContext(
        collection_url=collection,
        collection_id=facts.organization_id,
        project_id=facts.project_id,
        project_name=facts.project_name,
        definition_id=facts.definition_id,
        definition_name=facts.definition_name,
        release_id=release.id,
        release_name=release.name,
        release_description=release.description,
        release_reason=release.reason,
        release_web_url=f"{collection}/{facts.project_name}/_release"
        f"?releaseId={release.id}&_a=release-summary",
        stage_id=stage.id,
        stage_name=stage.name,
        definition_stage_id=stage.plan.definition_stage_id,
        attempt=deployment.attempt,
        deployment_id=deployment.id,
        phase_id=0,
        phase_name="",
        job_id="",
        plan_id="",
        release_requester=facts.release_requester,
        deployment_requester=facts.deployment_requester,
        skips_artifacts=True,
        triggering_alias=facts.triggering_alias,
        stage_statuses={other.name: stage_status(other) for other in release.stages},
        artifacts=facts.artifacts,
    )

"""Gives an id to every record of releases that has none, drawn from the sequences at once."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from quaymaster.domain.release import (
    UNSAVED,
    Approval,
    ApprovalId,
    Deployment,
    DeploymentId,
    InterventionId,
    JobId,
    Phase,
    Release,
    Stage,
)
from quaymaster.store.postgres.database import Connection

DRAW = """
SELECT array(SELECT nextval('deployments_id_seq') FROM generate_series(1, $1)) AS deployments,
  array(SELECT nextval('approvals_id_seq') FROM generate_series(1, $2)) AS approvals,
  array(SELECT nextval('phases_id_seq') FROM generate_series(1, $3)) AS phases,
  array(SELECT nextval('jobs_id_seq') FROM generate_series(1, $4)) AS jobs,
  array(SELECT nextval('gate_runs_id_seq') FROM generate_series(1, $5)) AS gate_runs,
  array(SELECT nextval('interventions_id_seq') FROM generate_series(1, $6)) AS interventions
"""


async def with_ids(connection: Connection, releases: Sequence[Release]) -> list[Release]:
    """The same releases with an id in every record that had none."""
    new = [one for release in releases for one in _newest(release) if _has_unsaved(one)]
    if not new:
        return list(releases)
    drawn = await connection.fetchrow(
        DRAW,
        sum(deployment.id == UNSAVED for deployment in new),
        sum(a.id == UNSAVED for deployment in new for a in deployment.approvals),
        sum(phase.id == UNSAVED for deployment in new for phase in deployment.phases),
        sum(job.id == UNSAVED for deployment in new for job in deployment.jobs),
        sum(gate.id == UNSAVED for deployment in new for gate in deployment.gates),
        sum(asked.id == UNSAVED for deployment in new for asked in deployment.interventions),
    )
    if drawn is None:
        raise RuntimeError("a SELECT without FROM answered no row")
    ids = {table: iter(drawn[table]) for table in drawn.keys()}  # noqa: SIM118 - a Record
    return [
        replace(release, stages=tuple(_numbered_stage(stage, ids) for stage in release.stages))
        if any(map(_has_unsaved, _newest(release)))
        else release
        for release in releases
    ]


def _newest(release: Release) -> Iterator[Deployment]:
    return (stage.newest for stage in release.stages if stage.newest)


def _has_unsaved(deployment: Deployment) -> bool:
    ids = [deployment.id, *(approval.id for approval in deployment.approvals)]
    ids += [phase.id for phase in deployment.phases] + [job.id for job in deployment.jobs]
    ids += [gate.id for gate in deployment.gates]
    ids += [asked.id for asked in deployment.interventions]
    return UNSAVED in ids


def _numbered_stage(stage: Stage, ids: dict[str, Iterator[int]]) -> Stage:
    deployment = stage.newest
    if deployment is None or not _has_unsaved(deployment):
        return stage
    return replace(
        stage,
        newest=replace(
            deployment,
            id=deployment.id or DeploymentId(next(ids["deployments"])),
            approvals=tuple(_numbered_approval(a, ids) for a in deployment.approvals),
            gates=tuple(
                gate if gate.id else replace(gate, id=next(ids["gate_runs"]))
                for gate in deployment.gates
            ),
            interventions=tuple(
                asked if asked.id else replace(asked, id=InterventionId(next(ids["interventions"])))
                for asked in deployment.interventions
            ),
            phases=tuple(_numbered_phase(phase, ids) for phase in deployment.phases),
        ),
    )


def _numbered_approval(approval: Approval, ids: dict[str, Iterator[int]]) -> Approval:
    return approval if approval.id else replace(approval, id=ApprovalId(next(ids["approvals"])))


def _numbered_phase(phase: Phase, ids: dict[str, Iterator[int]]) -> Phase:
    jobs = tuple(job if job.id else replace(job, id=JobId(next(ids["jobs"]))) for job in phase.jobs)
    return replace(phase, id=phase.id or next(ids["phases"]), jobs=jobs)

"""No field of a release's records can be forgotten on its way to the rows and back."""

from dataclasses import fields

import msgspec
import pytest

from quaymaster.domain.release import Approval, Deployment, GateRun, Job, Phase, Release, Stage
from quaymaster.store.releases import views
from quaymaster.store.releases.writing import rows
from tests import make

PLAN = make.plan()
# In rows of their own, or looked up for each decision and never saved.
PARTS = {
    "stages",
    "plan",
    "newest",
    "approvals",
    "gates",
    "interventions",
    "phases",
    "jobs",
    "artifacts",
    "targets",
    "standing",
    "is_deleted",
    "freezes",
    "holds",
    "circumstances",
    "tag_hits",
}


def names(record: type) -> set[str]:
    return {field.name for field in fields(record)} - PARTS


def sample() -> tuple[Release, Stage, Deployment, Phase, Job]:
    job = Job(0, "job", "waiting", make.NOW)
    phase = Phase(1, make.NOW, (job,))
    attempt = Deployment(1, "manual", None, None, make.NOW, make.NOW, phases=(phase,))
    release = make.release(PLAN)
    return release, release.stages[0], attempt, phase, job


RELEASE, STAGE, ATTEMPT, PHASE, JOB = sample()


@pytest.mark.parametrize(
    ("record", "columns"),
    [
        (Release, rows.release_columns(RELEASE)),
        (Stage, rows.stage_columns(STAGE)),
        (Deployment, rows.deployment_columns(STAGE, ATTEMPT)),
        (Phase, rows.phase_columns(ATTEMPT, PHASE)),
        (Job, rows.job_columns(STAGE, ATTEMPT, PHASE, JOB)),
        (GateRun, rows.gate_columns(STAGE, ATTEMPT, GateRun("preDeploy", make.NOW))),
        (
            Approval,
            rows.approval_columns(
                STAGE,
                ATTEMPT,
                Approval("preDeploy", 0, 1, None, "pending", make.NOW, make.NOW),
            ),
        ),
    ],
)
def test_every_field_is_written(record, columns):
    assert names(record) <= set(columns)


@pytest.mark.parametrize("record", [Approval, Deployment, GateRun, Job, Phase])
def test_every_field_is_read(record):
    missing = {name for name in names(record) if f".{name}" not in rows.LOAD}
    assert not missing


# What nobody is shown: fences, what a stage remembers, and what a view says in another way.
HIDDEN = {
    "freezes",
    "holds",
    "circumstances",
    "tag_hits",
    "standing",
    "token",
    "evaluated",
    "newest",
    "variables",
    "targets",
    "stages",
    "plan",
}


@pytest.mark.parametrize(
    ("record", "view"),
    [
        (Release, views.ReleaseHead),
        (Stage, views.StageView),
        (Deployment, views.AttemptView),
        (Phase, views.PhaseView),
        (Job, views.JobView),
    ],
)
def test_every_field_is_shown(record, view):
    shown = {field.name for field in fields(view)}
    assert {field.name for field in fields(record)} - HIDDEN <= shown


def test_every_field_of_a_stage_and_a_release_is_read():
    assert names(Release) <= {field.name for field in msgspec.structs.fields(rows.ReleaseRow)}
    assert names(Stage) <= {field.name for field in msgspec.structs.fields(rows.StageRow)}

"""What a job host is told about one job of a release."""

from dataclasses import replace
from datetime import timedelta

from quaymaster.domain.plan import Download, PhasePlan, TaskPlan
from quaymaster.domain.predefined import CarriedArtifact, JobContext, Requester
from quaymaster.domain.release import Job, JobId, JobKind
from quaymaster.domain.statuses import JobStatus
from quaymaster.domain.variables import Variable
from quaymaster.plans.job_message import (
    ChosenTask,
    NumberedStep,
    Place,
    Setting,
    downloads,
    job_message,
    part_of,
    planned_steps,
)
from quaymaster.protocol import frames
from quaymaster.protocol.job import RunJob
from tests import make

SITE = CarriedArtifact(
    alias="site",
    type="Git",
    version_id="v1",
    version_name="v1",
    commit="4f2a",
    is_primary=True,
    reference={"definition": "/srv/site.git", "branches": "main"},
)
BASH = TaskPlan("6c731c3c-3c68-459a-a5c9-bde6e6595b5b", "3.*", "Publish")


def context(**changes) -> JobContext:
    defaults = {
        "collection_url": "http://here/default",
        "collection_id": "c",
        "project_id": "p",
        "project_name": "Default",
        "definition_id": 7,
        "definition_name": "Web",
        "release_id": 1,
        "release_name": "Release-1",
        "release_description": "",
        "release_reason": "manual",
        "release_web_url": "http://here/r/1",
        "stage_id": 101,
        "stage_name": "Dev",
        "definition_stage_id": 1,
        "attempt": 1,
        "deployment_id": 5,
        "phase_id": 6,
        "phase_name": "Phase 1",
        "job_id": "j",
        "plan_id": "run",
        "release_requester": Requester("alice", "Alice"),
        "deployment_requester": Requester("bob", "Bob"),
        "skips_artifacts": False,
        "artifacts": (SITE,),
    }
    return JobContext(**{**defaults, **changes})


JOB = Job(0, "Phase 1", JobStatus.RUNNING, make.NOW, token="t0", id=JobId(9))


def message(phase: PhasePlan, setting: Setting | None = None, job: Job = JOB, **changes) -> RunJob:
    about = context(**changes)
    phase = part_of(phase, job)
    planned = planned_steps(phase, about.artifacts)
    steps = [NumberedStep(100 + rank, f"i{rank}", step) for rank, step in enumerate(planned)]
    return job_message(
        job, phase, about, setting or Setting(), steps, Place("/w/1", "builder-1", 3)
    )


def values(told: RunJob) -> dict[str, str]:
    return {variable.name: variable.value for variable in told.variables}


def test_artifacts_come_before_the_tasks_and_the_job_is_framed() -> None:
    told = message(make.phase(tasks=(BASH,)))
    assert [(step.id, step.kind) for step in told.steps] == [
        (100, "initialize"),
        (101, "download"),
        (102, "task"),
        (103, "finalize"),
    ]


def test_disabled_tasks_are_not_sent() -> None:
    tasks = (replace(BASH, display_name="Off", enabled=False), BASH)
    told = message(make.phase(tasks=tasks))
    assert [step.display_name for step in told.steps if step.kind == "task"] == ["Publish"]


def test_installed_tasks_run_in_their_sections_the_last_ones_in_reverse() -> None:
    open_ = replace(BASH, task_id="open", display_name="Open", condition="failed()")
    watch = replace(BASH, task_id="watch", display_name="Watch")
    chosen = {
        "open": ChosenTask("1.2.3", frozenset({"pre", "main", "post"})),
        "watch": ChosenTask("2.0.0", frozenset({"pre", "post"})),
    }
    part = make.phase(tasks=(open_, BASH, watch))
    planned = planned_steps(part, (SITE,), lambda task: chosen.get(task.task_id))
    steps = [NumberedStep(rank, f"i{rank}", step) for rank, step in enumerate(planned)]
    place = Place("/w/1", "builder-1", 3, tasks_directory="/t", node="/n")
    told = job_message(JOB, part, context(), Setting(), steps, place)
    assert [(s.display_name, s.version, s.task_number) for s in told.steps] == [
        ("Initialize job", "", 0),
        ("Pre-job: Open", "1.2.3", 1),
        ("Pre-job: Watch", "2.0.0", 3),
        ("Download artifacts", "", 0),
        ("Open", "1.2.3", 1),
        ("Publish", "3.*", 2),
        ("Post-job: Watch", "2.0.0", 3),
        ("Post-job: Open", "1.2.3", 1),
        ("Finalize job", "", 0),
    ]
    conditions = {step.display_name: step.condition for step in told.steps}
    assert conditions["Pre-job: Open"] == conditions["Open"] == "failed()"
    assert conditions["Post-job: Open"] == "always()"
    assert (told.tasks_directory, told.node) == ("/t", "/n")


def test_every_job_has_the_connection_to_this_server_without_a_token() -> None:
    [system] = message(make.phase()).endpoints
    assert (system.id, system.url) == ("SYSTEMVSSCONNECTION", "http://here/default/")
    assert system.parameters == {"AccessToken": ""}


def test_a_job_of_a_server_phase_is_its_one_task() -> None:
    tasks = (BASH, replace(BASH, display_name="Ask"))
    told = message(make.phase(tasks=tasks), job=replace(JOB, kind=JobKind.SERVER, position=1))
    assert [(s.kind, s.display_name) for s in told.steps][1:-1] == [("task", "Ask")]
    assert told.artifacts == []


def test_what_multiplies_the_job_wins_over_every_scope() -> None:
    setting = Setting(
        deployment=(Variable("Location", "eu,us"),), job=(Variable("location", "us"),)
    )
    told = message(make.phase(), setting)
    assert {v.value for v in told.variables if v.name.lower() == "location"} == {"us"}


def test_nothing_is_downloaded_when_the_phase_skips_artifacts() -> None:
    told = message(make.phase(skip_artifacts=True))
    assert told.skip_artifacts
    assert told.artifacts == []
    assert "download" not in [step.kind for step in told.steps]


def test_without_artifacts_there_is_no_download_step() -> None:
    told = message(make.phase(), artifacts=())
    assert "download" not in [step.kind for step in told.steps]
    assert not told.skip_artifacts


def test_an_alias_can_be_skipped_or_limited_and_unnamed_ones_come_whole() -> None:
    others = [replace(SITE, alias=alias) for alias in ("Docs", "tools")]
    limits = (Download("SITE", skip=True), Download("docs", items=("a.txt",)))
    found = downloads(make.phase(downloads=limits), [SITE, *others])
    assert [(download.alias, download.items) for download in found] == [
        ("Docs", ["a.txt"]),
        ("tools", None),
    ]


def test_a_repository_is_named_by_path_or_address_and_its_commit() -> None:
    [local] = downloads(make.phase(), [SITE])
    assert (local.reference["path"], local.reference["version"]) == ("/srv/site.git", "4f2a")
    hub = replace(SITE, type="GitHub", reference={"definition": "acme/site"})
    [remote] = downloads(make.phase(), [hub])
    assert remote.reference["url"] == "https://github.com/acme/site"


def test_a_build_is_named_by_its_id() -> None:
    build = replace(SITE, type="Build", version_id="81", commit="", reference={"definition": "4"})
    [found] = downloads(make.phase(), [build])
    assert found.reference == {"definition": "4", "version": "81"}


def test_the_narrower_scope_wins_and_names_ignore_case() -> None:
    setting = Setting(
        release=(Variable("Color", "red"), Variable("size", "1"), Variable("kept", "yes")),
        stage=(Variable("color", "blue"), Variable("SIZE", "2")),
        deployment=(Variable("Size", "3"),),
    )
    found = {name.lower(): value for name, value in values(message(make.phase(), setting)).items()}
    assert (found["color"], found["size"], found["kept"]) == ("blue", "3", "yes")


def test_predefined_variables_cannot_be_overlaid() -> None:
    setting = Setting(release=(Variable("Release.ReleaseName", "mine"), Variable("Build.X", "y")))
    assert values(message(make.phase(), setting))["Release.ReleaseName"] == "Release-1"


def test_a_secret_stays_secret_when_it_is_overridden() -> None:
    setting = Setting(
        release=(Variable("key", "s3cret", is_secret=True),), deployment=(Variable("key", "n3w"),)
    )
    [key] = [v for v in message(make.phase(), setting).variables if v.name == "key"]
    assert (key.value, key.is_secret) == ("n3w", True)
    assert "n3w" not in repr(message(make.phase(), setting))


def test_no_limit_is_told_as_none() -> None:
    phase = make.phase(tasks=(BASH, replace(BASH, timeout=timedelta(minutes=2))))
    told = message(phase)
    assert told.timeout_seconds is None
    assert [s.timeout_seconds for s in told.steps if s.kind == "task"] == [None, 120]
    limited = message(replace(phase, timeout=timedelta(hours=1)))
    assert (limited.timeout_seconds, limited.cancel_timeout_seconds) == (3600, 60)


def test_the_message_travels_as_one_frame() -> None:
    told = message(make.phase(tasks=(replace(BASH, inputs={"script": "true"}),)))
    body = frames.encode(told)[frames.LENGTH_BYTES :]
    assert frames._from_worker.decode(body) == told
    assert (told.workspace, told.agent_name, told.token) == ("p/7", "builder-1", "t0")

"""What is accepted although it will not do as it looks; and which tasks can be run."""

import pytest

from quaymaster.plans.azure import compile_definition
from quaymaster.plans.azure_document import normalised
from quaymaster.plans.azure_scope import InstalledHere
from quaymaster.plans.connections import KnownConnections
from quaymaster.plans.features import INVOKE_REST_API, RUNNABLE_TASKS, Feature, can_run
from quaymaster.runner.tasks import registry
from tests import documents

TASK = "$.environments[0].deployPhases[0].workflowTasks[0]"
UNKNOWN = "497d490f-eea7-4f2b-ab94-48d9c1acdcb1"


def warnings_of(document, **options):
    return compile_definition(normalised(document), **options).warnings


def test_a_plain_definition_has_none():
    document = documents.outlined(
        "Dev → QA", approvals={"QA": ["bob"]}, tasks=[documents.bash("true")]
    )
    assert warnings_of(document) == ()


def test_the_tasks_that_can_be_run_are_those_of_the_runner():
    installed = {(task.id.lower(), task.major) for task in registry.installed()}
    assert installed == {
        (task_id, major) for task_id, majors in RUNNABLE_TASKS.items() for major in majors
    }


@pytest.mark.parametrize(
    ("version", "expected"),
    [("3.*", True), ("3", True), ("3.1.2", True), ("*", True), ("", True), ("2.*", False)],
)
def test_a_version_fits_as_the_runner_reads_it(version, expected):
    assert can_run(RUNNABLE_TASKS, documents.BASH.upper(), version) is expected
    assert registry.is_known(documents.BASH, version) is expected


@pytest.mark.parametrize("version", ["", "*"])
def test_an_unknown_task_cannot_be_run_in_any_version(version):
    assert not can_run(RUNNABLE_TASKS, UNKNOWN, version)


def test_a_task_that_nobody_can_run_here():
    task = documents.task(UNKNOWN, "4.*", "Deploy Azure App Service", {})
    [warning] = warnings_of(documents.outlined(tasks=[task]))
    assert warning == (
        f"{TASK}.taskId: task 'Deploy Azure App Service' ({UNKNOWN}, version 4.*) cannot be run "
        "here; install it, disable it, or replace it by a script"
    )
    assert warnings_of(documents.outlined(tasks=[{**task, "enabled": False}])) == ()
    for version, warned in (("4.*", False), ("4.2.1", False), ("4.2.2", True), ("5.*", True)):
        asked = [{**task, "version": version}]
        installed = {UNKNOWN: frozenset({"4.2.1"})}
        found = warnings_of(documents.outlined(tasks=asked), installed=InstalledHere(installed))
        assert bool(found) is warned, version
    known = {UNKNOWN: frozenset({4})}
    assert warnings_of(documents.outlined(tasks=[task]), runnable=known) == ()


def test_an_installed_task_that_needs_no_agent():
    task = documents.task(UNKNOWN, "4.*", "Ask the desk", {})
    document = documents.outlined(tasks=[task])
    document["environments"][0]["deployPhases"][0]["phaseType"] = "runOnServer"
    versions = {UNKNOWN: frozenset({"4.2.1"})}
    on_agents, on_server = InstalledHere(versions), InstalledHere(versions, on_server=versions)
    [warning] = warnings_of(document, installed=on_agents)
    assert "cannot be run here without an agent" in warning
    assert warnings_of(document, installed=on_server) == ()


@pytest.mark.parametrize(
    "condition",
    [
        "eq(variables.Build.SourceBranch, 'main')",
        "and(succeeded(), startsWith(Variables.Build['x'], 'a'))",
        "eq(variables[variables.A.B], '')",
    ],
)
def test_a_name_with_dots_written_as_a_path(condition):
    document = documents.outlined(tasks=[documents.bash("true", condition=condition)])
    [warning] = warnings_of(document)
    assert warning.startswith(f"{TASK}.condition: variables.A.B looks for B inside")


@pytest.mark.parametrize(
    "condition",
    ["eq(variables['Build.SourceBranch'], 'main')", "eq('variables.A.B', variables.A)", ""],
)
def test_names_written_well(condition):
    document = documents.outlined(tasks=[documents.bash("true", condition=condition)])
    assert warnings_of(document) == ()


def asking_for(feature):
    """A definition that asks for one feature."""
    asks = documents.task(documents.INVOKE_REST_API, "1.*", "Ask", {})
    gate = documents.gates(asks)
    spread = {"parallelExecutionType": "multiMachine"}
    stage = {
        Feature.GATES: {"preDeploymentGates": gate},
        Feature.STAGE_SCHEDULES: {"schedules": [documents.schedule()]},
        Feature.STAGE_TRIGGERS: {"environmentTriggers": [{"triggerType": 2}]},
        Feature.PARALLEL_JOBS: {
            "deployPhases": [documents.phase(deploymentInput={"parallelExecution": spread})]
        },
        Feature.SERVER_PHASES: {"deployPhases": [documents.phase([asks], phaseType="runOnServer")]},
        Feature.DEPLOYMENT_GROUPS: {
            "deployPhases": [documents.phase(phaseType="machineGroupBasedDeployment")]
        },
    }.get(feature, {})
    whole = {
        Feature.SCHEDULES: {
            "triggers": [{"triggerType": "schedule", "schedule": documents.schedule()}]
        },
        Feature.TRIGGERS: {
            "artifacts": [documents.build_artifact()],
            "triggers": [documents.artifact_trigger()],
        },
        Feature.VARIABLE_GROUPS: {"variableGroups": [1]},
    }.get(feature, {})
    return documents.definition("Web", documents.stage("Dev", **stage), **whole)


@pytest.mark.parametrize("feature", Feature)
def test_what_is_not_carried_out_yet_is_said(feature):
    document = asking_for(feature)
    [warning] = warnings_of(document, built=frozenset(Feature) - {feature})
    assert warning.endswith(f"{feature} are kept in the definition and not carried out yet")
    assert warnings_of(document, built=frozenset(Feature)) == ()


@pytest.mark.parametrize("queue", [None, 0, ""])
def test_a_phase_without_a_queue(queue):
    phase = documents.phase(deploymentInput={"queueId": queue})
    [warning] = warnings_of(
        documents.definition("Web", documents.stage("Dev", deployPhases=[phase]))
    )
    assert warning.endswith(
        "queueId: no queue is chosen, so the pool Default runs this phase; choose one"
    )


def test_a_placeholder_of_a_template():
    phase = documents.phase(deploymentInput={"queueId": "$Hosted VS2017$"})
    [warning] = warnings_of(
        documents.definition("Web", documents.stage("Dev", deployPhases=[phase]))
    )
    assert "$Hosted VS2017$ is a placeholder" in warning


def test_a_state_in_which_no_stage_ends():
    stages = [documents.stage("Dev"), documents.stage("QA")]
    stages[1]["conditions"] = [documents.after_stage("Dev", "1")]
    [warning] = warnings_of(documents.definition("Web", *stages))
    assert warning.startswith("$.environments[1].conditions[0].value: no stage ends in this state")


def test_a_trigger_that_starts_nothing():
    document = documents.definition(
        "Web",
        documents.stage("Dev", conditions=[]),
        artifacts=[documents.build_artifact()],
        triggers=[documents.artifact_trigger()],
    )
    [warning] = warnings_of(document, built=frozenset(Feature))
    assert warning.startswith("$.triggers: no stage starts when a release is created")


def test_a_download_of_an_artifact_that_is_not_there():
    limits = {"downloadInputs": [{"alias": "gone", "artifactDownloadMode": "All"}]}
    phase = documents.phase(deploymentInput={"artifactsDownloadInput": limits})
    [warning] = warnings_of(
        documents.definition("Web", documents.stage("Dev", deployPhases=[phase]))
    )
    assert "there is no artifact 'gone'" in warning


@pytest.mark.parametrize("place", [Feature.GATES, Feature.SERVER_PHASES])
def test_an_agents_task_where_no_agent_is_gets_a_warning(place):
    script = documents.bash("true")
    stage = {
        Feature.GATES: {"preDeploymentGates": documents.gates(script)},
        Feature.SERVER_PHASES: {
            "deployPhases": [documents.phase([script], phaseType="runOnServer")]
        },
    }[place]
    document = documents.definition("Web", documents.stage("Dev", **stage))
    [warning] = warnings_of(document)
    assert "cannot be run here without an agent" in warning


def test_a_pause_and_a_question_need_no_agent():
    tasks = [
        documents.task(documents.DELAY, "1.*", "Wait", {"delayForMinutes": "1"}),
        documents.task("bcb64569-d51a-4af0-9c01-ea5d05b3b622", "8.*", "Look", {}),
        documents.task(documents.INVOKE_REST_API, "1.*", "Ask", {}),
    ]
    stage = documents.stage("Dev", deployPhases=[documents.phase(tasks, phaseType="runOnServer")])
    assert warnings_of(documents.definition("Web", stage)) == ()


def test_a_connection_that_the_project_does_not_have():
    known = KnownConnections(frozenset({"monitor", "c-1"}), lambda _task: {"site"})
    installed = {UNKNOWN: frozenset({"4.2.1"})}
    for word, warned in (
        *(("C-1", False), ("Monitor", False), ("monitor, c-1", False), ("$(where)", False)),
        *(("c-2", True), ("monitor,Other", True), ("", False)),
    ):
        task = documents.task(UNKNOWN, "4.*", "Publish", {"Site": word, "text": "c-2"})
        found = warnings_of(
            documents.outlined(tasks=[task]), installed=InstalledHere(installed), connections=known
        )
        assert [one.split(":")[0] for one in found] == [f"{TASK}.inputs.Site"] * warned, word
    off = {**documents.task(UNKNOWN, "4.*", "Publish", {"Site": "c-2"}), "enabled": False}
    assert warnings_of(documents.outlined(tasks=[off]), connections=known) == ()


def test_the_connection_of_a_task_without_an_agent():
    known = KnownConnections(frozenset({"monitor"}), lambda _task: ())
    for word, warned in (("Monitor", False), ("https://a.example", False), ("Watch", True)):
        ask = documents.task(INVOKE_REST_API, "1.*", "Ask", {"connectedServiceName": word})
        document = documents.outlined(tasks=[ask])
        document["environments"][0]["deployPhases"][0]["phaseType"] = "runOnServer"
        found = warnings_of(document, connections=known)
        assert bool(found) is warned, (word, found)

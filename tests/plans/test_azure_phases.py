"""What the phases and tasks of a document ask for, read from the plan that it compiles to."""

from datetime import timedelta

from quaymaster.domain.plan import (
    Demand,
    Download,
    Parallelism,
    PhaseKind,
    Spread,
    TargetGroup,
)
from quaymaster.plans.azure import compile_definition
from quaymaster.plans.azure_demands import of_task
from quaymaster.plans.azure_document import normalised
from quaymaster.plans.azure_scope import InstalledHere
from tests import documents
from tests.plans.compiling import compiled, one_phase, one_stage, one_task


class TestPhases:
    def test_phases_run_by_rank(self):
        stage = one_stage(
            deployPhases=[
                documents.phase(name="last", rank=3),
                documents.phase(name="first", rank=1),
            ]
        )
        assert [phase.name for phase in stage.phases] == ["first", "last"]

    def test_what_is_asked_of_the_worker(self):
        stage = one_stage(
            demands=["npm"],
            deployPhases=[
                documents.phase(
                    deploymentInput={
                        "queueId": 4,
                        "demands": [
                            "Agent.OS -equals Windows Server",
                            "Agent.Version -gtVersion 2.115.0",
                            {"name": "docker", "value": None},
                            {"name": "java", "value": "17"},
                            "npm",
                        ],
                        "timeoutInMinutes": 30,
                        "jobCancelTimeoutInMinutes": 5,
                        "enableAccessToken": True,
                        "skipArtifactsDownload": True,
                    }
                )
            ],
        )
        [phase] = stage.phases
        assert phase.queue_id == 4
        assert phase.demands == (
            Demand("npm"),
            Demand("Agent.OS", "Windows Server"),
            Demand("Agent.Version", "2.115.0", at_least=True),
            Demand("docker"),
            Demand("java", "17"),
        )
        assert phase.timeout == timedelta(minutes=30)
        assert phase.cancel_timeout == timedelta(minutes=5)
        assert phase.access_token
        assert phase.skip_artifacts

    def test_the_stages_timeout_holds_where_the_phase_has_none(self):
        assert one_stage(environmentOptions={"timeoutInMinutes": 7}).phases[0].timeout == timedelta(
            minutes=7
        )

    def test_an_old_stage_names_the_queue(self):
        phase = documents.phase()
        del phase["deploymentInput"]["queueId"]
        assert one_stage(queueId=9, deployPhases=[phase]).phases[0].queue_id == 9

    def test_downloads(self):
        limits = [
            {"alias": "SITE", "artifactDownloadMode": "Skip"},
            {"alias": "lib", "artifactDownloadMode": "selective", "artifactItems": ["a/b"]},
            {"alias": "all", "artifactDownloadMode": "All", "artifactItems": ["x"]},
        ]
        phase = documents.phase(
            deploymentInput={"artifactsDownloadInput": {"downloadInputs": limits}}
        )
        document = documents.definition(
            "Web",
            documents.stage("Dev", deployPhases=[phase]),
            artifacts=[documents.git_artifact(alias) for alias in ("site", "lib", "all")],
        )
        assert compiled(document).stages[0].phases[0].downloads == (
            Download("site", skip=True),
            Download("lib", items=("a/b",)),
            Download("all"),
        )

    def test_configurations(self):
        spread = {
            "parallelExecutionType": 1,
            "multipliers": "Location, Browser",
            "maxNumberOfAgents": 3,
            "continueOnError": True,
        }
        assert one_phase(deploymentInput={"parallelExecution": spread}).parallelism == Parallelism(
            Spread.CONFIGURATIONS, ("Location", "Browser"), 3, continue_on_error=True
        )

    def test_several_machines(self):
        spread = {"parallelExecutionType": "multiMachine", "maxNumberOfAgents": 2}
        found = one_phase(deploymentInput={"parallelExecution": spread}).parallelism
        assert found == Parallelism(Spread.MACHINES, most_agents=2)

    def test_a_deployment_group(self):
        phase = one_phase(
            phaseType=4,
            deploymentInput={
                "queueId": 12,
                "tags": ["web", "eu"],
                "healthPercent": 75,
                "deploymentHealthOption": "OneTargetAtATime",
            },
        )
        assert phase.kind is PhaseKind.DEPLOYMENT_GROUP
        assert phase.queue_id == 12
        assert phase.targets == TargetGroup(("web", "eu"), 75, one_at_a_time=True)

    def test_a_phase_on_the_server_has_no_queue(self):
        phase = one_phase(phaseType="runOnServer", deploymentInput={"queueId": None})
        assert phase.kind is PhaseKind.SERVER
        assert phase.queue_id == 0


class TestTasks:
    def test_a_task(self):
        task = one_task(
            name="Say it",
            refName="say",
            enabled=False,
            alwaysRun=True,
            continueOnError=True,
            timeoutInMinutes=3,
            retryCountOnTaskFailure=2,
            environment={"A": "b"},
            condition="failed()",
        )
        assert task.task_id == documents.BASH
        assert task.version == "3.*"
        assert (task.display_name, task.reference_name) == ("Say it", "say")
        assert (task.enabled, task.always_run, task.continue_on_error) == (False, True, True)
        assert (task.timeout, task.retry_count) == (timedelta(minutes=3), 2)
        assert task.inputs == {"targetType": "inline", "script": "true"}
        assert task.environment == {"A": "b"}
        assert task.condition == "failed()"

    def test_a_task_is_enabled_unless_it_says_otherwise(self):
        assert one_task(enabled=None).enabled

    def test_retries_are_capped(self):
        document = documents.outlined(tasks=[documents.bash("true", retryCountOnTaskFailure=50)])
        plan = compiled(document)
        assert plan.stages[0].phases[0].tasks[0].retry_count == 10
        assert "10 times at most" in plan.warnings[0]

    def test_own_overrides_win_over_the_phases_over_the_inputs(self):
        task = documents.task(
            documents.BASH,
            "3.*",
            "x",
            {"Script": "a", "workingDirectory": "b", "kept": "c"},
            overrideInputs={"script": "own", "added": "new"},
        )
        overrides = {"script": "phase", "WORKINGDIRECTORY": "phase", "unknown": "phase"}
        phase = documents.phase([task], deploymentInput={"overrideInputs": overrides})
        [made] = one_stage(deployPhases=[phase]).phases[0].tasks
        assert made.inputs == {
            "Script": "own",
            "workingDirectory": "phase",
            "kept": "c",
            "added": "new",
        }

    def test_process_parameters_stand_for_their_values(self):
        stage = one_stage(
            tasks=[documents.bash("echo $(Parameters.Target) $(parameters.other) $(Url)")],
            processParameters={"inputs": [{"name": "target", "defaultValue": "east"}]},
        )
        script = stage.phases[0].tasks[0].inputs["script"]
        assert script == "echo east $(parameters.other) $(Url)"


def test_a_phase_demands_what_its_installed_tasks_demand():
    document = documents.outlined(
        tasks=[documents.bash("1"), documents.bash("2", enabled=False), documents.bash("3")]
    )

    def demanded(task):
        return of_task(["git", "java -gtVersion 17", "no -such thing", task.inputs["script"]])

    installed = InstalledHere(demands=demanded)
    [stage] = compile_definition(normalised(document), installed=installed).stages
    assert stage.phases[0].demands == (
        Demand("git"),
        Demand("java", "17", at_least=True),
        Demand("1"),
        Demand("3"),
    )

"""What a definition document asks for, read from the plan that it compiles to."""

from datetime import timedelta

import pytest

from quaymaster.domain.plan import (
    ApprovalOrder,
    ApprovalPolicy,
    Approver,
    ArtifactFilter,
    ArtifactMatches,
    ArtifactTrigger,
    Demand,
    Download,
    GatePolicy,
    Parallelism,
    PhaseKind,
    QueuePolicy,
    ReleaseStarts,
    Schedule,
    Spread,
    StageReached,
    StageTrigger,
    StageTriggerKind,
    TargetGroup,
    TriggerKind,
    VariablePlan,
)
from quaymaster.domain.statuses import StageStatus
from quaymaster.plans.azure import compile_definition
from quaymaster.plans.azure_demands import of_task
from quaymaster.plans.azure_document import normalised, split_secrets
from quaymaster.plans.azure_scope import InstalledHere
from tests import documents


def compiled(document):
    return compile_definition(normalised(document))


def one_stage(**changes):
    return compiled(documents.definition("Web", documents.stage("Dev", **changes))).stages[0]


def one_phase(**changes):
    return one_stage(deployPhases=[documents.phase(**changes)]).phases[0]


def one_task(**changes):
    return one_stage(tasks=[documents.bash("true", **changes)]).phases[0].tasks[0]


def approval_policy(*steps, **options):
    side = documents.asks(**options)
    return one_stage(preDeployApprovals={**side, "approvals": list(steps)}).pre_approvals


class TestStages:
    def test_order_names_and_conditions(self):
        plan = compiled(documents.outlined("Dev → QA; Dev → Load; QA → Prod; Load → Prod"))
        assert [stage.name for stage in plan.stages] == ["Dev", "QA", "Load", "Prod"]
        assert plan.stages[0].conditions == (ReleaseStarts(),)
        succeeded = frozenset({StageStatus.SUCCEEDED})
        assert plan.stages[3].conditions == (
            StageReached("QA", succeeded),
            StageReached("Load", succeeded),
        )

    def test_no_condition_is_manual_only(self):
        assert one_stage(conditions=[]).conditions == ()

    def test_a_condition_may_accept_several_states(self):
        stages = [
            documents.stage("Dev"),
            documents.stage("QA", conditions=[documents.after_stage("DEV", "148")]),
        ]
        [condition] = compiled(documents.definition("Web", *stages)).stages[1].conditions
        states = {StageStatus.SUCCEEDED, StageStatus.REJECTED, StageStatus.PARTIALLY_SUCCEEDED}
        assert condition == StageReached("Dev", frozenset(states))

    def test_an_artifact_condition_is_json_inside_json(self):
        text = '{"sourceBranch":"-release/*","tags":["ok"],"useBuildDefinitionBranch":false,"x":1}'
        stage = documents.stage("Dev", conditions=[documents.artifact_condition("_WEB-ci", text)])
        document = documents.definition("Web", stage, artifacts=[documents.build_artifact()])
        [condition] = compiled(document).stages[0].conditions
        assert condition == ArtifactMatches("_Web-CI", ArtifactFilter("-release/*", ("ok",)))

    def test_an_artifact_condition_may_be_empty(self):
        stage = documents.stage("Dev", conditions=[documents.artifact_condition("_Web-CI", "")])
        document = documents.definition("Web", stage, artifacts=[documents.build_artifact()])
        [condition] = compiled(document).stages[0].conditions
        assert condition == ArtifactMatches("_Web-CI", ArtifactFilter())

    def test_queue_policy_and_pull_requests(self):
        stage = one_stage(
            executionPolicy={"concurrencyCount": 1, "queueDepthCount": 1},
            environmentOptions={"pullRequestDeploymentEnabled": True},
        )
        assert stage.queue == QueuePolicy(1, 1)
        assert stage.pull_request_deployment

    def test_rollback_trigger(self):
        content = (
            '{"action":"LatestSuccessfulDeployment",'
            '"eventTypes":["MS.TF.DistributedTask.DeploymentFailed"]}'
        )
        stage = one_stage(environmentTriggers=[{"triggerType": 2, "triggerContent": content}])
        assert stage.triggers == (
            StageTrigger(
                StageTriggerKind.ROLLBACK,
                "LatestSuccessfulDeployment",
                ("MS.TF.DistributedTask.DeploymentFailed",),
            ),
        )

    def test_schedules(self):
        stage = one_stage(
            schedules=[documents.schedule(3, 22, 30, timeZoneId="Pacific Standard Time")]
        )
        assert stage.schedules == (Schedule((0, 1), 22, 30, "Pacific Standard Time"),)


class TestApprovals:
    def test_nobody_is_asked(self):
        assert one_stage().pre_approvals == ApprovalPolicy()
        after = ApprovalPolicy(order=ApprovalOrder.AFTER_SUCCESSFUL_GATES)
        assert one_stage().post_approvals == after

    def test_people_are_asked_in_turn(self):
        policy = approval_policy(
            documents.approval_step("alice", 1, isNotificationOn=True),
            documents.approval_step("ops", 2),
        )
        assert policy.approvers == (Approver("alice", 1, notify=True), Approver("ops", 2))

    def test_options(self):
        policy = approval_policy(
            documents.approval_step("alice"),
            documents.approval_step("bob"),
            requiredApproverCount=1,
            releaseCreatorCanBeApprover=False,
            autoTriggeredAndPreviousEnvironmentApprovedCanBeSkipped=True,
            enforceIdentityRevalidation=True,
            timeoutInMinutes=90,
            executionOrder="afterGatesAlways",
        )
        assert policy == ApprovalPolicy(
            approvers=(Approver("alice"), Approver("bob")),
            required_count=1,
            requester_may_approve=False,
            skip_if_approved_before=True,
            revalidate_identity=True,
            timeout=timedelta(minutes=90),
            order=ApprovalOrder.AFTER_GATES_ALWAYS,
        )

    @pytest.mark.parametrize("minutes", [0, None])
    def test_no_timeout_is_thirty_days(self, minutes):
        policy = approval_policy(documents.approval_step("alice"), timeoutInMinutes=minutes)
        assert policy.timeout == timedelta(days=30)

    def test_only_the_side_before_may_skip(self):
        skip = {"autoTriggeredAndPreviousEnvironmentApprovedCanBeSkipped": True}
        stage = one_stage(postDeployApprovals=documents.asks("alice", **skip))
        assert not stage.post_approvals.skip_if_approved_before

    def test_without_options_the_side_decides_the_order(self):
        bare = {"approvals": [documents.approval_step("alice")]}
        stage = one_stage(preDeployApprovals=bare, postDeployApprovals=bare)
        assert stage.pre_approvals.order is ApprovalOrder.BEFORE_GATES
        assert stage.post_approvals.order is ApprovalOrder.AFTER_SUCCESSFUL_GATES


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


class TestGates:
    def test_gates(self):
        asked = documents.gates(
            documents.rest_gate(name="A"),
            documents.rest_gate(name="off", enabled=False),
            timeout=60,
            samplingInterval=6,
            stabilizationTime=0,
            minimumSuccessDuration=12,
        )
        gates = one_stage(postDeploymentGates=asked).post_gates
        assert gates.enabled
        assert (gates.delay, gates.interval) == (timedelta(0), timedelta(minutes=6))
        assert (gates.minimum_success, gates.timeout) == (
            timedelta(minutes=12),
            timedelta(hours=1),
        )
        assert [task.display_name for task in gates.tasks] == ["A"]

    def test_without_options_there_are_none(self):
        assert one_stage().pre_gates == GatePolicy()


class TestArtifactsAndTriggers:
    def test_a_repository(self):
        document = documents.outlined(artifacts=[documents.git_artifact(branches="main")])
        [artifact] = compiled(document).artifacts
        assert (artifact.alias, artifact.type) == ("site", "Git")
        assert artifact.default_version_type == "selectDuringReleaseCreationType"
        assert artifact.reference == {
            "definition": "/srv/site.git",
            "defaultVersionType": "selectDuringReleaseCreationType",
            "branches": "main",
        }
        assert artifact.source_id == "/srv/site.git"

    def test_a_build(self):
        [artifact] = compiled(documents.outlined(artifacts=[documents.build_artifact()])).artifacts
        assert artifact.reference["definition"] == "7"
        assert artifact.reference["definition.name"] == "Web CI"
        assert artifact.source_id == "0d5c3c5b-2f0e-4c5a-9d0a-1f2e3d4c5b6a:7"
        assert artifact.default_version_type == "latestType"

    def test_the_first_is_primary_when_none_says_so(self):
        artifacts = [
            documents.build_artifact(alias, isPrimary=False) for alias in ("first", "second")
        ]
        plan = compiled(documents.outlined(artifacts=artifacts))
        assert [artifact.is_primary for artifact in plan.artifacts] == [True, False]

    def test_only_one_is_primary(self):
        artifacts = [documents.build_artifact(alias) for alias in ("first", "second")]
        plan = compiled(documents.outlined(artifacts=artifacts))
        assert [artifact.is_primary for artifact in plan.artifacts] == [True, False]
        assert any("stays it" in warning for warning in plan.warnings)

    def test_a_continuous_deployment_trigger(self):
        trigger = documents.artifact_trigger(
            "_web-ci",
            {
                "sourceBranch": "main",
                "tags": ["ok"],
                "tagFilter": {"pattern": "^v"},
                "useBuildDefinitionBranch": False,
                "createReleaseOnBuildTagging": True,
            },
            {"useBuildDefinitionBranch": True},
        )
        document = documents.outlined(artifacts=[documents.build_artifact()], triggers=[trigger])
        assert compiled(document).triggers == (
            ArtifactTrigger(
                "_Web-CI",
                filters=(
                    ArtifactFilter("main", ("ok",), tag_pattern="^v"),
                    ArtifactFilter(use_default_branch=True),
                ),
                on_tagging=True,
            ),
        )

    @pytest.mark.parametrize(
        ("trigger", "expected"),
        [
            (
                {"triggerType": 3, "alias": "_Web-CI", "branchFilters": ["main", "-old"]},
                ArtifactTrigger(
                    "_Web-CI", TriggerKind.PUSH, (ArtifactFilter("main"), ArtifactFilter("-old"))
                ),
            ),
            (
                {
                    "triggerType": "containerImage",
                    "alias": "_Web-CI",
                    "tagFilters": [{"pattern": "^v1"}],
                },
                ArtifactTrigger("_Web-CI", TriggerKind.IMAGE, (ArtifactFilter(tag_pattern="^v1"),)),
            ),
            (
                {"triggerType": "package", "alias": "_Web-CI"},
                ArtifactTrigger("_Web-CI", TriggerKind.PACKAGE),
            ),
            (
                {
                    "triggerType": "pullRequest",
                    "artifactAlias": "_Web-CI",
                    "statusPolicyName": "deployed",
                    "triggerConditions": [{"targetBranch": "main", "tags": []}],
                },
                ArtifactTrigger(
                    "_Web-CI",
                    TriggerKind.PULL_REQUEST,
                    (ArtifactFilter("main"),),
                    status_policy="deployed",
                ),
            ),
        ],
    )
    def test_other_events(self, trigger, expected):
        document = documents.outlined(artifacts=[documents.build_artifact()], triggers=[trigger])
        assert compiled(document).triggers == (expected,)

    def test_a_schedule(self):
        trigger = {
            "triggerType": "schedule",
            "schedule": documents.schedule("saturday, sunday", 4, 5, scheduleOnlyWithChanges=True),
        }
        plan = compiled(documents.outlined(triggers=[trigger]))
        assert plan.schedules == (Schedule((5, 6), 4, 5, "UTC", only_with_changes=True),)


class TestVariables:
    def test_values_and_rights(self):
        document = documents.outlined(
            variables={"Url": documents.variable("x", settable=True), "None": {"value": None}}
        )
        assert compiled(document).variables == {
            "Url": VariablePlan("x", allow_override=True),
            "None": VariablePlan(),
        }

    def test_the_value_of_a_secret_is_not_in_a_plan(self):
        document = normalised(
            documents.outlined(variables={"Key": documents.variable("hunter2", secret=True)})
        )
        plain, secrets = split_secrets(document, {})
        assert secrets == {"variables/Key": "hunter2"}
        for either in (document, plain):
            plan = compile_definition(either)
            assert plan.variables == {"Key": VariablePlan(is_secret=True)}

    def test_stages_have_their_own_and_link_groups(self):
        stage = documents.stage("Dev", variables={"A": {"value": "1"}}, variableGroups=[3])
        plan = compiled(documents.definition("Web", stage, variableGroups=[1, 2]))
        assert plan.stages[0].variables == {"A": VariablePlan("1")}
        assert plan.stages[0].variable_groups == (3,)
        assert plan.variable_groups == (1, 2)


@pytest.mark.parametrize("said", [None, ""])
def test_releases_are_numbered_when_no_format_is_said(said):
    plan = compiled(documents.outlined(releaseNameFormat=said))
    assert plan.release_name_format == "Release-$(rev:r)"


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

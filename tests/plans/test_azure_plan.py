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
    GatePolicy,
    QueuePolicy,
    ReleaseStarts,
    Schedule,
    StageReached,
    StageTrigger,
    StageTriggerKind,
    TriggerKind,
    VariablePlan,
)
from quaymaster.domain.statuses import StageStatus
from quaymaster.plans.azure import compile_definition
from quaymaster.plans.azure_document import normalised, split_secrets
from tests import documents
from tests.plans.compiling import compiled, one_stage


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

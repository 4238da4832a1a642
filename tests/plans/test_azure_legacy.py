"""Definitions of the first versions become those of today (CONTRACT D.2, LEGACY 5 and 6)."""

from quaymaster.domain.plan import Demand, PhaseKind
from quaymaster.plans.azure import compile_definition
from quaymaster.plans.azure_document import normalised
from tests import documents

BASH = documents.bash("true")


def old_stage(**changes):
    stage = {
        "name": "Dev",
        "queueId": 12,
        "demands": ["Agent.Version -gtVersion 1.87", "npm"],
        "deployStep": {"id": 4, "tasks": [BASH]},
        "runOptions": {
            "EnvironmentOwnerEmailNotificationType": "Always",
            "skipArtifactsDownload": "True",
            "TimeoutInMinutes": "15",
        },
        "preDeployApprovals": {"approvals": [{"rank": 1, "isAutomated": True}]},
        "conditions": [documents.release_started()],
    }
    return {**stage, **changes}


def old_definition(*stages, **changes):
    return {"name": "Old", "retentionPolicy": {"daysToKeep": 60}, **changes, "environments": stages}


def upgraded_stage(**changes):
    [stage] = normalised({**old_definition(), "environments": [old_stage(**changes)]})[
        "environments"
    ]
    return stage


def test_tasks_queue_and_demands_become_one_agent_phase():
    [phase] = upgraded_stage()["deployPhases"]
    assert phase["name"] == "Run on agent"
    assert phase["phaseType"] == "agentBasedDeployment"
    assert phase["rank"] == 1
    assert phase["workflowTasks"] == [BASH]
    assert phase["deploymentInput"]["queueId"] == 12
    assert phase["deploymentInput"]["demands"] == ["Agent.Version -gtVersion 1.87", "npm"]
    assert phase["deploymentInput"]["skipArtifactsDownload"] is True
    assert phase["deploymentInput"]["timeoutInMinutes"] == 15


def test_nothing_of_the_old_shape_stays():
    stage = upgraded_stage()
    assert stage["deployStep"] == {"id": 4}
    assert not {"queueId", "demands", "runOptions"} & set(stage)


def test_run_options_do_not_win_over_options():
    stage = upgraded_stage(environmentOptions={"timeoutInMinutes": 5})
    assert stage["environmentOptions"] == {
        "timeoutInMinutes": 5,
        "emailNotificationType": "Always",
        "skipArtifactsDownload": True,
    }


def test_the_definitions_retention_becomes_the_stages():
    kept = {"daysToKeep": 60, "releasesToKeep": 3, "retainBuild": True}
    assert upgraded_stage()["retentionPolicy"] == kept


def test_steps_of_the_first_client_become_approvals():
    stage = upgraded_stage(
        preDeployApprovals=None,
        postDeploySteps=[{"rank": 1, "isAutomated": False, "approver": {"id": "bob"}}],
    )
    assert stage["postDeployApprovals"]["approvals"][0]["approver"] == {"id": "bob"}
    assert "postDeploySteps" not in stage


def test_the_misspelt_timeout_is_understood():
    approvals = documents.asks("bob")
    approvals["approvalOptions"] = {"timeoutInMintues": 90}
    stage = upgraded_stage(preDeployApprovals=approvals)
    assert stage["preDeployApprovals"]["approvalOptions"] == {"timeoutInMinutes": 90}


def test_linked_artifacts_become_artifacts():
    document = old_definition(old_stage(), linkedArtifacts=[documents.git_artifact()])
    assert [artifact["alias"] for artifact in normalised(document)["artifacts"]] == ["site"]


def test_a_stage_of_today_is_left_alone():
    document = documents.definition("Web", documents.stage("Dev", queueId=3, demands=["npm"]))
    stage = normalised(document)["environments"][0]
    assert (stage["queueId"], stage["demands"]) == (3, ["npm"])
    assert len(stage["deployPhases"]) == 1


def test_an_upgraded_definition_is_upgraded_only_once_and_compiles():
    document = normalised({**old_definition(), "environments": [old_stage()]})
    assert normalised(document) == document
    [stage] = compile_definition(document).stages
    [phase] = stage.phases
    assert phase.kind is PhaseKind.AGENT
    assert phase.queue_id == 12
    assert phase.demands == (Demand("Agent.Version", "1.87", at_least=True), Demand("npm"))

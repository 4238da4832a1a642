"""The operations of the main job, through the azure-devops package as published (CLIENTS 1)."""

import io
import zipfile
from typing import Any

import pytest
from azure.devops.exceptions import AzureDevOpsServiceError

from tests.acceptance.client import PROJECT, Visitor
from tests.documents import asks, definition, phase, stage, task
from tests.server.waiting import until

MANUAL_INTERVENTION = "bcb64569-d51a-4af0-9c01-ea5d05b3b622"


def ends(client: Any, release_id: int, stage_name: str, status: str) -> None:
    """Wait until an environment of a release has this status."""

    def holds() -> bool:
        release = client.get_release(PROJECT, release_id)
        return status == next(e.status for e in release.environments if e.name == stage_name)

    until(holds, f"{stage_name} of release {release_id} to be {status}")


def test_a_definition_is_saved_read_changed_listed_and_deleted(admin: Visitor):
    client = admin.releases
    made = client.create_release_definition(definition("Saved", stage("Dev")), PROJECT)
    assert (made.id > 0, made.revision, made.name) == (True, 1, "Saved")
    read = client.get_release_definition(PROJECT, made.id)
    assert read.environments[0].name == "Dev"
    read.description = "changed"
    changed = client.update_release_definition(read, PROJECT)
    assert (changed.revision, changed.description) == (2, "changed")
    with pytest.raises(AzureDevOpsServiceError, match="old copy"):
        client.update_release_definition(read, PROJECT)
    listed = client.get_release_definitions(
        PROJECT, search_text="ave", top=5, expand="environments"
    )
    assert [found.id for found in listed] == [made.id]
    assert listed[0].environments[0].name == "Dev"
    history = client.get_release_definition_history(PROJECT, made.id)
    assert [entry.change_type for entry in history] == ["add", "update"]
    text = b"".join(client.get_definition_revision(PROJECT, made.id, 1))
    assert b'"Saved"' in text
    assert b"changed" not in text
    client.delete_release_definition(PROJECT, made.id, comment="done", force_delete=True)
    with pytest.raises(AzureDevOpsServiceError, match="VS402936"):
        client.get_release_definition(PROJECT, made.id)
    deleted = client.get_release_definitions(PROJECT, is_deleted=True)
    assert made.id in [found.id for found in deleted]


def test_a_release_goes_through_its_environments_with_an_approval(
    admin: Visitor, approver: Visitor
):
    client = admin.releases
    made = client.create_release_definition(
        definition(
            "Shop",
            stage(
                "Dev", script="echo deploying $(Release.ReleaseName) to $(Release.EnvironmentName)"
            ),
            stage("Prod", "Dev", preDeployApprovals=asks(approver.id)),
            variables={"greeting": {"value": "hello", "allowOverride": True}},
        ),
        PROJECT,
    )
    release = client.create_release(
        {"definitionId": made.id, "variables": {"greeting": {"value": "bye"}}}, PROJECT
    )
    assert (release.name, release.status, release.reason) == ("Release-1", "active", "manual")
    assert release.variables["greeting"].value == "bye"
    ends(client, release.id, "Dev", "succeeded")
    until(
        lambda: client.get_approvals(PROJECT, release_ids_filter=[release.id]), "the approval", 30
    )
    (asked,) = client.get_approvals(PROJECT, assigned_to_filter=approver.id, top=10)
    assert (asked.status, asked.approval_type, asked.attempt) == ("pending", "preDeploy", 1)
    assert asked.release_environment.name == "Prod"
    given = approver.releases.update_release_approval(
        {"status": "approved", "comments": "go"}, PROJECT, asked.id
    )
    assert (given.status, given.approved_by.display_name) == ("approved", "quinn")
    ends(client, release.id, "Prod", "succeeded")
    deployments = client.get_deployments(PROJECT, definition_id=made.id, query_order="ascending")
    assert [d.release_environment.name for d in deployments] == ["Dev", "Prod"]
    assert {d.operation_status for d in deployments} == {"Approved"}
    assert {d.deployment_status for d in deployments} == {"succeeded"}
    dev = client.get_release_environment(PROJECT, release.id, release.environments[0].id)
    job = dev.deploy_steps[0].release_deploy_phases[0].deployment_jobs[0]
    said = next(task for task in job.tasks if task.name == "Deploy to Dev")
    assert said.status == "succeeded"
    phase = dev.deploy_steps[0].release_deploy_phases[0]
    log = b"".join(client.get_task_log(PROJECT, release.id, dev.id, phase.id, said.id))
    assert b"deploying Release-1 to Dev" in log
    archive = zipfile.ZipFile(io.BytesIO(b"".join(client.get_logs(PROJECT, release.id))))
    assert any(b"deploying Release-1" in archive.read(name) for name in archive.namelist())


def test_files_that_a_task_attached_are_listed_and_read(admin: Visitor):
    client = admin.releases
    says = (
        "echo '# Fine' > s.md; "
        'echo "##vso[task.addattachment type=report;name=all in all]$PWD/s.md"'
    )
    made = client.create_release_definition(
        definition("Attaching", stage("Dev", script=says)), PROJECT
    )
    release = client.create_release({"definitionId": made.id}, PROJECT)
    ends(client, release.id, "Dev", "succeeded")
    dev = client.get_release_environment(PROJECT, release.id, release.environments[0].id)
    plan = dev.deploy_steps[0].release_deploy_phases[0].run_plan_id
    where = (PROJECT, release.id, dev.id, 1)
    (file,) = client.get_release_task_attachments(*where, plan, "report")
    assert (file.name, file.type, file.timeline_id) == ("all in all", "report", plan)
    one = (file.record_id, "report", file.name)
    text = client.get_release_task_attachment_content(*where, plan, plan, *one)
    assert b"".join(text).strip() == b"# Fine"
    with pytest.raises(AzureDevOpsServiceError, match="no attachment"):
        client.get_release_task_attachment_content(*where, plan, plan, *one[:2], "none")


def test_releases_are_drafted_started_listed_and_abandoned(admin: Visitor):
    client = admin.releases
    waiting = {"preDeployApprovals": asks(admin.id)}
    made = client.create_release_definition(definition("Drafts", stage("Dev", **waiting)), PROJECT)
    draft = client.create_release({"definitionId": made.id, "isDraft": True}, PROJECT)
    assert draft.status == "draft"
    draft.description = "now with words"
    assert client.update_release(draft, PROJECT, draft.id).description == "now with words"
    started = client.update_release_resource({"status": "active"}, PROJECT, draft.id)
    assert started.status == "active"
    other = client.create_release({"definitionId": made.id}, PROJECT)
    listed = client.get_releases(PROJECT, definition_id=made.id, top=1, expand="environments")
    assert [found.id for found in listed] == [other.id]
    everywhere = client.get_releases(definition_id=made.id, query_order="ascending")
    assert [found.id for found in everywhere] == [draft.id, other.id]
    dev = other.environments[0]
    canceled = client.update_release_environment({"status": "canceled"}, PROJECT, other.id, dev.id)
    assert canceled.status in ("canceled", "inProgress")
    ends(client, other.id, "Dev", "canceled")
    gone = client.update_release_resource({"status": "abandoned"}, PROJECT, other.id)
    assert gone.status == "abandoned"
    active = client.get_releases(PROJECT, definition_id=made.id, status_filter="active")
    assert [found.id for found in active] == [draft.id]


def test_an_environment_is_deployed_again_by_hand(admin: Visitor):
    client = admin.releases
    made = client.create_release_definition(definition("Again", stage("Dev")), PROJECT)
    release = client.create_release(
        {"definitionId": made.id, "manualEnvironments": ["Dev"]}, PROJECT
    )
    dev = release.environments[0]
    assert dev.status == "notStarted"
    for attempt in (1, 2):
        answer = client.update_release_environment(
            {"status": "inProgress", "comment": "please"}, PROJECT, release.id, dev.id
        )
        assert answer.status in ("queued", "inProgress")
        ends(client, release.id, "Dev", "succeeded")
        found = client.get_release_environment(PROJECT, release.id, dev.id)
        assert [step.attempt for step in found.deploy_steps] == list(range(1, attempt + 1))


def test_folders_are_listed(admin: Visitor):
    """The package only lists folders; a definition's own folder need not have been made."""
    client = admin.releases
    assert "\\" in [folder.path for folder in client.get_folders(PROJECT)]
    inside = client.create_release_definition(
        definition("Inside", stage("Dev"), path="\\Kept"), PROJECT
    )
    found = client.get_release_definitions(PROJECT, path="\\Kept")
    assert [one.id for one in found] == [inside.id]


def test_a_manual_intervention_is_resumed(admin: Visitor):
    client = admin.releases
    asks_first = task(MANUAL_INTERVENTION, "8.*", "Look first", {"instructions": "Look"})
    pause = phase([asks_first], phaseType="runOnServer")
    made = client.create_release_definition(
        definition("Paused", stage("Dev", deployPhases=[pause])), PROJECT
    )
    release = client.create_release({"definitionId": made.id}, PROJECT)
    until(lambda: client.get_manual_interventions(PROJECT, release.id), "the question")
    (asked,) = client.get_manual_interventions(PROJECT, release.id)
    assert (asked.status, asked.instructions) == ("pending", "Look")
    given = client.update_manual_intervention(
        {"status": "approved", "comment": "fine"}, PROJECT, release.id, asked.id
    )
    assert given.status == "approved"
    ends(client, release.id, "Dev", "succeeded")
    text = b"".join(client.get_release_revision(PROJECT, release.id, 1))
    assert b'"Paused"' in text


@pytest.mark.parametrize("version", ["v7_1", "v7_0", "released"])
def test_clients_of_older_versions_work_as_well(admin: Visitor, version: str):
    client = admin.with_version(version)
    made = client.create_release_definition(definition(f"By {version}", stage("Dev")), PROJECT)
    assert client.get_release_definition(PROJECT, made.id).name == f"By {version}"
    assert client.get_releases(PROJECT, definition_id=made.id) == []


def test_a_bearer_token_and_a_bad_one(admin: Visitor):
    assert isinstance(admin.with_bearer().get_release_definitions(PROJECT), list)
    stranger = Visitor(admin.url.removesuffix("/default"), "not-a-token")
    with pytest.raises(AzureDevOpsServiceError, match="TF400813"):
        stranger.releases.get_release_definitions(PROJECT)


def test_service_hooks_are_subscribed_to_and_read(admin: Visitor):
    client = admin.connection.clients_v7_1.get_service_hooks_client()
    project = admin.connection.clients_v7_1.get_core_client().get_project(PROJECT)
    made = client.create_subscription(
        {
            "publisherId": "rm",
            "eventType": "ms.vss-release.release-created-event",
            "consumerId": "webHooks",
            "consumerActionId": "httpRequest",
            "publisherInputs": {"projectId": project.id},
            "consumerInputs": {"url": "https://example.org/hook", "secret": "a secret"},
        }
    )
    assert client.get_subscription(made.id).consumer_inputs["secret"] == "********"
    assert made.id in [one.id for one in client.list_subscriptions(publisher_id="rm")]
    assert client.get_notifications(made.id) == []
    assert "rm" in [one.id for one in client.list_publishers()]
    assert "ms.vss-release.deployment-started-event" in [
        one.id for one in client.list_event_types("rm")
    ]
    made.status = "disabledByUser"
    assert client.replace_subscription(made, made.id).status == "disabledByUser"
    client.delete_subscription(made.id)


def test_projects_are_found_by_the_core_client(admin: Visitor):
    core = admin.connection.clients_v7_1.get_core_client()
    assert PROJECT in [project.name for project in core.get_projects()]
    found = core.get_project(PROJECT, include_capabilities=True)
    assert found.capabilities["versioncontrol"]["sourceControlType"] == "Git"

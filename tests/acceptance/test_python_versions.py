"""Every operation of each version of the release client that the azure-devops package has."""

import inspect
from typing import Any

import pytest
from azure.devops.exceptions import AzureDevOpsServiceError

from tests.acceptance.client import PROJECT, Visitor
from tests.acceptance.test_python_client import MANUAL_INTERVENTION, ends
from tests.documents import asks, definition, gates, phase, rest_gate, stage, task
from tests.server.waiting import until

ATTACHES = 'echo x > f.txt; echo "##vso[task.addattachment type=report;name=one]$PWD/f.txt"'


class Noting:
    """A client that notes which of its methods were called."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.called.add(name)
        return getattr(self._client, name)

    @property
    def offered(self) -> set[str]:
        named = vars(type(self._client))
        return {name for name, one in named.items() if inspect.isfunction(one) and name[0] != "_"}


@pytest.mark.parametrize("version", ["v7_1", "v7_0", "released"])
def test_every_operation_of_every_client_is_answered(admin: Visitor, version: str) -> None:
    client = Noting(admin.with_version(version))
    made = defined(client, version)
    release = released(client, admin, made)
    attached(client, release)
    paused(client, version)
    gated(client, version)
    folders(client, admin, version)
    client.delete_release_definition(PROJECT, made.id, comment="over", force_delete=True)
    with pytest.raises(AzureDevOpsServiceError, match="VS402936"):
        client.get_release_definition(PROJECT, made.id)
    assert client.offered - client.called == set()


def defined(client: Any, version: str) -> Any:
    """A definition that was made, changed and looked at."""
    document = definition(f"All of {version}", stage("Dev", script=ATTACHES), stage("Prod", "Dev"))
    made = client.create_release_definition(document, PROJECT)
    made.description = "changed"
    made = client.update_release_definition(made, PROJECT)
    assert (made.revision, client.get_release_definition(PROJECT, made.id).revision) == (2, 2)
    (listed,) = client.get_release_definitions(PROJECT, search_text=made.name)
    assert listed.id == made.id
    assert len(client.get_release_definition_history(PROJECT, made.id)) == 2
    assert b"changed" in b"".join(client.get_definition_revision(PROJECT, made.id, 2))
    return made


def released(client: Any, admin: Visitor, made: Any) -> Any:
    """A release of it that went through Dev, its approval of Prod answered."""
    made.environments[1].pre_deploy_approvals = asks(admin.id)
    client.update_release_definition(made, PROJECT)
    release = client.create_release({"definitionId": made.id, "isDraft": True}, PROJECT)
    release.description = "in words"
    assert client.update_release(release, PROJECT, release.id).description == "in words"
    client.update_release_resource({"status": "active"}, PROJECT, release.id)
    ends(client, release.id, "Dev", "succeeded")
    until(lambda: client.get_approvals(PROJECT, release_ids_filter=[release.id]), "an approval")
    (asked,) = client.get_approvals(PROJECT, release_ids_filter=[release.id])
    given = {"status": "rejected", "comments": "no"}
    assert client.update_release_approval(given, PROJECT, asked.id).status == "rejected"
    ends(client, release.id, "Prod", "rejected")
    again = client.update_release_environment(
        {"status": "inProgress"}, PROJECT, release.id, release.environments[1].id
    )
    assert again.status in ("queued", "inProgress")
    assert b"Prod" in b"".join(client.get_release_revision(PROJECT, release.id, 1))
    assert [one.id for one in client.get_releases(PROJECT, definition_id=made.id)] == [release.id]
    done = client.get_deployments(PROJECT, definition_id=made.id, deployment_status="succeeded")
    assert [one.release_environment.name for one in done] == ["Dev"]
    return client.get_release(PROJECT, release.id)


def attached(client: Any, release: Any) -> None:
    """The logs and the attachment of what ran in Dev."""
    dev = client.get_release_environment(PROJECT, release.id, release.environments[0].id)
    ran = dev.deploy_steps[0].release_deploy_phases[0]
    said = next(one for one in ran.deployment_jobs[0].tasks if one.name == "Deploy to Dev")
    log = client.get_task_log(PROJECT, release.id, dev.id, ran.id, said.id, start_line=1)
    assert b"Task         :" in b"".join(log)
    assert b"".join(client.get_logs(PROJECT, release.id)).startswith(b"PK")
    where = (PROJECT, release.id, dev.id, 1, ran.run_plan_id)
    (file,) = client.get_release_task_attachments(*where, "report")
    one = (file.timeline_id, file.record_id, file.type, file.name)
    content = client.get_release_task_attachment_content(*where, *one)
    assert b"".join(content).strip() == b"x"


def paused(client: Any, version: str) -> None:
    look = task(MANUAL_INTERVENTION, "8.*", "Look first", {"instructions": "Look"})
    waits = phase([look], phaseType="runOnServer")
    document = definition(f"Paused by {version}", stage("Dev", deployPhases=[waits]))
    made = client.create_release_definition(document, PROJECT)
    release = client.create_release({"definitionId": made.id}, PROJECT)
    until(lambda: client.get_manual_interventions(PROJECT, release.id), "the question")
    (asked,) = client.get_manual_interventions(PROJECT, release.id)
    assert client.get_manual_intervention(PROJECT, release.id, asked.id).instructions == "Look"
    answer = {"status": "approved", "comment": "fine"}
    given = client.update_manual_intervention(answer, PROJECT, release.id, asked.id)
    assert given.status == "approved"


def gated(client: Any, version: str) -> None:
    """A gate that cannot pass is ignored by name."""
    before = gates(rest_gate("http://127.0.0.1:9/"), stabilizationTime=0)
    document = definition(f"Gated by {version}", stage("Dev", preDeploymentGates=before))
    made = client.create_release_definition(document, PROJECT)
    release = client.create_release({"definitionId": made.id}, PROJECT)

    def asked() -> Any:
        dev = client.get_release(PROJECT, release.id).environments[0]
        return dev.deploy_steps[0].pre_deployment_gates if dev.deploy_steps else None

    until(asked, "the gates")
    wanted = {"gatesToIgnore": ["Is it healthy?"], "comment": "known"}
    ignored = client.update_gates(wanted, PROJECT, asked().id)
    assert [one.name for one in ignored.ignored_gates] == ["Is it healthy?"]


def folders(client: Any, admin: Visitor, version: str) -> None:
    """The package cannot make a folder, which is done without it."""
    path = f"\\By {version}"
    address = f"{admin.url}/{PROJECT}/_apis/release/folders"
    made = admin.http.post(address, json={"path": path})
    assert made.status_code == 200
    inside = client.create_release_definition(
        definition("Inside", stage("Dev"), path=path), PROJECT
    )
    moved = client.update_folder({"path": f"{path} moved"}, PROJECT, path)
    assert moved.path == f"{path} moved"
    assert moved.path in [one.path for one in client.get_folders(PROJECT)]
    assert client.get_release_definition(PROJECT, inside.id).path == moved.path
    client.delete_folder(PROJECT, moved.path)
    assert moved.path not in [one.path for one in client.get_folders(PROJECT)]

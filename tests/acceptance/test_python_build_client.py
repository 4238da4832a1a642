"""The build client of the azure-devops package as published, in each of its versions."""

import io
import zipfile
from typing import Any

import pytest
from azure.devops.exceptions import AzureDevOpsServiceError

from tests.acceptance.client import PROJECT, Visitor
from tests.apis.azure.build.asking import definition, step
from tests.server.waiting import until

VERSIONS = ["v7_0", "v7_1"]
SCRIPT = """
mkdir -p out && echo content > out/file.txt
echo hello from the build
echo "##vso[artifact.upload artifactname=drop]$PWD/out"
"""


def of(admin: Visitor, version: str) -> Any:
    return getattr(admin.connection, f"clients_{version}").get_build_client()


@pytest.mark.parametrize("version", VERSIONS)
def test_definitions_are_saved_listed_and_deleted(admin: Visitor, version: str):
    client = of(admin, version)
    name = f"Python {version}"
    made = client.create_definition(definition(name, path="\\Clients"), PROJECT)
    assert (made.revision, made.name, made.path) == (1, name, "\\Clients")
    read = client.get_definition(PROJECT, made.id)
    read.description = "changed"
    changed = client.update_definition(read, PROJECT, made.id)
    assert (changed.revision, changed.description) == (2, "changed")
    listed = client.get_definitions(
        PROJECT,
        name=f"{name[:-1]}*",
        path="\\Clients",
        query_order="definitionNameAscending",
        top=5,
        include_latest_builds=True,
    )
    found = getattr(listed, "value", listed)
    assert [one.id for one in found] == [made.id]
    revisions = client.get_definition_revisions(PROJECT, made.id)
    assert [one.change_type for one in revisions] == ["add", "update"]
    client.delete_definition(PROJECT, made.id)
    with pytest.raises(AzureDevOpsServiceError, match="does not exist"):
        client.get_definition(PROJECT, made.id)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_build_is_queued_watched_and_its_logs_and_artifacts_are_fetched(
    admin: Visitor, version: str
):
    client = of(admin, version)
    made = client.create_definition(
        definition(f"Run {version}", step(SCRIPT), repository=None), PROJECT
    )
    queued = client.queue_build({"definition": {"id": made.id}}, PROJECT)
    assert queued.status == "notStarted"
    until(
        lambda: client.get_build(PROJECT, queued.id).status == "completed", "the build to end", 60
    )
    build = client.get_build(PROJECT, queued.id)
    assert build.result == "succeeded"
    timeline = client.get_build_timeline(PROJECT, build.id)
    [record] = [one for one in timeline.records if one.name == "Script"]
    assert (record.state, record.result) == ("completed", "succeeded")
    lines = client.get_build_log_lines(PROJECT, build.id, record.log.id)
    assert any("hello from the build" in line for line in lines)
    text = b"".join(client.get_build_log(PROJECT, build.id, record.log.id))
    assert b"hello from the build" in text
    logs = b"".join(client.get_build_logs_zip(PROJECT, build.id))
    assert zipfile.ZipFile(io.BytesIO(logs)).namelist()
    assert [one.id for one in client.get_build_logs(PROJECT, build.id)]
    [artifact] = client.get_artifacts(PROJECT, build.id)
    assert (artifact.name, artifact.resource.type) == ("drop", "Container")
    content = b"".join(client.get_artifact_content_zip(PROJECT, build.id, "drop"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("drop/file.txt") == b"content\n"
    assert client.add_build_tag(PROJECT, build.id, "good") == ["good"]
    assert client.get_build_tags(PROJECT, build.id) == ["good"]
    listed = client.get_builds(PROJECT, definitions=[made.id], tag_filters=["good"])
    assert [one.id for one in getattr(listed, "value", listed)] == [build.id]
    kept = client.update_build({"keepForever": True}, PROJECT, build.id)
    assert kept.keep_forever
    with pytest.raises(AzureDevOpsServiceError, match="retained"):
        client.delete_build(PROJECT, build.id)
    client.update_build({"keepForever": False}, PROJECT, build.id)
    client.delete_build(PROJECT, build.id)
    with pytest.raises(AzureDevOpsServiceError, match="could not be found"):
        client.get_build(PROJECT, build.id)


def test_folders_and_leases_of_builds(admin: Visitor):
    client = of(admin, "v7_1")
    folder = client.create_folder({"description": "x"}, PROJECT, "\\Leased")
    assert folder.path == "\\Leased"
    assert "\\Leased" in [one.path for one in client.get_folders(PROJECT)]
    made = client.create_definition(definition("Leased", repository=None), PROJECT)
    build = client.queue_build({"definition": {"id": made.id}}, PROJECT)
    lease = {
        "daysValid": 2,
        "definitionId": made.id,
        "ownerId": "User:me",
        "protectPipeline": False,
        "runId": build.id,
    }
    [kept] = client.add_retention_leases([lease], PROJECT)
    assert client.get_retention_lease(PROJECT, kept.lease_id).run_id == build.id
    client.delete_retention_leases_by_id(PROJECT, [kept.lease_id])
    client.delete_folder(PROJECT, "\\Leased")

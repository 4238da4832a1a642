"""Task groups and deployment groups, through the azure-devops package as published."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from azure.devops.exceptions import AzureDevOpsServiceError

from tests.acceptance.client import PROJECT, Visitor
from tests.acceptance.test_python_client import ends
from tests.documents import BASH, bash, definition, phase, stage, task
from tests.server.product import Product
from tests.server.waiting import until


def greeting(name: str, script: str = 'echo "hello $(who)"') -> dict[str, object]:
    step = {
        "displayName": "Greet $(who)",
        "enabled": True,
        "inputs": {"targetType": "inline", "script": script},
        "task": {"id": BASH, "versionSpec": "3.*", "definitionType": "task"},
    }
    return {
        "name": name,
        "category": "Deploy",
        "inputs": [{"name": "who", "type": "string", "defaultValue": "world"}],
        "tasks": [step],
        "version": {"major": 1, "minor": 0, "patch": 0},
    }


def test_a_task_group_is_kept_and_run(admin: Visitor):
    client = admin.machines
    made = client.add_task_group(greeting("Greeting"), PROJECT)
    assert (made.revision, made.tasks[0].display_name) == (1, "Greet $(who)")
    made.description = "says hello"
    changed = client.update_task_group(made, PROJECT, made.id)
    assert (changed.revision, changed.description) == (2, "says hello")
    with pytest.raises(AzureDevOpsServiceError, match="old copy"):
        client.update_task_group(made, PROJECT, made.id)
    assert made.id in [group.id for group in client.get_task_groups(PROJECT)]
    [found] = client.get_task_groups(PROJECT, task_group_id=made.id)
    assert found.inputs[0].name == "who"
    step = task(made.id, "1.*", "Use it", {"who": "Ann"}, definitionType="metaTask")
    using = admin.releases.create_release_definition(
        definition("Greets", stage("Dev", tasks=[step])), PROJECT
    )
    release = admin.releases.create_release({"definitionId": using.id}, PROJECT)
    ends(admin.releases, release.id, "Dev", "succeeded")
    [attempt] = admin.releases.get_release(PROJECT, release.id).environments[0].deploy_steps
    [job] = attempt.release_deploy_phases[0].deployment_jobs
    assert "Greet Ann" in [run.name for run in job.tasks]
    client.delete_task_group(PROJECT, made.id, comment="done")
    with pytest.raises(AzureDevOpsServiceError, match="no task group"):
        client.get_task_groups(PROJECT, task_group_id=made.id)


@contextmanager
def target(running: Product, group: str, name: str, tag: str) -> Iterator[None]:
    """A machine that is a target of the group for a while."""
    command = [*running.command, "worker", "--home", str(running.home), "--deployment-group", group]
    process = subprocess.Popen(
        [*command, "--name", name, "--tag", tag, "--drain", "1"],
        env=running.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def test_a_deployment_group_is_deployed_to(running: Product, admin: Visitor):
    client = admin.machines
    made = client.add_deployment_group({"name": "Web", "description": "sites"}, PROJECT)
    renamed = client.update_deployment_group({"name": "Web servers"}, PROJECT, made.id)
    assert (renamed.name, renamed.description, renamed.machine_count) == ("Web servers", "sites", 0)
    deploying = phase(
        [bash("echo deployed to $AGENT_NAME")],
        phaseType="machineGroupBasedDeployment",
        deploymentInput={"queueId": made.id, "tags": ["web"], "healthPercent": 0},
    )
    rolling = admin.releases.create_release_definition(
        definition("Rolls out", stage("Dev", deployPhases=[deploying])), PROJECT
    )

    def online() -> bool:
        found = client.get_deployment_targets(PROJECT, made.id)
        return [machine.agent.status for machine in found] == ["online", "online"]

    with target(running, "Web servers", "one", "web"), target(running, "web servers", "two", "db"):
        until(online, "both targets to be online")
        two = next(
            machine
            for machine in client.get_deployment_targets(PROJECT, made.id)
            if machine.agent.name == "two"
        )
        assert client.get_deployment_target(PROJECT, made.id, two.id).tags == ["db"]
        client.update_deployment_targets([{"id": two.id, "tags": ["db", "web"]}], PROJECT, made.id)
        tagged = client.get_deployment_targets(PROJECT, made.id, tags=["web", "db"])
        assert [machine.id for machine in tagged] == [two.id]
        release = admin.releases.create_release({"definitionId": rolling.id}, PROJECT)
        ends(admin.releases, release.id, "Dev", "succeeded")
    [attempt] = admin.releases.get_release(PROJECT, release.id).environments[0].deploy_steps
    jobs = attempt.release_deploy_phases[0].deployment_jobs
    assert [(job.job.name, job.job.status) for job in jobs] == [
        ("one", "succeeded"),
        ("two", "succeeded"),
    ]
    assert client.get_deployment_group(PROJECT, made.id, expand="machines").machine_tags == [
        "db",
        "web",
    ]
    client.delete_deployment_target(PROJECT, made.id, two.id)
    assert made.id in [group.id for group in client.get_deployment_groups(PROJECT)]
    client.delete_deployment_group(PROJECT, made.id)
    with pytest.raises(AzureDevOpsServiceError, match="no deployment group"):
        client.get_deployment_group(PROJECT, made.id)

"""Task groups, through the azure-devops package as published."""

import pytest
from azure.devops.exceptions import AzureDevOpsServiceError

from tests.acceptance.client import PROJECT, Visitor
from tests.acceptance.test_python_client import ends
from tests.documents import BASH, definition, stage, task


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

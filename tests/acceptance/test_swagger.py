"""Answers fit Microsoft's published swagger of their version; its examples are accepted."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests import repositories
from tests.acceptance.client import PROJECT, Visitor
from tests.acceptance.published import (
    SWAGGER,
    asked,
    faults,
    is_there,
    operations,
    problems,
    too_new,
)
from tests.acceptance.test_python_client import ends
from tests.documents import (
    asks,
    build_artifact,
    definition,
    git_artifact,
    phase,
    stage,
    task,
)
from tests.server.waiting import until

# Which of the three documents describes which version best.
VERSIONS = {
    "4.1-preview": "release/4.1",
    "5.0": "release/6.0",
    "5.1": "release/6.0",
    "6.0": "release/6.0",
    "7.0": "release/7.1",
    "7.1": "release/7.1",
}
MANUAL_INTERVENTION = "bcb64569-d51a-4af0-9c01-ea5d05b3b622"
ATTACHES = 'echo x > file.txt; echo "##vso[task.addattachment type=report;name=one]$PWD/file.txt"'
EXPANDED = "environments,artifacts,triggers,variables,tags,lastRelease"
QUERIES = {
    "release/definitions": ["", f"$expand={EXPANDED}"],
    "release/releases": ["", "$expand=environments,artifacts,approvals,variables,tags"],
    "release/approvals": ["statusFilter=undefined", ""],
    "release/deployments": ["", "latestAttemptsOnly=true&queryOrder=ascending"],
}

pytestmark = is_there


@pytest.fixture(scope="session")
def sample(admin: Visitor) -> dict[str, Any]:
    """A release that went through one environment and waits before the next; a folder; tags."""
    client = admin.releases
    folder = {"path": "\\Swagger", "description": "for the swagger"}
    folders = f"{admin.url}/{PROJECT}/_apis/release/folders"
    assert admin.http.post(folders, json=folder).status_code == 200
    made = client.create_release_definition(
        definition(
            "Sample",
            stage("Dev", script=ATTACHES),
            stage("Prod", "Dev", preDeployApprovals=asks(admin.id)),
            path="\\Swagger",
            tags=["one"],
            variables={"word": {"value": "x"}, "key": {"value": "sesame!", "isSecret": True}},
        ),
        PROJECT,
    )
    release = client.create_release({"definitionId": made.id}, PROJECT)
    ends(client, release.id, "Dev", "succeeded")
    dev = client.get_release_environment(PROJECT, release.id, release.environments[0].id)
    phase = dev.deploy_steps[0].release_deploy_phases[0]
    tasks = phase.deployment_jobs[0].tasks
    deploying = next(one for one in tasks if one.name == "Deploy to Dev")
    return {
        "definitionId": made.id,
        "revision": 1,
        "releaseId": release.id,
        "environmentId": dev.id,
        "releaseDeployPhaseId": phase.id,
        "taskId": tasks[0].id,
        "attemptId": 1,
        "planId": phase.run_plan_id,
        "timelineId": phase.run_plan_id,
        "recordId": deploying.timeline_record_id,
        "type": "report",
        "name": "one",
        "path": "\\Swagger",
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_vector_every_answer_fits_the_swagger_of_its_version(
    admin: Visitor, sample: dict[str, Any], version: str
):
    described, found, seen = VERSIONS[version], [], set()
    for method, path, operation in operations(described):
        here = asked(path, sample)
        if method != "GET" or here is None:
            continue
        is_text = operation["operationId"].endswith("Release Revision")
        for query in ["definitionSnapshotRevision=1"] if is_text else QUERIES.get(path, [""]):
            answer = admin.http.get(
                f"{admin.url}/{PROJECT}/_apis/{here}?api-version={version}&{query}",
            )
            seen.add((path, is_text))
            found += [f"{path}?{query}: {one}" for one in faults(described, operation, answer)]
    assert not found, "\n".join(found[:40])
    assert len(seen) >= 10, seen


# Operations that only the Node client has (CONTRACT B.4), with the swagger's shape of an entry.
OUTSIDE = {
    "release/artifacts/types": "ArtifactTypeDefinition",
    "release/autotriggerissues?artifactType=Build&sourceId=x&artifactVersionId=1": (
        "AutoTriggerIssue"
    ),
    "release/definitionEnvironments": "DefinitionEnvironmentReference",
    "release/definitions/environmenttemplates": "ReleaseDefinitionEnvironmentTemplate",
    "release/favorites/mine": "FavoriteItem",
    "release/metrics": "Metric",
    "release/releases/{releaseId}/agentartifacts": "AgentArtifactDefinition",
    "release/releases/{releaseId}/changes": "Change",
    "release/releases/{releaseId}/environments/{environmentId}/tasks": "ReleaseTask",
    "release/releases/{releaseId}/history": "ReleaseRevision",
    "release/releases/{releaseId}/workitems": "ReleaseWorkItemRef",
    "release/sendmail/{releaseId}": "SummaryMailSection",
}


@pytest.fixture(scope="session")
def traced(admin: Visitor, sample: dict[str, Any], reachable_folder: Path) -> dict[str, Any]:
    """The second release of a repository, so that there are changes and work items; a favorite."""
    place = reachable_folder / "traced"
    place.mkdir()
    commits = [repositories.made(place), repositories.committed(place, "Fix it (#12)")]
    made = admin.releases.create_release_definition(
        definition("Traced", stage("Dev"), artifacts=[git_artifact("site", str(place))]), PROJECT
    )
    for commit in commits:
        chosen = [{"alias": "site", "instanceReference": {"id": commit, "name": commit[:8]}}]
        release = admin.releases.create_release(
            {"definitionId": made.id, "artifacts": chosen}, PROJECT
        )
    ends(admin.releases, release.id, "Dev", "succeeded")
    favorites = f"{admin.url}/{PROJECT}/_apis/release/favorites/mine"
    assert admin.http.post(favorites, json=[{"name": "x"}]).status_code == 200
    return {**sample, "releaseId": release.id, "environmentId": release.environments[0].id}


@pytest.mark.parametrize("version", VERSIONS)
def test_vector_answers_outside_of_the_swagger_have_its_shapes(
    admin: Visitor, traced: dict[str, Any], version: str
):
    described, found = VERSIONS[version], []
    for way, shape in OUTSIDE.items():
        path = asked(way, traced)
        mark = "&" if "?" in way else "?"
        answer = admin.http.get(
            f"{admin.url}/{PROJECT}/_apis/{path}{mark}api-version={version}",
        )
        assert answer.status_code == 200, (path, answer.text)
        schema = {"type": "array", "items": {"$ref": f"#/definitions/{shape}"}}
        value = answer.json()["value"]
        assert value or "issues" in way or "agentartifacts" in way, path
        found += [f"{way}: {one}" for one in problems(described, schema, value)]
        found += [f"{way}: {one}" for one in too_new(described, schema, value, version)]
    assert not found, "\n".join(found)


def examples() -> list[Any]:
    """Every request of an example that can be sent as it is, with the ids of the sample."""
    found = []
    for version in ("4.1", "7.1"):
        document = f"release/{version}"
        for method, path, operation in operations(document) if SWAGGER.exists() else ():
            for name, example in (operation.get("x-ms-examples") or {}).items():
                file = SWAGGER / document / example["$ref"]
                found.append(pytest.param(version, method, path, file, id=f"{version} {name}"))
    return found


@pytest.mark.parametrize(("version", "method", "path", "file"), examples())
def test_vector_examples_of_the_swagger_are_accepted(
    admin: Visitor, sample: dict[str, Any], version: str, method: str, path: str, file: Path
):
    example = json.loads(file.read_text("utf-8-sig"))["parameters"]
    client = admin.releases
    ids = {**sample, **changed_ids(client, admin, path, method)}
    here = asked(path, ids)
    if here is None:
        pytest.skip("the sample has nothing of this kind")
    query = {
        key: value
        for key, value in example.items()
        if f"{{{key}}}" not in path and not isinstance(value, dict | list)
    }
    body = mapped(example.get("body"), ids, path)
    answer = admin.http.request(
        method,
        f"{admin.url}/{PROJECT}/_apis/{here}",
        params={**query, "api-version": "4.1-preview" if version == "4.1" else version},
        json=body,
    )
    assert answer.status_code in (200, 204), f"{answer.status_code} {answer.text[:600]}"


def changed_ids(client: Any, admin: Visitor, path: str, method: str) -> dict[str, Any]:
    """What a request changes is made for it alone, so that each example finds it as it expects."""
    if "{manualInterventionId}" in path:
        return paused(client)
    if method == "GET":
        return {}
    approval = {} if "environments" in path else {"preDeployApprovals": asks(admin.id)}
    artifact = build_artifact("Fabrikam.CI", "1")
    document = definition(f"For {method} {path} {uuid4()}", stage("PROD", **approval))
    made = client.create_release_definition({**document, "artifacts": [artifact]}, PROJECT)
    found = {"definitionId": made.id, "revision": made.revision, "stage": made.environments[0].id}
    if "definitions" in path:
        return found
    chosen = [{"alias": "Fabrikam.CI", "instanceReference": {"id": "2", "name": "2"}}]
    manual = {"manualEnvironments": ["PROD"]} if "environments" in path else {}
    metadata = {"definitionId": made.id, "artifacts": chosen, **manual}
    release = client.create_release(metadata, PROJECT)
    found |= {"releaseId": release.id, "environmentId": release.environments[0].id}
    if "{approvalId}" in path:
        until(lambda: client.get_approvals(PROJECT, release_ids_filter=[release.id]), "an approval")
        (approved,) = client.get_approvals(PROJECT, release_ids_filter=[release.id])
        found["approvalId"] = approved.id
    return found


def paused(client: Any) -> dict[str, Any]:
    """A release that waits for a manual intervention."""
    look = task(MANUAL_INTERVENTION, "8.*", "Look", {"instructions": "Look at it."})
    waits = {"deployPhases": [phase([look], phaseType="runOnServer")]}
    document = definition(f"Pausing {uuid4()}", stage("Dev", **waits))
    made = client.create_release_definition(document, PROJECT)
    release = client.create_release({"definitionId": made.id}, PROJECT)
    until(lambda: client.get_manual_interventions(PROJECT, release.id), "the intervention")
    (found,) = client.get_manual_interventions(PROJECT, release.id)
    return {"releaseId": release.id, "manualInterventionId": found.id}


def mapped(body: Any, ids: dict[str, Any], path: str) -> Any:
    """The example's body with the ids of what is there."""
    if not isinstance(body, dict):
        return body
    changed = {**body}
    if "definitionId" in body:
        changed["definitionId"] = ids["definitionId"]
    if path.endswith("/definitions") and body.get("id"):
        changed |= {"id": ids["definitionId"], "revision": ids["revision"], "name": str(uuid4())}
    if path.endswith("{releaseId}") and "environments" in body:
        changed["id"] = ids["releaseId"]
    for environment in changed.get("environments") or ():
        environment["id"] = ids["environmentId" if "releaseId" in path else "stage"]
    return changed

"""Answers fit Microsoft's published swagger of their version; its examples are accepted.

The swagger is read from the shared folder. Three things it does not say are taken as the service
does them: any value may be null, a date that is not there may be 0001-01-01T00:00:00, and
`operationStatus` comes in PascalCase (CONTRACT A.5).
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jsonschema_rs
import pytest

from tests import repositories
from tests.acceptance.client import PROJECT, Visitor
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
from tests.vectors import shared_folder

SWAGGER = shared_folder() / "contract" / "azure" / "swagger" / "release"
# Which of the three documents describes which version best.
VERSIONS = {
    "4.1-preview": "4.1",
    "5.0": "6.0",
    "5.1": "6.0",
    "6.0": "6.0",
    "7.0": "7.1",
    "7.1": "7.1",
}
MANUAL_INTERVENTION = "bcb64569-d51a-4af0-9c01-ea5d05b3b622"
ATTACHES = 'echo x > file.txt; echo "##vso[task.addattachment type=report;name=one]$PWD/file.txt"'
# What came with 6.1 is shown by 6.0, too (`versions.since`).
SHOWN_FROM = {"6.0": {"retryCountOnTaskFailure"}}
EXPANDED = "environments,artifacts,triggers,variables,tags,lastRelease"
QUERIES = {
    "release/definitions": ["", f"$expand={EXPANDED}"],
    "release/releases": ["", "$expand=environments,artifacts,approvals,variables,tags"],
    "release/approvals": ["statusFilter=undefined", ""],
    "release/deployments": ["", "latestAttemptsOnly=true&queryOrder=ascending"],
}

pytestmark = pytest.mark.skipif(not SWAGGER.exists(), reason=f"there is no {SWAGGER}")


@cache
def swagger(version: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        (SWAGGER / version / "release.json").read_text("utf-8-sig")
    )
    return document


def operations(version: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path after `_apis/` and description of each operation."""
    described = swagger(version)
    for path, methods in [*described["paths"].items(), *described["x-ms-paths"].items()]:
        for method, operation in methods.items():
            if "operationId" in operation:
                yield method.upper(), path.partition("/_apis/")[2].rstrip("?"), operation


def nullable(schema: Any) -> Any:
    """The schema with null allowed everywhere, and operation statuses in any case."""
    if not isinstance(schema, dict):
        return schema
    changed = {key: _inner(key, value) for key, value in schema.items()}
    if isinstance(schema.get("type"), str):
        changed["type"] = [schema["type"], "null"]
    if "enum" in schema:
        changed["enum"] = [*schema["enum"], None]
    return changed


def _inner(key: str, value: Any) -> Any:
    if key in ("properties", "definitions"):
        return {name: _property(name, inner) for name, inner in value.items()}
    if key == "allOf":
        return [nullable(part) for part in value]
    return nullable(value) if key in ("items", "additionalProperties") else value


def _property(name: str, schema: Any) -> Any:
    if name == "operationStatus" and "enum" in schema:
        known = {word.casefold() for word in schema["enum"]}
        return {"enum": [None, *known, *(word[0].upper() + word[1:] for word in schema["enum"])]}
    return nullable(schema)


@cache
def definitions(version: str) -> dict[str, Any]:
    changed: dict[str, Any] = _inner("definitions", swagger(version)["definitions"])
    return changed


def problems(version: str, schema: dict[str, Any], value: Any) -> list[str]:
    """What of an answer does not fit its schema."""
    whole = {**nullable(schema), "definitions": definitions(version)}
    validator = jsonschema_rs.Draft4Validator(whole, validate_formats=False)
    return [
        f"{'/'.join(map(str, error.instance_path))}: {error.message[:200]}"
        for error in validator.iter_errors(value)
    ]


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


def asked(path: str, sample: dict[str, Any]) -> str | None:
    """The path with the ids of the sample; None where the sample has no such thing."""
    names = re.findall(r"\{(\w+)\}", path)
    if any(name not in sample for name in names):
        return None
    return re.sub(r"\{(\w+)\}", lambda found: str(sample[found[1]]).replace("\\", "%5C"), path)


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


def faults(version: str, operation: dict[str, Any], answer: httpx.Response) -> list[str]:
    if answer.status_code != 200:
        return [f"{answer.status_code} {answer.text[:200]}"]
    schema = operation["responses"]["200"].get("schema", {})
    if not answer.headers["content-type"].startswith("application/json"):
        return [] if schema.get("type") in ("string", "file", None) else ["is not JSON"]
    value = answer.json()
    body = value["value"] if schema.get("type") == "array" else value
    asked_for = answer.request.url.params["api-version"]
    return [*problems(version, schema, body), *too_new(version, schema, body, asked_for)]


def too_new(version: str, schema: dict[str, Any], value: Any, asked_for: str) -> list[str]:
    """The fields of an answer that only a later swagger has for the same shape."""
    if isinstance(value, list):
        inside = schema.get("items", {})
        return [fault for one in value for fault in too_new(version, inside, one, asked_for)]
    if not isinstance(value, dict):
        return []
    if more := schema.get("additionalProperties"):
        return [fault for one in value.values() for fault in too_new(version, more, one, asked_for)]
    name = schema.get("$ref", "").rpartition("/")[2]
    known = fields(version, name)
    newer = fields("7.1", name).keys() - known.keys() - SHOWN_FROM.get(asked_for, set())
    found = [f"{name}.{field} came later" for field in sorted(newer & value.keys())]
    for field, inner in known.items():
        if field in value:
            found += too_new(version, inner, value[field], asked_for)
    return found


@cache
def fields(version: str, name: str) -> dict[str, Any]:
    """The fields of a shape with those that it inherits."""
    shape = swagger(version)["definitions"].get(name, {})
    found: dict[str, Any] = dict(shape.get("properties", {}))
    for part in shape.get("allOf", []):
        inherited = fields(version, part["$ref"].rpartition("/")[2]) if "$ref" in part else {}
        found |= inherited | part.get("properties", {})
    return found


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
        for method, path, operation in operations(version) if SWAGGER.exists() else ():
            for name, example in (operation.get("x-ms-examples") or {}).items():
                file = SWAGGER / version / example["$ref"]
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

"""Answers of the build area fit Microsoft's published swagger of their version."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.client import PROJECT, Visitor
from tests.acceptance.published import asked, faults, is_there, operations
from tests.apis.azure.build.asking import definition, step
from tests.gits import commit, repository
from tests.server.waiting import until

# Which of the three documents describes which version best.
VERSIONS = {
    "4.1": "build/4.1",
    "5.0": "build/6.0",
    "5.1": "build/6.0",
    "6.0": "build/6.0",
    "7.0": "build/7.1",
    "7.1": "build/7.1",
}
SCRIPT = """
mkdir -p out && echo one > out/a.txt
echo "##vso[artifact.upload artifactname=drop]$PWD/out"
echo "##vso[task.addattachment type=report;name=one]$PWD/out/a.txt"
echo "##vso[task.logissue type=warning]look here"
"""
EVERYTHING = "includeAllProperties=true&includeLatestBuilds=true&minMetricsTime=2020-01-01"
BETWEEN = "fromBuildId={before}&toBuildId={buildId}"
SHOP = "repository={repository}&commitOrBranch=main"
QUERIES = {
    "build/changes": [BETWEEN],
    "build/definitions": ["", "includeLatestBuilds=true", EVERYTHING],
    "build/definitions/{definitionId}": ["", "includeLatestBuilds=true", "revision=1"],
    "build/retention/leases": ["definitionId={definitionId}"],
    "build/workitems": [BETWEEN],
    "sourceProviders/{providerName}/branches": [SHOP],
    "sourceProviders/{providerName}/filecontents": [f"{SHOP}&path=/page.txt"],
    "sourceProviders/{providerName}/pathcontents": [SHOP],
}
# Another definition than the rest.
OTHERWISE = {
    "build/definitions/{definitionId}/yaml": "build/definitions/{yamlDefinitionId}/yaml",
}
# What needs a ticket of the service or its webhooks, of which this server has none.
ABSENT = re.compile("/ticketed(artifacts|logs)$|/webhooks$")

pytestmark = is_there


def ask(admin: Visitor, method: str, path: str, body: Any = None) -> Any:
    """What a request to the build area answers, which must succeed."""
    url = f"{admin.url}/{PROJECT}/_apis/build/{path}"
    answer = admin.http.request(method, f"{url}?api-version=7.1-preview", json=body)
    assert answer.status_code in (200, 204), f"{path}: {answer.text[:600]}"
    return answer.json()


def built(admin: Visitor, made: Any, **more: Any) -> Any:
    """A build that has ended well."""
    queued = ask(admin, "POST", "builds", {"definition": {"id": made["id"]}, **more})
    path = f"builds/{queued['id']}"
    until(lambda: ask(admin, "GET", path)["status"] == "completed", "the build to end", 60)
    ended = ask(admin, "GET", path)
    assert ended["result"] == "succeeded", ended
    return ended


@pytest.fixture(scope="session")
def sample(admin: Visitor, reachable_folder: Path) -> dict[str, Any]:
    """Two builds of a repository, the last with an artifact, an attachment, a lease and a tag; a
    draft, a folder and a template."""
    place = repository(reachable_folder / "swagger-shop")
    commit(place, "build.yml", "steps:\n- bash: echo hello\n")
    code = {"type": "Git", "id": "swagger-shop", "name": "shop", "url": str(place)}
    document = definition(
        "Swagger",
        step(SCRIPT),
        path="\\Swagger",
        repository={**code, "defaultBranch": "main", "clean": "true"},
        variables={"word": {"value": "x", "allowOverride": True}, "key": {"isSecret": True}},
        triggers=[{"triggerType": "schedule", "schedules": [{"daysToBuild": "monday"}]}],
        tags=["one"],
    )
    made = ask(admin, "POST", "definitions", document)
    draft = {**document, "name": "Draft", "quality": "draft", "draftOf": {"id": made["id"]}}
    ask(admin, "POST", "definitions", draft)
    process = {"type": 2, "yamlFilename": "build.yml"}
    by_file = {"name": "By file", "repository": code, "process": process}
    described = ask(admin, "POST", "definitions", by_file)
    before = built(admin, made)
    commit(place, "page.txt", "two", "Fix it (#12)")
    build = built(admin, made, parameters='{"word": "y"}', tags=["good"])
    ask(admin, "PUT", "definitions/templates/Swagger", {"name": "Swagger", "template": document})
    lease = {"daysValid": 9, "definitionId": made["id"], "ownerId": "User:me", "runId": build["id"]}
    [leased] = ask(admin, "POST", "retention/leases", [lease])["value"]
    timeline = ask(admin, "GET", f"builds/{build['id']}/timeline")
    [record] = [one for one in timeline["records"] if one["name"] == "Script"]
    return {
        "DefinitionId": made["id"],
        "artifactName": "drop",
        "before": before["id"],
        "buildId": build["id"],
        "definition": made["id"],
        "definitionId": made["id"],
        "leaseId": leased["leaseId"],
        "logId": record["log"]["id"],
        "metricAggregationType": "daily",
        "name": "one",
        "path": "\\Swagger",
        "providerName": "Git",
        "recordId": record["id"],
        "repository": "swagger-shop",
        "templateId": "Swagger",
        "timelineId": timeline["id"],
        "type": "report",
        "userOwnerId": admin.id,
        "yamlDefinitionId": described["id"],
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_vector_every_answer_about_builds_fits_the_swagger_of_its_version(
    admin: Visitor, sample: dict[str, Any], version: str
):
    described, found, seen = VERSIONS[version], [], set()
    for method, path, operation in operations(described):
        if method != "GET" or ABSENT.search(path) or asked(path, sample) is None:
            continue
        for query in QUERIES.get(path, [""]):
            place = OTHERWISE.get(path, path)
            way = asked(f"{place}{'&' if '?' in path else '?'}{query}", sample)
            url = f"{admin.url}/{PROJECT}/_apis/{way}&api-version={version}-preview"
            answer = admin.http.get(url)
            seen.add(path)
            found += [f"{path}?{query}: {one}" for one in faults(described, operation, answer)]
    assert not found, "\n".join(found[:40])
    assert len(seen) >= 30, seen

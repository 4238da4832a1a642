"""What is collected over many releases and definitions (CONTRACT B.4)."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from quaymaster.store.triggers import firing, firings
from tests.apis.azure.server import Server
from tests.documents import build_artifact, definition, stage, task

FREE = {"concurrencyCount": 0, "queueDepthCount": 0}
GROUP = str(uuid4())


async def built(server: Server, name: str = "Web", **changes: Any) -> dict[str, Any]:
    """A definition with a build artifact and a release of its version 5, under way."""
    made = await server.made(
        "definitions",
        definition(
            name, stage("Dev", executionPolicy=FREE), artifacts=[build_artifact()], **changes
        ),
    )
    chosen = {"id": "5", "name": "5.0", "sourceBranch": "refs/heads/main"}
    await server.made(
        "releases",
        {
            "definitionId": made["id"],
            "artifacts": [{"alias": "_Web-CI", "instanceReference": chosen}],
        },
    )
    return dict(made)


async def test_metrics_count_what_happened_since(server: Server) -> None:
    await built(server)
    counted = {one["name"]: one["value"] for one in (await server.seen("metrics"))["value"]}
    assert (counted["ReleasesCreated"], counted["DeploymentsInProgress"]) == (1, 1)
    later = (await server.seen("metrics?minMetricsTime=2100-01-01"))["value"]
    assert {one["name"]: one["value"] for one in later}["ReleasesCreated"] == 0
    assert (await server.project("GET", "metrics?minMetricsTime=soon")).status_code == 400
    stranger = await server.user("stranger")
    assert (await server.project("GET", "metrics", token=stranger)).status_code in (403, 404)


async def test_branches_and_projects_of_a_source(server: Server) -> None:
    made = await built(server)
    branches = await server.seen(f"definitions/{made['id']}/sourcebranches")
    assert branches["value"] == ["refs/heads/main"]
    assert (await server.project("GET", "definitions/99/sourcebranches")).status_code == 404
    source = "0d5c3c5b-2f0e-4c5a-9d0a-1f2e3d4c5b6a:7"
    for query, found in (
        ("artifactType=build", ["Default"]),
        (f"artifactType=Build&artifactSourceId={source}", ["Default"]),
        ("artifactType=Build&artifactSourceId=other", []),
        ("artifactType=Git", []),
    ):
        answer = await server.get(f"/default/_apis/Release/projects?{query}")
        assert [one["name"] for one in answer.json()["value"]] == found, query


async def test_sources_are_listed_once(server: Server) -> None:
    await built(server, "First")
    await built(server, "Second")
    expected = {
        "artifactTypeId": "Build",
        "sourceIdInputs": [
            {"id": "0d5c3c5b-2f0e-4c5a-9d0a-1f2e3d4c5b6a", "name": "Fabrikam"},
            {"id": "7", "name": "Web CI"},
        ],
    }
    for query in ("", "?typeId=build"):
        answer = await server.seen(f"artifacts/sources{query}")
        assert answer == {"artifactSourceIds": [expected]}, query
    assert (await server.seen("artifacts/sources?typeId=Git"))["artifactSourceIds"] == []


async def test_environments_that_use_a_task_group(server: Server) -> None:
    uses = task(GROUP, "1.*", "Group", {}, definitionType="metaTask")
    plain = task(GROUP, "1.*", "No group", {})
    first = await server.made(
        "definitions",
        definition(
            "Web", stage("Dev", tasks=[uses], properties={"Team": "a"}), stage("QA", tasks=[plain])
        ),
    )
    dev, qa = (one["id"] for one in first["environments"])
    found = (await server.seen(f"definitionEnvironments?taskGroupId={GROUP.upper()}"))["value"]
    assert found == [
        {
            "definitionEnvironmentId": dev,
            "definitionEnvironmentName": "Dev",
            "releaseDefinitionId": first["id"],
            "releaseDefinitionName": "Web",
        }
    ]
    everything = (await server.seen("definitionEnvironments"))["value"]
    assert [one["definitionEnvironmentId"] for one in everything] == [dev, qa]
    with_team = (await server.seen("definitionEnvironments?propertyFilters=team"))["value"]
    assert [one["definitionEnvironmentId"] for one in with_team] == [dev]
    wrong = await server.project("GET", "definitionEnvironments?taskGroupId=x")
    assert wrong.status_code == 400


async def test_who_waits_for_a_worker_is_told_in_order(server: Server) -> None:
    await built(server, "First")
    await built(server, "Second")
    answer = await server.get("/default/_apis/release/throttlingQueue")
    waiting = answer.json()["value"]
    assert [one["queuePosition"] for one in waiting] == [1, 2]
    assert waiting[0]["releaseId"] < waiting[1]["releaseId"]
    assert (await server.get("/default/_apis/release/flightAssignments")).json()["value"] == []


async def test_why_a_trigger_made_no_release_is_told(server: Server) -> None:
    made = await built(server)
    key = "artifactSource:_WEB-CI:9"
    async with server.database.transaction() as connection:
        await firings.RELEASES.fire(connection, made["id"], key, datetime.now(UTC))
        await firing.failed(connection, made["id"], key, "The build is gone.")
    source = "0d5c3c5b-2f0e-4c5a-9d0a-1f2e3d4c5b6a:7"
    asked = f"autotriggerissues?artifactType=build&sourceId={source}&artifactVersionId="
    (issue,) = (await server.seen(asked + "9"))["value"]
    assert issue["issue"]["message"] == "The build is gone."
    assert issue["releaseTriggerType"] == "artifactSource"
    assert issue["releaseDefinitionReference"]["id"] == made["id"]
    assert issue["project"]["name"] == "Default"
    assert (await server.seen(asked + "8"))["value"] == []
    assert (await server.seen("issues/9"))["value"] == [issue]
    assert (await server.seen("issues/9?sourceId=other"))["value"] == []
    assert (await server.project("GET", "autotriggerissues")).status_code == 400


async def test_the_artifacts_of_a_release_as_agents_take_them(server: Server) -> None:
    await built(server)
    (release,) = (await server.seen("releases"))["value"]
    (one,) = (await server.seen(f"releases/{release['id']}/agentartifacts"))["value"]
    assert (one["alias"], one["artifactType"], one["version"]) == ("_Web-CI", "build", "5")
    assert '"definition":"7"' in one["details"]
    assert (await server.project("GET", "releases/99/agentartifacts")).status_code == 404


async def test_job_tokens_cannot_be_given_other_projects(server: Server) -> None:
    path = "PipelineReleaseSettings"
    shown = await server.seen(path)
    assert (shown["enforceJobAuthScope"], shown["hasManageSettingsPermission"]) == (True, True)
    kept = await server.project("PATCH", path, json={"enforceJobAuthScope": True})
    assert (kept.status_code, kept.json()) == (200, shown)
    refused = await server.project("PATCH", path, json={"enforceJobAuthScope": False})
    assert refused.status_code == 400
    everywhere = "/default/_apis/Release/OrgPipelineReleaseSettings"
    assert (await server.get(everywhere)).json()["orgEnforceJobAuthScope"] is True
    off = {"orgEnforceJobAuthScope": "false"}
    assert (await server.ask("PATCH", everywhere, json=off)).status_code == 400
    reader = await server.user("reader", groups=("Readers",))
    for where in (f"/default/Default/_apis/Release/{path}", everywhere):
        denied = await server.ask("PATCH", where, json={}, token=reader)
        assert denied.status_code == 403

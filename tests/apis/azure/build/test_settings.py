"""Settings of the build area are kept, and do what they say (CONTRACT B.1, SEMANTICS 5.3)."""

import pytest

from tests import documents
from tests.apis.azure.build.asking import asked, definition, made
from tests.apis.azure.server import Server

GENERAL = "generalsettings"


async def test_how_long_builds_are_kept_is_one_setting_under_two_names(server: Server):
    usual = await asked(server, "GET", "retention")
    assert usual["purgeRuns"] == {"min": 1, "max": 731, "value": 30}
    wanted = {"runRetention": {"value": 90}, "artifactsRetention": {"value": 7}}
    changed = await asked(server, "PATCH", "retention", json=wanted)
    assert (changed["purgeRuns"]["value"], changed["purgeArtifacts"]["value"]) == (90, 7)
    settings = await asked(server, "GET", "settings")
    assert settings["defaultRetentionPolicy"]["daysToKeep"] == 90
    wanted = {
        "daysToKeepDeletedBuildsBeforeDestroy": 3,
        "defaultRetentionPolicy": {"minimumToKeep": 5},
        "maximumRetentionPolicy": {"daysToKeep": 100},
    }
    settings = await asked(server, "PATCH", "settings", json=wanted)
    assert settings["defaultRetentionPolicy"]["daysToKeep"] == 90
    assert settings["daysToKeepDeletedBuildsBeforeDestroy"] == 3
    found = await asked(server, "GET", "retention")
    assert found["retainRunsPerProtectedBranch"]["value"] == 5
    assert found["purgeRuns"]["max"] == 100


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("retention", {"runRetention": {"value": 0}}),
        ("retention", {"runRetention": {"value": 999}}),
        ("retention", {"artifactsRetention": {"value": "x"}}),
        ("retention", {"artifactsRetention": 7}),
        ("settings", {"maximumRetentionPolicy": {"daysToKeep": 5}}),
        ("settings", {"daysToKeepDeletedBuildsBeforeDestroy": -1}),
        ("settings", [1]),
        (GENERAL, {"enforceJobAuthScope": False}),
        (GENERAL, {"buildsEnabledForForks": True}),
        (GENERAL, {"enforceSettableVar": "perhaps"}),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(server: Server, path: str, body):
    before = await asked(server, "GET", path)
    await asked(server, "PATCH", path, 400, json=body)
    assert await asked(server, "GET", path) == before


async def test_only_administrators_change_them(server: Server):
    token = await server.user("carl", groups=("Contributors",))
    for path in ("settings", "retention", GENERAL):
        assert await asked(server, "GET", path, token=token)
        await asked(server, "PATCH", path, 403, json={}, token=token)


async def test_variables_may_be_limited_or_not(server: Server):
    web = await made(server, "Web", variables={"speed": {"value": "1"}})
    body = {"definition": {"id": web["id"]}, "parameters": '{"speed": "9"}'}
    refused = await asked(server, "POST", "builds", 400, json=body)
    assert "speed cannot be set" in refused["message"]
    changed = await asked(server, "PATCH", GENERAL, json={"enforceSettableVar": False})
    assert changed["enforceSettableVar"] is False
    await asked(server, "POST", "builds", json=body)


async def test_badges_may_be_private(server: Server):
    web = await made(server, "Web", badgeEnabled=True)
    path = f"/default/_apis/public/build/definitions/Default/{web['id']}/badge"
    assert (await server.get(path, token="")).status_code == 200
    await asked(server, "PATCH", GENERAL, json={"statusBadgesArePrivate": True})
    assert (await server.get(path, token="")).status_code == 404
    assert (await server.get("/default/Default/_apis/build/status/Web")).status_code == 200


async def test_pipelines_of_the_designer_may_be_forbidden(server: Server):
    changed = await asked(server, "PATCH", GENERAL, json={"disableClassicPipelineCreation": True})
    assert changed["disableClassicReleasePipelineCreation"] is True
    await asked(server, "POST", "definitions", 400, json=definition("Web"))
    document = documents.definition("Web CD", documents.stage("Dev"))
    assert (await server.project("POST", "definitions", json=document)).status_code == 400
    yaml = definition("Y", process={"type": 2, "yamlFilename": "a.yml"})
    await asked(server, "POST", "definitions", json=yaml)


async def test_what_is_kept_is_counted(server: Server):
    web = await made(server, "Web")
    await asked(server, "POST", "builds", json={"definition": {"id": web["id"]}})
    answer = await server.get("/default/_apis/build/retention/history")
    [sample] = answer.json()["buildRetentionSamples"]
    assert (sample["builds"], sample["definitions"], sample["files"]) == ("1", "1", "0")

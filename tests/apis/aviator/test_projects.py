"""Projects, environments, releases and figures beside the five documented calls (AVIATOR 7)."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests import documents
from tests.apis.aviator.server import COMMIT, REPOSITORY, Aviator


async def test_releases_and_their_candidates_are_listed(aviator: Aviator):
    for version in ("1.0-rc1", "1.0-rc2", "2.0-rc1"):
        await aviator.cut(version)
    listed = await aviator.in_project("GET", "/releases", params={"per_page": 1})
    [newest] = listed.json()
    assert (newest["release_version"], newest["head_commit"]) == ("2.0", COMMIT)
    assert 'rel="next"' in listed.headers["link"]
    older = (await aviator.in_project("GET", "/releases", params={"page": 2, "per_page": 1})).json()
    numbers = [one["rc_number"] for one in older[0]["candidates"]]
    assert numbers == [1, 2]
    assert (await aviator.in_project("GET", "/releases/1.0")).json() == older[0]


async def test_a_candidate_is_shown_as_it_was_cut(aviator: Aviator):
    made = (await aviator.cut("1.0-rc1")).json()
    assert (await aviator.in_project("GET", "/releases/1.0-rc1")).json() == made
    for missing in ("1.0-rc2", "2.0", "x%2fy"):
        answer = await aviator.in_project("GET", f"/releases/{missing}")
        assert (answer.status_code, answer.json()) == (404, {"error": "Release not found"})


async def test_one_deployment(aviator: Aviator):
    await aviator.cut("1.0-rc1")
    made = (await aviator.deploy("1.0-rc1")).json()
    path = f"/deployments/{made['id']}"
    assert (await aviator.here("GET", path)).json() == made
    await aviator.with_environment("staging")
    elsewhere = await aviator.in_project("GET", f"/environments/staging{path}")
    assert elsewhere.json() == {"error": "Deployment not found"}
    for wrong in ("0", "x", "9" * 30, "-1"):
        assert (await aviator.here("GET", f"/deployments/{wrong}")).status_code == 404


async def test_a_deployment_is_canceled_once(aviator: Aviator):
    await aviator.cut("1.0-rc1")
    made = (await aviator.deploy("1.0-rc1")).json()
    path = f"/deployments/{made['id']}/cancel"
    answer = await aviator.here("POST", path)
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
    assert (await aviator.here("POST", path)).status_code == 409
    assert await aviator.shown() == [("1.0-rc1", "canceled")]


async def test_a_renamed_project_keeps_what_it_released(aviator: Aviator):
    await aviator.history([("1.0-rc1", "success")])
    answer = await aviator.in_project("PATCH", "", json={"name": "web shop"})
    assert (answer.status_code, answer.json()["name"]) == (200, "web shop")
    assert (await aviator.in_project("GET", "")).status_code == 404
    path = "/web%20shop/environments/production/deployments"
    assert [one["status"] for one in (await aviator.ask("GET", path)).json()] == ["success"]
    again = await aviator.ask("PATCH", "/web%20shop", json={"name": "Web Shop"})
    assert again.json()["name"] == "Web Shop"


async def test_a_project_is_not_renamed_to_what_is_none_or_taken(aviator: Aviator):
    await aviator.ask("POST", json={"name": "Bar", "repository": REPOSITORY})
    for name in ("", "a/b", "x" * 300, 7, "bar"):
        answer = await aviator.in_project("PATCH", "", json={"name": name, "patch_reopens": True})
        assert answer.status_code in (400, 409), name
    found = (await aviator.in_project("GET", "")).json()
    assert (found["name"], found["settings"]) == ("shop", {})


async def test_a_renamed_environment_keeps_its_deployments(aviator: Aviator):
    await aviator.with_environment("staging", parent="production")
    await aviator.history([("1.0-rc1", "success")])
    assert (await aviator.here("PATCH", "", json={"name": "staging"})).status_code == 409
    answer = await aviator.here("PATCH", "", json={"name": "live"})
    assert (answer.status_code, answer.json()["name"]) == (200, "live")
    listed = await aviator.in_project("GET", "/environments/live/deployments")
    assert [one["environment_name"] for one in listed.json()] == ["live"]
    assert (await aviator.in_project("GET", "/environments/staging")).json()["parent"] == "live"


async def test_no_environment_comes_before_itself(aviator: Aviator):
    await aviator.with_environment("staging", parent="production")
    await aviator.with_environment("test", parent="staging")
    for parent in ("production", "staging", "test"):
        answer = await aviator.here("PATCH", "", json={"parent": parent})
        assert (answer.status_code, "parent" in answer.json()["error"]) == (400, True)
    assert (await aviator.here("GET", "")).json()["parent"] is None


async def test_an_environment_is_deleted_once_nothing_is_deployed_to_it(aviator: Aviator):
    await aviator.with_environment("staging", parent="production")
    await aviator.cut("1.0-rc1")
    await aviator.deploy("1.0-rc1")
    assert (await aviator.here("DELETE", "")).status_code == 409
    await aviator.report("1.0-rc1", "success")
    assert (await aviator.here("DELETE", "")).status_code == 204
    gone = await aviator.here("GET", "/deployments")
    assert (gone.status_code, gone.json()) == (404, {"error": "Release environment not found"})
    left = (await aviator.in_project("GET", "/environments")).json()
    assert [(one["name"], one["parent"]) for one in left] == [("staging", None)]
    assert (await aviator.in_project("DELETE", "/environments/staging")).status_code == 204
    await aviator.with_environment("production")
    assert await aviator.listed() == []


async def test_no_change_made_at_the_same_moment_is_lost(aviator: Aviator):
    """Each sets something else; all of it is set at the end."""
    of_project = {"patch_reopens": True, "verification_label": "a", "verified_label": "b"}
    of_environment = {"deploy_after_build": True, "hold_after_rollback": True, "tier": "staging"}
    answers = await asyncio.gather(
        *(aviator.in_project("PATCH", "", json={key: of_project[key]}) for key in of_project),
        *(aviator.here("PATCH", "", json={key: of_environment[key]}) for key in of_environment),
    )
    assert {one.status_code for one in answers} == {200}
    assert (await aviator.in_project("GET", "")).json()["settings"].items() >= of_project.items()
    found = (await aviator.here("GET", "")).json()
    settings = {key: value for key, value in of_environment.items() if key != "tier"}
    assert found["settings"].items() >= settings.items()
    assert found["tier"] == "staging"


async def test_an_environment_shows_a_freeze_of_any_level_while_it_lasts(aviator: Aviator):
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    planned = await aviator.here("PUT", "/freeze", json={"reason": "Sale", "from": later})
    assert planned.json()["frozen"] is False
    await aviator.azure.made(
        "freezes?api-version=7.1", {"scope": "organization", "reason": "Christmas"}
    )
    assert (await aviator.here("GET", "")).json()["frozen"] is True
    listed = (await aviator.in_project("GET", "/environments")).json()
    assert [one["frozen"] for one in listed] == [True]


async def test_whatever_can_be_asked_for_by_name_is_listed(aviator: Aviator):
    for name in ("plain", "twin"):
        document = documents.definition(name, documents.stage("Dev"))
        await aviator.azure.made("definitions?api-version=7.1", document)
    twin = documents.definition("twin", documents.stage("Dev"), path="\\folder")
    await aviator.azure.made("definitions?api-version=7.1", twin)
    listed = (await aviator.ask("GET")).json()
    assert [(one["name"], one["repository"]) for one in listed] == [
        ("plain", None),
        ("shop", REPOSITORY),
    ]
    assert (await aviator.ask("GET", "/twin")).status_code == 404
    second = await aviator.ask("GET", params={"page": 2, "per_page": 1})
    assert [one["name"] for one in second.json()] == ["shop"]
    assert 'rel="prev"' in second.headers["link"]


async def test_figures_of_each_environment(aviator: Aviator):
    await aviator.with_environment("staging")
    rows = [("1.0-rc1", "success"), ("1.1-rc1", "failure"), ("1.2-rc1", "error")]
    await aviator.history([*rows, ("1.3-rc1", "success"), ("1.4-rc1", "canceled")])
    await aviator.roll_back()
    await aviator.report("1.3-rc1", "success")
    found = (await aviator.in_project("GET", "/metrics")).json()
    production, staging = found["environments"]
    assert (production["deployments"], production["succeeded"]) == (5, 3)
    assert (production["failed"], production["change_failure_rate"]) == (2, 0.4)
    assert production["deployment_frequency_per_day"] == 0.1
    assert production["lead_time_seconds"] >= 0
    assert production["time_to_restore_seconds"] > 0
    assert (staging["deployments"], staging["change_failure_rate"]) == (0, None)
    past = {"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z"}
    before = (await aviator.in_project("GET", "/metrics", params=past)).json()
    assert [one["deployments"] for one in before["environments"]] == [0, 0]


async def test_a_success_that_was_rolled_back_counts_as_a_failure(aviator: Aviator):
    await aviator.history([("1.0-rc1", "success"), ("1.1-rc1", "success")])
    await aviator.roll_back()
    await aviator.report("1.0-rc1", "success")
    found = (await aviator.in_project("GET", "/metrics")).json()["environments"][0]
    assert (found["succeeded"], found["failed"]) == (3, 1)


async def test_a_span_that_is_none(aviator: Aviator):
    for span in (
        {"from": "soon"},
        {"to": "2026-01-01T00:00:00"},
        {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
    ):
        answer = await aviator.in_project("GET", "/metrics", params=span)
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("Invalid ")


SETTINGS_THAT_ARE_NONE: list[dict[str, Any]] = [
    {"source_url": "https://ann:secret@example.org/x.git"},
    {"source_url": "relative/path"},
    {"source_url": "ftp://example.org/x.git"},
    {"source_url": "https://exa mple.org:port/x\u0000"},
    {"source_connection": "nobody"},
    {"source_url": 5},
    {"source_url": "x" * 3000},
]


async def test_settings_are_checked_alike_at_the_start_and_later(aviator: Aviator):
    new = {"name": "web", "repository": REPOSITORY}
    for settings in SETTINGS_THAT_ARE_NONE:
        answer = await aviator.ask("POST", json={**new, **settings})
        later = await aviator.in_project("PATCH", "", json=settings)
        assert (answer.status_code, later.status_code) == (400, 400), settings
        assert answer.json() == later.json()
        assert "secret" not in answer.text
    assert (await aviator.ask("GET", "/web")).status_code == 404


async def test_settings_are_taken_at_the_start(empty: Aviator, tmp_path: Path):
    new = {"name": "shop", "repository": REPOSITORY, "source_url": str(tmp_path)}
    made = await empty.ask("POST", json={**new, "patch_reopens": True})
    assert made.json()["settings"] == {"source_url": str(tmp_path), "patch_reopens": True}

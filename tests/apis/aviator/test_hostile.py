"""Whatever is sent to this contract: its own answer, never a failure of the product."""

import json
from typing import Any

from quaymaster.actions.call import Call
from quaymaster.actions.candidates import following_builds
from quaymaster.domain.release import ReleaseId
from tests import documents
from tests.apis.aviator.server import COMMIT, REPOSITORY, Aviator
from tests.apis.aviator.test_stories import release

NASTY: list[Any] = [
    "a\u0000b",
    "\ud800",
    "x" * 100_000,
    "'; DROP TABLE releases; --",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    -1,
    2**62,
    [],
    {},
    None,
]
AS_JSON = {"Content-Type": "application/json"}
ROUTES = [
    ("POST", "", ("name", "repository", "team_project", "source_url", "file_paths")),
    ("PATCH", "/shop", ("name", "source_url", "source_connection", "patch_reopens", "file_paths")),
    ("PATCH", "/shop", ("scheduled_cut", "verification_label", "verified_label", "build_method")),
    ("POST", "/shop/environments", ("name", "tier", "parent", "deployment_method")),
    ("PATCH", "/shop/environments/production", ("name", "tier", "parent", "deploy_after_build")),
    (
        "PUT",
        "/shop/environments/production/freeze",
        ("reason", "from", "until", "cron", "duration_minutes", "time_zone", "kind", "running"),
    ),
    ("POST", "/shop/releases/2.0-rc1", ("repo", "commit", "trigger_build_workflow")),
    ("PUT", "/shop/releases/1.0-rc1/quarantine", ("reason",)),
    ("PUT", "/shop/releases/1.0-rc1/verifications/1", ("comment",)),
    (
        "POST",
        "/shop/releases/1.0/cherry_picks",
        ("commits", "pull_requests", "newer", "without"),
    ),
    (
        "POST",
        "/shop/environments/production/deployments",
        ("release_candidate_version", "bypass_verification"),
    ),
    (
        "PATCH",
        "/shop/environments/production/deployments",
        ("release_candidate_version", "status", "error_message"),
    ),
    (
        "POST",
        "/shop/environments/production/rollback",
        ("force", "comment", "release_candidate_version"),
    ),
    ("POST", "/shop/webhooks", ("url", "actions", "key", "environment")),
]
GOOD: dict[str, Any] = {
    "name": "other",
    "repository": REPOSITORY,
    "repo": REPOSITORY,
    "commit": COMMIT,
    "reason": "Because.",
    "release_candidate_version": "1.0-rc1",
    "status": "failure",
    "url": "https://example.org/hook",
}


async def test_no_value_breaks_a_request(aviator: Aviator):
    await aviator.cut("1.0-rc1")
    broken = []
    for method, path, fields in ROUTES:
        known = set(fields) | ({"name", "repository"} if not path else set())
        for field in fields:
            for value in NASTY:
                good = {key: GOOD[key] for key in known - {field, "name"} if key in GOOD}
                content = json.dumps({**good, field: value}).encode()
                answer = await aviator.ask(method, path, content=content, headers=AS_JSON)
                if answer.status_code >= 500 or (
                    answer.status_code >= 400 and set(answer.json()) != {"error"}
                ):
                    broken.append((path, field, str(value)[:40], answer.text))
    assert broken == []
    assert (await aviator.ask("GET", "/shop/environments/production")).status_code == 200


async def test_the_ends_of_time(aviator: Aviator):
    for at in ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"):
        for bound in ("from", "to"):
            answer = await aviator.in_project("GET", "/metrics", params={bound: at})
            assert answer.status_code == 400, answer.text


async def test_a_definition_without_a_repository_has_no_candidates_to_cut(aviator: Aviator):
    document = documents.definition("plain", documents.stage("Dev"))
    await aviator.azure.made("definitions?api-version=7.1", document)
    body = {"repo": "", "commit": COMMIT}
    answer = await aviator.ask("POST", "/plain/releases/1.0-rc1", json=body)
    assert (answer.status_code, answer.json()) == (404, {"error": "GitHub repository not found"})


async def test_what_would_deploy_by_itself_waits_while_an_environment_is_held(aviator: Aviator):
    await aviator.history([("1.0-rc1", "success"), ("1.1-rc1", "success")])
    await aviator.roll_back()
    await aviator.report("1.0-rc1", "success")
    await aviator.here("PATCH", "", json={"deploy_after_build": True})
    made = ReleaseId(int((await aviator.cut("1.2-rc1")).json()["id"]))
    assert await following_builds.deploy(Call(aviator.azure.installation), made) == 1
    shown = (await release(aviator, "1.2-rc1"))["environments"][0]
    assert shown["status"] == "scheduled"
    assert (await aviator.here("POST", "/resume")).status_code == 200


async def test_the_changelogs_of_many_projects_are_not_asked_for_at_once(aviator: Aviator):
    for number in range(12):
        await aviator.ask("POST", json={"name": f"p{number}", "repository": REPOSITORY})
    text = "{ releaseProjects(first: 50) { nodes { changelog { message } } } }"
    answer = await aviator.azure.ask("POST", "/graphql", json={"query": text})
    said = {error["message"] for error in answer.json()["errors"]}
    assert any("changelogs" in one for one in said), said

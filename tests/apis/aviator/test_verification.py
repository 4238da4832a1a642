"""Pull requests that somebody has to vouch for before they are deployed (AVIATOR 1, 7)."""

import hmac
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.candidates import following_builds
from quaymaster.actions.deployments import explaining
from quaymaster.actions.repositories import changelogs
from quaymaster.domain.reasons import ReasonKind
from quaymaster.domain.release import ReleaseId, StageId
from tests import gits
from tests.apis.aviator.server import Aviator
from tests.apis.aviator.test_repositories import connected
from tests.apis.aviator.test_stories import release

__all__ = ["connected"]
SECRET = "a-secret-of-the-webhook"
REFUSED = {"error": "Pull requests are not verified"}


@pytest.fixture
async def shop(connected: Aviator, tmp_path: Path) -> tuple[Aviator, Path]:
    """1.0 runs in production; 1.1 brings pull requests 12 and 13."""
    place = tmp_path / "shop"
    await connected.cut("1.0-rc1", commit=gits.commit(place, "a.txt", "one", "Add a (#11)"))
    await connected.report("1.0-rc1", "success")
    gits.commit(place, "b.txt", "two", "Merge pull request #12 from acme/b\n\nAdd b")
    last = gits.commit(place, "c.txt", "three", "Add c (#13)")
    await connected.cut("1.1-rc1", commit=last)
    answer = await connected.here("PATCH", "", json={"require_verification": True})
    assert answer.status_code == 200, answer.text
    return connected, place


async def verify(aviator: Aviator, number: object, version: str = "1.1-rc1", **body: Any) -> int:
    path = f"/releases/{version}/verifications/{number}"
    return (await aviator.in_project("PUT", path, json=body)).status_code


async def unverified(aviator: Aviator, version: str = "1.1-rc1") -> list[int]:
    answer = await aviator.in_project("GET", f"/releases/{version}/verifications")
    return [one["number"] for one in answer.json() if not one["verified"]]


async def test_each_pull_request_has_to_be_verified(shop: tuple[Aviator, Path]):
    aviator, _place = shop
    assert await unverified(aviator) == [12, 13]
    answer = await aviator.deploy("1.1-rc1")
    assert (answer.status_code, answer.json()) == (400, REFUSED)
    assert await verify(aviator, 12, comment="Tried the cart.") == 200
    assert (await aviator.deploy("1.1-rc1")).json() == REFUSED
    assert await verify(aviator, 13) == 200
    assert await unverified(aviator) == []
    assert (await aviator.deploy("1.1-rc1")).status_code == 201
    assert (await aviator.deploy("1.0-rc1")).status_code == 201


async def test_vouching_again_changes_nothing(shop: tuple[Aviator, Path]):
    aviator, _place = shop
    other = await aviator.azure.user("carl", "vso.full", groups=("Contributors",))
    path = "/releases/1.1-rc1/verifications/12"
    for token in (None, None, other):
        body = {"comment": "Tried the cart."}
        answer = await aviator.in_project("PUT", path, json=body, token=token)
        assert answer.status_code == 200, answer.text
    number = (await release(aviator, "1.1-rc1"))["id"]
    async with aviator.database.read() as connection:
        kept = await connection.fetch(
            "SELECT by, comment FROM history WHERE release_id = $1"
            " AND kind = 'PullRequestVerified'",
            number,
        )
    assert [tuple(one) for one in kept] == [(await aviator.azure.me(), "#12 Tried the cart.")]


async def test_what_was_not_told_when_the_candidate_was_cut_can_be_verified(
    shop: tuple[Aviator, Path],
):
    """The repository was away or took too long; all that is demanded can be done."""
    aviator, place = shop
    async with aviator.database.transaction() as connection:
        await connection.execute("DELETE FROM release_pull_requests")
    assert (await aviator.deploy("1.1-rc1")).json() == REFUSED
    assert await verify(aviator, 77) == 404
    for number in (12, 13):
        assert await verify(aviator, number) == 200
    assert (await aviator.deploy("1.1-rc1")).status_code == 201
    path = "/releases/1.1-rc1/verifications/12"
    assert (await aviator.in_project("DELETE", path)).status_code == 204
    place.rename(place.with_name("moved"))
    assert await verify(aviator, 12) == 404


async def test_what_is_withdrawn_counts_no_longer(shop: tuple[Aviator, Path]):
    aviator, _place = shop
    for number in (12, 13):
        await verify(aviator, number)
    path = "/releases/1.1-rc1/verifications/13"
    assert (await aviator.in_project("DELETE", path)).status_code == 204
    assert (await aviator.deploy("1.1-rc1")).json() == REFUSED
    assert (await aviator.in_project("DELETE", path)).status_code == 404


async def test_a_bypass_says_why_and_is_kept(shop: tuple[Aviator, Path]):
    aviator, _place = shop
    body = {"release_candidate_version": "1.1-rc1", "bypass_verification": "  "}
    assert (await aviator.here("POST", "/deployments", json=body)).json() == REFUSED
    body["bypass_verification"] = "The shop is down."
    assert (await aviator.here("POST", "/deployments", json=body)).status_code == 201
    number = (await release(aviator, "1.1-rc1"))["id"]
    async with aviator.database.read() as connection:
        [entry] = await connection.fetch(
            "SELECT by, comment, details FROM history"
            " WHERE release_id = $1 AND kind = 'VerificationBypassed'",
            number,
        )
    assert entry["comment"] == "The shop is down."
    assert entry["by"] == await aviator.azure.me()
    assert json.loads(entry["details"]) == {"pull_requests": "#12 #13"}


async def start(aviator: Aviator, version: str, **more: Any) -> httpx.Response:
    """Ask for the deployment by the other dialect."""
    body = {"status": "inProgress", **more}
    return await aviator.azure.project("PATCH", await stage_of(aviator, version), json=body)


async def stage_of(aviator: Aviator, version: str) -> str:
    shown = await release(aviator, version)
    stage = shown["environments"][0]["id"]
    return f"releases/{shown['id']}/environments/{stage}?api-version=7.1"


async def explained(aviator: Aviator, version: str) -> list[str]:
    shown = await release(aviator, version)
    stage = StageId(shown["environments"][0]["id"])
    call = Call(aviator.azure.installation, caller=None)
    found = await explaining.reasons(call, ReleaseId(shown["id"]), stage)
    return [one.text for one in found.reasons if one.kind is ReasonKind.VERIFICATION]


async def test_verification_binds_the_other_dialect(shop: tuple[Aviator, Path]):
    """What it refuses it explains, and what was vouched for or bypassed starts."""
    aviator, _place = shop
    said = "Only verified pull requests are deployed here: nobody has verified #12, #13."
    answer = await start(aviator, "1.1-rc1")
    assert (answer.status_code, answer.json()["message"]) == (400, said)
    assert answer.json()["typeKey"] == "InvalidRequestException"
    assert (await release(aviator, "1.1-rc1"))["environments"][0]["status"] == "notStarted"
    assert await explained(aviator, "1.1-rc1") == [said]
    blank = await start(aviator, "1.1-rc1", verificationBypassReason=" \t")
    assert blank.json()["message"] == said
    for number in (12, 13):
        await verify(aviator, number)
    assert await explained(aviator, "1.1-rc1") == []
    assert (await start(aviator, "1.1-rc1")).status_code == 200


async def test_the_other_dialect_bypasses_with_a_reason(shop: tuple[Aviator, Path]):
    aviator, _place = shop
    answer = await start(aviator, "1.1-rc1", verificationBypassReason="The shop is down.")
    assert answer.status_code == 200, answer.text
    assert await bypasses(aviator, "1.1-rc1") == [("The shop is down.", "#12 #13")]


async def bypasses(aviator: Aviator, version: str) -> list[tuple[str, str]]:
    number = (await release(aviator, version))["id"]
    async with aviator.database.read() as connection:
        found = await connection.fetch(
            "SELECT comment, details FROM history"
            " WHERE release_id = $1 AND kind = 'VerificationBypassed'",
            number,
        )
    return [(one["comment"], json.loads(one["details"])["pull_requests"]) for one in found]


async def test_a_connection_that_is_gone_hides_no_freeze_and_stops_no_bypass(
    shop: tuple[Aviator, Path],
):
    aviator, _place = shop
    async with aviator.database.transaction() as connection:
        await connection.execute(
            "UPDATE repository_definitions SET settings ="
            """ (settings::jsonb || '{"source_connection": "Gone"}')::json"""
        )
    assert (await aviator.deploy("1.1-rc1")).json() == REFUSED
    [said] = await explained(aviator, "1.1-rc1")
    assert "The repository cannot be asked: " in said
    body = {"release_candidate_version": "1.1-rc1", "bypass_verification": "The shop is down."}
    await aviator.here("PUT", "/freeze", json={"reason": "Christmas"})
    frozen = await aviator.here("POST", "/deployments", json=body)
    assert (frozen.status_code, frozen.json()) == (400, {"error": "Environment is frozen"})
    await aviator.here("DELETE", "/freeze")
    assert (await aviator.here("POST", "/deployments", json=body)).status_code == 201


async def test_where_nothing_ran_all_from_the_first_candidate_on_counts(
    shop: tuple[Aviator, Path],
):
    aviator, place = shop
    body = {"name": "other", "require_verification": True}
    assert (await aviator.in_project("POST", "/environments", json=body)).status_code == 201
    last = gits.commit(place, "d.txt", "four", "Add d (#14)")
    await aviator.cut("1.2-rc1", commit=last)
    wanted = {"release_candidate_version": "1.2-rc1"}
    path = "/environments/other/deployments"
    assert (await aviator.in_project("POST", path, json=wanted)).json() == REFUSED
    await verify(aviator, 14, version="1.2-rc1")
    assert (await aviator.in_project("POST", path, json=wanted)).json() == REFUSED
    for number in (12, 13):
        await verify(aviator, number)
    assert (await aviator.in_project("POST", path, json=wanted)).json() == REFUSED
    await verify(aviator, 11, version="1.0-rc1")
    assert (await aviator.in_project("POST", path, json=wanted)).status_code == 201


async def test_no_commit_is_left_out_however_many_there_are(
    shop: tuple[Aviator, Path], monkeypatch: pytest.MonkeyPatch
):
    aviator, _place = shop
    for number in (12, 13):
        await verify(aviator, number)
    monkeypatch.setattr(changelogs, "MOST_COMMITS", 1)
    monkeypatch.setattr(changelogs, "MOST_LOOKED_THROUGH", 1)
    assert (await aviator.deploy("1.1-rc1")).json() == REFUSED
    [said] = await explained(aviator, "1.1-rc1")
    assert "has more than 1 commits that" in said
    monkeypatch.setattr(changelogs, "MOST_LOOKED_THROUGH", 2)
    assert (await aviator.deploy("1.1-rc1")).status_code == 201


async def test_what_runs_is_found_by_a_short_id_or_nothing_is_known(shop: tuple[Aviator, Path]):
    aviator, _place = shop
    shown = (await aviator.in_project("GET", "/releases/1.0-rc1")).json()
    for cut_as, said in (
        (shown["commit"][:8], "nobody has verified #12, #13."),
        ("f" * 40, "The repository cannot be asked: The repository has no commit " + "f" * 40),
    ):
        async with aviator.database.transaction() as connection:
            await connection.execute(
                "UPDATE releases SET artifacts = replace(artifacts::text, $2, $3)::json"
                " WHERE id = $1",
                int(shown["id"]),
                shown["commit"],
                cut_as,
            )
        shown["commit"] = cut_as
        [found] = await explained(aviator, "1.1-rc1")
        assert said in found


async def test_bypassing_needs_a_permission_of_its_own(shop: tuple[Aviator, Path]):
    aviator, _place = shop
    token = await aviator.azure.user("carl", "vso.full", groups=("Contributors",))
    body = {"release_candidate_version": "1.1-rc1", "bypass_verification": "Hurry."}
    answer = await aviator.here("POST", "/deployments", json=body, token=token)
    assert (answer.status_code, answer.json()) == (403, {"error": "Forbidden"})
    path = await stage_of(aviator, "1.1-rc1")
    other = {"status": "inProgress", "verificationBypassReason": "Hurry."}
    answer = await aviator.azure.project("PATCH", path, json=other, token=token)
    assert answer.status_code == 403
    assert "bypass verification" in answer.json()["message"]
    assert await bypasses(aviator, "1.1-rc1") == []


async def test_verification_binds_what_is_deployed_by_itself(shop: tuple[Aviator, Path]):
    aviator, place = shop
    await aviator.here("PATCH", "", json={"deploy_after_build": True})
    last = gits.commit(place, "d.txt", "four", "Add d (#14)")
    made = ReleaseId(int((await aviator.cut("1.2-rc1", commit=last)).json()["id"]))
    assert await following_builds.deploy(Call(aviator.azure.installation), made) == 0
    assert (await release(aviator, "1.2-rc1"))["environments"][0]["status"] == "notStarted"
    for number in (12, 13, 14):
        await verify(aviator, number, version="1.2-rc1")
    assert await explained(aviator, "1.2-rc1") == []


async def test_reports_and_rollbacks_need_no_verification(shop: tuple[Aviator, Path]):
    aviator, _place = shop
    assert (await aviator.report("1.1-rc1", "failure")).status_code == 200
    assert (await aviator.roll_back()).status_code == 201


async def test_an_environment_may_require_it_from_the_start(empty: Aviator):
    made = await empty.made(require_verification=True, rollback_on_failure=True)
    shown = (await made.here("GET", "")).json()["settings"]
    assert shown == {"require_verification": True, "rollback_on_failure": True}
    await made.cut("1.0-rc1")
    assert (await made.deploy("1.0-rc1")).json() == REFUSED
    body = {"name": "other", "require_verification": "yes"}
    answer = await made.in_project("POST", "/environments", json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": "Invalid require_verification"})


async def test_graphql_takes_a_bypass_as_rest_does(shop: tuple[Aviator, Path]):
    aviator, _place = shop
    text = """mutation ($input: CreateDeploymentInput!) {
      createDeployment(input: $input) { deployment { status } } }"""
    place = {"project": "shop", "environment": "production", "releaseCandidateVersion": "1.1-rc1"}
    for why, said in (("", REFUSED["error"]), ("x" * 2001, "Invalid bypassVerification")):
        wanted = {"query": text, "variables": {"input": {**place, "bypassVerification": why}}}
        answer = await aviator.azure.ask("POST", "/graphql", json=wanted)
        assert answer.json()["errors"][0]["message"] == said
    assert (await aviator.shown()) == [("1.0-rc1", "success")]


async def test_without_a_repository_nobody_can_know(aviator: Aviator):
    await aviator.here("PATCH", "", json={"require_verification": True})
    await aviator.cut("1.0-rc1")
    assert (await aviator.deploy("1.0-rc1")).json() == REFUSED


async def hook(aviator: Aviator) -> None:
    body = {
        "name": "Shop",
        "type": "incomingwebhook",
        "url": "",
        "authorization": {
            "scheme": "None",
            "parameters": {"webhookname": "shop", "secret": SECRET},
        },
        "data": {},
    }
    path = "/default/Default/_apis/serviceendpoint/endpoints"
    assert (await aviator.azure.ask("POST", path, json=body)).status_code == 200


async def deliver(aviator: Aviator, body: Any, **headers: str) -> int:
    content = json.dumps(body).encode()
    signed = hmac.new(SECRET.encode(), content, "sha256").hexdigest()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {name: value.replace("SIGNED", signed) for name, value in sent.items()}
    path = "/default/_apis/public/distributedtask/webhooks/shop"
    answer = await aviator.azure.ask("POST", path, token="", content=content, headers=sent)
    return answer.status_code


def told(place: Path, *labels: str) -> dict[str, Any]:
    """What GitHub and Gitea tell of a merged pull request."""
    return {
        "action": "labeled",
        "number": 13,
        "pull_request": {
            "number": 13,
            "title": "Add c, at last",
            "html_url": "https://github.com/acme/shop/pull/13",
            "merged": True,
            "merge_commit_sha": gits.head(place, "main"),
            "labels": [{"name": label} for label in labels],
            "user": {"login": "ann"},
        },
        "repository": {"clone_url": "https://github.com/acme/shop.git"},
        "sender": {"login": "bea"},
    }


def told_by_gitlab(place: Path, *labels: str) -> dict[str, Any]:
    return {
        "object_kind": "merge_request",
        "user": {"username": "bea"},
        "project": {"git_http_url": "https://gitlab.com/acme/shop.git"},
        "object_attributes": {
            "iid": 13,
            "title": "Add c, at last",
            "url": "https://gitlab.com/acme/shop/-/merge_requests/13",
            "state": "merged",
            "action": "update",
            "merge_commit_sha": gits.head(place, "main"),
            "last_commit": {"id": gits.head(place, "main"), "author": {"name": "ann"}},
            "target_branch": "main",
        },
        "labels": [{"title": label} for label in labels],
    }


SENDERS = {
    "github": (told, {"X_GitHub_Event": "pull_request", "X_Hub_Signature_256": "sha256=SIGNED"}),
    "gitea": (told, {"X_Gitea_Event": "pull_request_label", "X_Gitea_Signature": "SIGNED"}),
    "gitlab": (told_by_gitlab, {"X_Gitlab_Event": "Merge Request Hook", "X_Gitlab_Token": SECRET}),
}


@pytest.mark.parametrize("sender", SENDERS)
async def test_labels_that_the_repository_tells_decide(shop: tuple[Aviator, Path], sender: str):
    """Pull requests need verification that bear one label, and have it that bear another."""
    aviator, place = shop
    await hook(aviator)
    labels = {"verification_label": "av/verify", "verified_label": "av/verified"}
    assert (await aviator.in_project("PATCH", "", json=labels)).status_code == 200
    write, headers = SENDERS[sender]
    await verify(aviator, 12)
    assert (await aviator.deploy("1.1-rc1")).json() == REFUSED  # nobody told of 13's labels
    assert await deliver(aviator, write(place, "av/verify", "bug"), **headers) == 200
    assert (await aviator.deploy("1.1-rc1")).json() == REFUSED
    assert await deliver(aviator, write(place, "av/verify", "av/verified"), **headers) == 200
    assert (await aviator.deploy("1.1-rc1")).status_code == 201
    assert await deliver(aviator, write(place, "bug"), **headers) == 200
    assert (await aviator.deploy("1.1-rc1")).status_code == 201
    forged = dict.fromkeys(headers, "x")
    assert await deliver(aviator, write(place, "av/verify"), **forged) == 401


async def test_a_repository_of_a_server_of_ones_own_is_told_of_by_its_name_there(
    shop: tuple[Aviator, Path],
):
    """And what the repository of the same name at a public server tells is not about it."""
    aviator, place = shop
    await hook(aviator)
    forge = {
        "name": "Forge",
        "type": "gitea",
        "url": "https://git.example.com/forge",
        "authorization": {"scheme": "Token", "parameters": {"apitoken": "a-token"}},
        "data": {},
    }
    endpoints = "/default/Default/_apis/serviceendpoint/endpoints"
    assert (await aviator.azure.ask("POST", endpoints, json=forge)).status_code == 200
    settings = {"source_connection": "Forge", "verified_label": "av/verified"}
    assert (await aviator.in_project("PATCH", "", json=settings)).status_code == 200
    await verify(aviator, 12)
    write, headers = SENDERS["gitea"]
    body = write(place, "av/verified")
    assert await deliver(aviator, body, **headers) == 200
    assert (await aviator.deploy("1.1-rc1")).json() == REFUSED
    body["repository"] = {"clone_url": "https://git.example.com:3000/forge/Acme/Shop.git"}
    assert await deliver(aviator, body, **headers) == 200
    assert (await aviator.deploy("1.1-rc1")).status_code == 201


async def test_only_pull_requests_that_are_known_can_be_verified(shop: tuple[Aviator, Path]):
    aviator, place = shop
    assert await verify(aviator, 77) == 404
    await hook(aviator)
    write, headers = SENDERS["github"]
    body = write(place)
    body["pull_request"] = {**body["pull_request"], "number": 77}
    assert await deliver(aviator, body, **headers) == 200
    assert await verify(aviator, 77) == 200
    for wrong in ("x", "0", "9" * 30):
        assert await verify(aviator, wrong) == 404
    assert await verify(aviator, 77, version="9.9-rc9") == 404
    reader = await aviator.azure.user("rita", groups=("Readers",))
    path = "/releases/1.1-rc1/verifications/12"
    answer = await aviator.in_project("PUT", path, json={}, token=reader)
    assert answer.status_code == 403


async def test_graphql_shows_what_a_candidate_is_made_of(shop: tuple[Aviator, Path]):
    aviator, place = shop
    await hook(aviator)
    write, headers = SENDERS["github"]
    await deliver(aviator, write(place, "bug"), **headers)
    await verify(aviator, 13)
    text = """{ releaseProject(name: "shop") {
      release(version: "1.1") { latestCandidate { pullRequests { number title verified } } }
      changelog(from: "1.0-rc1", to: "1.1-rc1") { commitSha message pullRequest { number } } }
      githubRepository(owner: "acme", name: "shop") {
        pullRequest(number: 13) { title verified verifiedBy labels }
        other: pullRequest(number: 99) { title } } }"""
    answer = await aviator.azure.ask("POST", "/graphql", json={"query": text})
    assert "errors" not in answer.json(), answer.text
    found = answer.json()["data"]
    assert found["releaseProject"]["release"]["latestCandidate"]["pullRequests"] == [
        {"number": 12, "title": "Merge pull request #12 from acme/b", "verified": False},
        {"number": 13, "title": "Add c (#13)", "verified": True},
    ]
    changes = found["releaseProject"]["changelog"]
    assert [one["pullRequest"]["number"] for one in changes] == [13, 12]
    assert changes[0]["commitSha"] == gits.head(place, "main")
    shown = found["githubRepository"]
    assert (shown["pullRequest"]["verified"], shown["other"]) == (True, None)


async def test_graphql_picks_as_rest_does(shop: tuple[Aviator, Path]):
    aviator, place = shop
    fix = gits.commit(place, "fix.txt", "fixed")
    text = """mutation ($input: CherryPickInput!) { cherryPick(input: $input) {
      cherryPicks { version status commits branch candidate { version } } } }"""
    wanted = {"project": "shop", "version": "1.1", "commits": [fix]}
    answer = await aviator.azure.ask(
        "POST", "/graphql", json={"query": text, "variables": {"input": wanted}}
    )
    assert "errors" not in answer.json(), answer.text
    assert answer.json()["data"]["cherryPick"]["cherryPicks"] == [
        {
            "version": "1.1",
            "status": "IN_PROGRESS",
            "commits": [fix],
            "branch": "release/1.1",
            "candidate": None,
        }
    ]
    listed = (await aviator.in_project("GET", "/releases/1.1/cherry_picks")).json()
    assert [one["status"] for one in listed] == ["in_progress"]

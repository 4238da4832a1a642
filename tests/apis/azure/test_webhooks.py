"""Incoming webhooks: who may deliver, each delivery once, and that pushes make releases."""

import asyncio
import base64
import hmac
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.releases import artifact_events
from quaymaster.actions.triggers import pushes
from tests.apis.azure.server import Server
from tests.connectors.far_side import answering, far_side
from tests.documents import definition, git_artifact, stage
from tests.vectors import shared_folder

SECRET = "a-secret-of-the-webhook"
PATH = "/default/_apis/public/distributedtask/webhooks"
COMMIT = "c" * 40
URL = "https://git.example/acme/shop.git"


async def hook(server: Server, name: str = "shop", **parameters: str) -> None:
    body = {
        "name": f"Hook {name}",
        "type": "incomingwebhook",
        "url": "",
        "authorization": {
            "scheme": "None",
            "parameters": {"webhookname": name, "secret": SECRET, **parameters},
        },
        "data": {},
    }
    made = await server.ask("POST", "/default/Default/_apis/serviceendpoint/endpoints", json=body)
    assert made.status_code == 200, made.text
    assert SECRET not in made.text


def github_push(ref: str = "refs/heads/main", after: str = COMMIT) -> dict[str, Any]:
    return {
        "ref": ref,
        "before": "b" * 40,
        "after": after,
        "repository": {"clone_url": URL, "default_branch": "main"},
        "pusher": {"name": "ann"},
        "commits": [{"added": ["a.txt"], "modified": [], "removed": []}],
    }


def signature(body: bytes, secret: str = SECRET, algorithm: str = "sha256") -> str:
    return f"{algorithm}={hmac.new(secret.encode(), body, algorithm).hexdigest()}"


async def deliver(
    server: Server, body: Any, name: str = "shop", signed: bytes | None = None, **headers: str
) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if not headers:
        sent = {
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": "d1",
            "X-Hub-Signature-256": signature(content if signed is None else signed),
        }
    return await server.ask("POST", f"{PATH}/{name}", token="", content=content, headers=sent)


async def kept(server: Server) -> list[dict[str, Any]]:
    async with server.database.read() as connection:
        rows = await connection.fetch("SELECT push FROM pushes ORDER BY id")
    return [json.loads(row["push"]) for row in rows]


async def deliveries(server: Server) -> int:
    async with server.database.read() as connection:
        found: int = await connection.fetchval("SELECT count(*) FROM webhook_deliveries")
    return found


async def test_the_same_delivery_five_times_is_kept_once(server: Server):
    await hook(server)
    answers = [await deliver(server, github_push()) for _ in range(5)]
    assert [answer.json()["isNew"] for answer in answers] == [True, False, False, False, False]
    (push,) = await kept(server)
    assert push["repositories"] == ["git.example/acme/shop"]
    assert (push["ref"], push["commit"], push["by"]) == ("refs/heads/main", COMMIT, "ann")
    assert push["paths"] == ["a.txt"]


async def test_sources_deliver_to_the_address_of_releases_by_name_or_id(server: Server):
    await hook(server)
    listed = await server.get("/default/Default/_apis/serviceendpoint/endpoints")
    body = json.dumps(github_push()).encode()
    headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": "d1"}
    signed = {**headers, "X-Hub-Signature-256": signature(body)}
    address = "/default/_apis/public/Release/receiveExternalEvent"
    for name, new in ((listed.json()["value"][0]["id"].upper(), True), ("SHOP", False)):
        path = f"{address}/{name}"
        answer = await server.ask("POST", path, token="", content=body, headers=signed)
        assert (answer.status_code, answer.json()["isNew"]) == (200, new), name
        stranger = await server.ask("POST", path, token="", content=body, headers=headers)
        assert stranger.status_code == 401
    assert await deliveries(server) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Hub_Signature_256": "sha256=" + "0" * 64},
        {"X_Hub_Signature_256": signature(b"{}")},
        {"X_Hub_Signature_256": "sha256="},
        {"X_Hub_Signature_256": "ä"},
        {"X_Gitlab_Token": "wrong"},
        {"Authorization": "Basic " + base64.b64encode(b"x:wrong").decode()},
        {"Authorization": "Basic ???"},
        {"X_GitHub_Event": "push"},
    ],
)
async def test_a_bad_signature_is_refused_with_a_sentence_and_nothing_is_kept(
    server: Server, headers: dict[str, str]
):
    await hook(server)
    encoded = {k.replace("_", "-"): v.encode("latin-1") for k, v in headers.items()}
    body = json.dumps(github_push()).encode()
    answer = await server.ask("POST", f"{PATH}/shop", token="", content=body, headers=encoded)
    assert answer.status_code == 401
    assert "nothing was kept" in answer.json()["message"]
    assert (await kept(server), await deliveries(server)) == ([], 0)


async def test_a_body_changed_on_the_way_and_an_unknown_webhook_are_refused_alike(server: Server):
    await hook(server)
    signed = json.dumps(github_push()).encode()
    changed = await deliver(server, signed.replace(b"main", b"evil"), signed=signed)
    unknown = await deliver(server, github_push(), name="other")
    assert changed.status_code == unknown.status_code == 401
    assert changed.json()["message"] == unknown.json()["message"]
    assert await kept(server) == []


async def test_a_webhook_without_a_secret_takes_nothing(server: Server):
    await hook(server, secret="")
    body = json.dumps(github_push()).encode()
    answer = await deliver(server, body, X_Hub_Signature_256=signature(body, ""))
    assert answer.status_code == 401


def gitlab_push() -> dict[str, Any]:
    return {
        "object_kind": "push",
        "ref": "refs/heads/main",
        "before": "b" * 40,
        "after": COMMIT,
        "project": {"git_http_url": URL, "default_branch": "main"},
        "user_username": "ann",
        "total_commits_count": 1,
        "commits": [{"added": [], "modified": ["a.txt"], "removed": []}],
    }


def azure_push() -> dict[str, Any]:
    update = {"name": "refs/heads/main", "oldObjectId": "b" * 40, "newObjectId": COMMIT}
    repository = {"id": "4bc14d40-c903-45e2-872e-0462c7748079", "remoteUrl": URL}
    return {
        "id": "03c164c2-8912-4d5e-8009-3707d5f83734",
        "eventType": "git.push",
        "resource": {"refUpdates": [update], "repository": repository},
    }


async def test_gitlab_azure_forms_and_plain_deliveries_are_taken_as_well(server: Server):
    await hook(server, header="X-Own-Signature")
    form = urlencode({"payload": json.dumps(github_push())}).encode()
    plain = {"repository": URL, "ref": "main", "after": COMMIT}
    own = signature(json.dumps(plain).encode(), algorithm="sha1")
    basic = "Basic " + base64.b64encode(f"any:{SECRET}".encode()).decode()
    for body, headers in (
        (gitlab_push(), {"X_Gitlab_Event": "Push Hook", "X_Gitlab_Token": SECRET}),
        (azure_push(), {"Authorization": basic}),
        (
            form,
            {
                "X_GitHub_Event": "push",
                "X_Hub_Signature_256": signature(form),
                "Content_Type": "application/x-www-form-urlencoded",
            },
        ),
        (plain, {"X_Own_Signature": own}),
    ):
        answer = await deliver(server, body, **headers)
        assert answer.json() == {"pushes": 1, "isNew": True}, answer.text
    found = await kept(server)
    assert len(found) == 4
    assert all("git.example/acme/shop" in push["repositories"] for push in found)
    assert {(push["ref"], push["commit"]) for push in found} == {("refs/heads/main", COMMIT)}


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="no curl here")
@pytest.mark.parametrize("kind", ["-H 'Content-Type: application/json' ", ""])
async def test_the_hook_of_the_page_tells_of_a_push(server: Server, tmp_path: Path, kind: str):
    """As it is printed there; and as older pages printed it, which made curl call it a form."""
    page = (Path(__file__).parents[3] / "docs/webhooks.md").read_text("utf-8")
    (script,) = re.findall(r"```sh\n(while read .*?)```", page, re.DOTALL)
    assert "-H 'Content-Type: application/json' " in script
    script = script.replace("-H 'Content-Type: application/json' ", kind)
    async with far_side(answering("{}")) as receiver:
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SECRET": SECRET}
        run = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            script,
            stdin=asyncio.subprocess.PIPE,
            cwd=tmp_path,
            env={**env, "URL": receiver.url},
        )
        await run.communicate(f"{'b' * 40} {COMMIT} refs/heads/main\n".encode())
        assert run.returncode == 0
    head, _, body = receiver.asked[0].partition("\r\n\r\n")
    sent = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    wanted = ("Content-Type", "X-Signature-256")
    await hook(server)
    answer = await server.ask(
        "POST",
        f"{PATH}/shop",
        token="",
        content=body.encode(),
        headers={name: sent[name] for name in wanted},
    )
    assert answer.json() == {"pushes": 1, "isNew": True}, answer.text
    (push,) = await kept(server)
    assert push["repositories"] == [str(tmp_path)]
    assert (push["ref"], push["commit"]) == ("refs/heads/main", COMMIT)


async def test_pull_requests_are_told_with_their_target(server: Server):
    await hook(server)
    body = {
        "action": "synchronize",
        "number": 7,
        "pull_request": {"head": {"sha": COMMIT}, "base": {"ref": "main"}, "title": "Better"},
        "repository": {"clone_url": URL},
    }
    content = json.dumps(body).encode()
    headers = {"X_GitHub_Event": "pull_request", "X_Hub_Signature_256": signature(content)}
    assert (await deliver(server, content, **headers)).json()["pushes"] == 1
    (push,) = await kept(server)
    assert (push["kind"], push["ref"]) == ("pullRequest", "refs/pull/7/merge")
    assert (push["target"], push["number"]) == ("refs/heads/main", 7)


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 20, "--7", "x"])
async def test_a_pull_request_whose_number_is_none_is_told_without_one(server: Server, number: str):
    await hook(server)
    head = {"head": {"sha": COMMIT}, "base": {"ref": "main"}, "number": number}
    repository = {"clone_url": URL}
    body = {"action": "opened", "number": number, "pull_request": head, "repository": repository}
    merge = {
        "object_kind": "merge_request",
        "object_attributes": {"action": "open", "iid": number, "last_commit": {"id": COMMIT}},
        "project": {"git_http_url": URL},
    }
    created = {
        "eventType": "git.pullrequest.created",
        "resource": {
            "pullRequestId": number,
            "status": "active",
            "lastMergeCommit": {"commitId": COMMIT},
            "repository": {"remoteUrl": URL},
        },
    }
    for told in (body, merge, created):
        content = json.dumps(told).encode()
        headers = {"X_Hub_Signature_256": signature(content)}
        if told is body:
            headers["X_GitHub_Event"] = "pull_request"
        answer = await deliver(server, content, **headers)
        assert answer.status_code < 500, answer.text
    assert {push["number"] for push in await kept(server)} <= {0}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b'{"ref": "refs/heads/main"}',
        b'{"repository": "x", "ref": "refs/heads/main", "after": "' + b"c" * 40 + b'"}',
        b'{"repository": "https://h/x", "ref": "refs/heads/main", "after": "abc"}',
        b'{"repository": "https://h/x", "ref": "a\\u0000b", "after": "' + b"c" * 40 + b'"}',
        b"[" * 100_000,
    ],
)
async def test_a_signed_body_that_tells_nothing_readable_is_a_400(server: Server, body: bytes):
    await hook(server)
    answer = await deliver(server, body, X_Hub_Signature_256=signature(body))
    assert answer.status_code == 400, answer.text
    assert (await kept(server), await deliveries(server)) == ([], 0)


async def test_events_that_change_no_code_are_taken_and_mean_nothing(server: Server):
    await hook(server)
    body = json.dumps({"zen": "Design for failure.", "repository": {"clone_url": URL}}).encode()
    headers = {"X_GitHub_Event": "ping", "X_Hub_Signature_256": signature(body)}
    assert (await deliver(server, body, **headers)).json() == {"pushes": 0, "isNew": True}


async def test_every_recorded_push_of_azure_devops_is_understood(server: Server):
    folder = shared_folder() / "data" / "webhooks"
    if not folder.is_dir():
        pytest.skip("the published material is not here")
    await hook(server)
    found = [p for p in sorted(folder.glob("*.json")) if b'"git.push"' in p.read_bytes()]
    assert found
    for path in found:
        body = path.read_bytes()
        answer = await deliver(server, body, X_Hub_Signature_256=signature(body))
        assert answer.status_code in (200, 400), (path.name, answer.text)
        if answer.status_code == 200:
            assert answer.json()["pushes"] > 0, path.name


async def test_a_push_makes_a_release_of_what_is_triggered_by_it_once(server: Server):
    await hook(server)
    trigger = {
        "triggerType": "artifactSource",
        "artifactAlias": "site",
        "triggerConditions": [{"sourceBranch": "main"}],
    }
    artifact = git_artifact("site", URL, defaultVersionType="latestType")
    made = await server.made(
        "definitions",
        definition("Web", stage("Dev"), artifacts=[artifact], triggers=[trigger]),
    )
    for number, ref in enumerate(("refs/heads/main", "refs/heads/topic", "refs/heads/main")):
        body = json.dumps({**github_push(ref), "number": number}).encode()
        await deliver(
            server,
            body,
            X_GitHub_Event="push",
            X_GitHub_Delivery=str(number),
            X_Hub_Signature_256=signature(body),
        )
    call = Call(server.installation)
    async with server.database.read() as connection:
        waiting = [r["id"] for r in await connection.fetch("SELECT id FROM pushes ORDER BY id")]
    for number in waiting * 2:  # a wake-up may be doubled
        await pushes.answer(call, number)
    async with server.database.read() as connection:
        told = [r["id"] for r in await connection.fetch("SELECT id FROM artifact_events")]
    for number in told:
        await artifact_events.answer(call, number)
    (release,) = (await server.seen(f"releases?definitionId={made['id']}"))["value"]
    full = await server.seen(f"releases/{release['id']}")
    assert full["reason"] == "continuousIntegration"
    assert full["artifacts"][0]["definitionReference"]["version"]["id"] == COMMIT
    assert await kept(server) == []

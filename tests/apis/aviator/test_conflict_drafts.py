"""A draft pull request for a cherry-pick that conflicts, at the repository's server (AVIATOR 1)."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.candidates import cherry_picks
from tests import gits
from tests.apis.aviator.server import REPOSITORY, Aviator
from tests.apis.aviator.test_cherry_picks import conflict, pick, shop
from tests.apis.aviator.test_repositories import connected
from tests.sources.counterparts.serving import NOTHING, Reply, Request, answer, serving

__all__ = ["connected", "shop"]

TOKEN = "t0k3n-of-the-server"
PULLS = {
    "github": f"/api/v3/repos/{REPOSITORY}/pulls",
    "gitlab": f"/api/v4/projects/{REPOSITORY}/merge_requests",
    "gitea": f"/api/v1/repos/{REPOSITORY}/pulls",
}


@dataclass
class Forge:
    """A server of one kind: each pull request is opened once, and it may answer what `says` is."""

    kind: str
    url: str = ""
    opened: list[dict[str, Any]] = field(default_factory=list)
    says: Reply | None = None

    def serve(self, request: Request) -> Reply:
        sent = {name.lower(): value for name, value in request.headers.items()}
        if TOKEN not in (sent.get("private-token", "") or sent.get("authorization", "")):
            return Reply(401)
        if request.path != PULLS[self.kind]:
            return NOTHING
        if request.method == "GET":
            return answer([self._shown(one) for one in self.opened])
        if self.says:
            return self.says
        asked = json.loads(request.body)
        if asked in self.opened:
            taken = 422 if self.kind == "github" else 409
            return Reply(taken, b'{"message": "A pull request already exists"}')
        self.opened.append(asked)
        return Reply(201, json.dumps(self._shown(asked)).encode())

    def _shown(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self.kind == "gitlab":
            return {**asked, "web_url": "https://far.example/merge_requests/7"}
        branches = {key: {"ref": asked[key]} for key in ("head", "base")}
        return {**branches, "html_url": "https://far.example/pull/7"}


@pytest.fixture(params=PULLS)
def forge(request: Any) -> Iterator[Forge]:
    found = Forge(request.param)
    with serving(found.serve) as found.url:
        yield found


@pytest.fixture
async def signed_in(shop: tuple[Aviator, Path], forge: Forge) -> tuple[Aviator, Path]:
    """The repository lies on the server, which is known by a service connection."""
    aviator, _ = shop
    key = "AccessToken" if forge.kind == "github" else "apitoken"
    body = {
        "name": "Forge",
        "type": forge.kind,
        "url": forge.url,
        "authorization": {"scheme": "Token", "parameters": {key: TOKEN}},
    }
    path = "/default/Default/_apis/serviceendpoint/endpoints"
    assert (await aviator.azure.ask("POST", path, json=body)).status_code == 200
    answered = await aviator.in_project("PATCH", "", json={"source_connection": "Forge"})
    assert answered.status_code == 200, answered.text
    return shop


async def test_a_conflict_is_resolved_in_its_draft(signed_in: tuple[Aviator, Path], forge: Forge):
    aviator, place = signed_in
    found, fix = await conflict(aviator, place)
    [asked] = forge.opened
    page = "https://far.example/" + ("merge_requests/7" if forge.kind == "gitlab" else "pull/7")
    assert f"The draft pull request {page} holds the conflict" in found["error_message"]
    head, base = list(asked.values())[:2]
    assert (head, base) == (f"cherry-pick/1.0-{found['id']}", "release/1.0")
    assert asked["title"].startswith(("Draft: ", "WIP: ", "Cherry-pick"))
    assert asked.get("draft") is (True if forge.kind == "github" else None)
    assert "* `a.txt`" in json.dumps(asked)
    shown = (await aviator.in_project("GET", "/releases/1.0-rc1")).json()
    assert gits.head(place, "release/1.0") == shown["commit"]
    marked = gits.head(place, head)
    assert marked
    assert f"(cherry picked from commit {fix})" in gits.message(place, marked)
    path = f"/releases/1.0/cherry_picks/{found['id']}/accept"
    assert (await aviator.in_project("POST", path)).status_code == 400  # nobody has merged it
    gits.branch(place, "release/1.0", marked)
    merged = await aviator.in_project("POST", path)
    assert (merged.status_code, merged.json()["error"][:26]) == (400, "a.txt still holds the mark")
    gits.switch(place, head)
    resolved = gits.commit(place, "a.txt", "one and three quarters\n", "Resolve")
    gits.branch(place, "release/1.0", resolved)
    accepted = (await aviator.in_project("POST", path)).json()
    assert (accepted["status"], accepted["commit"]) == ("success", resolved)


async def test_whoever_dies_before_it_is_kept_opens_no_second_one(
    signed_in: tuple[Aviator, Path], forge: Forge, monkeypatch: pytest.MonkeyPatch
):
    aviator, place = signed_in
    gits.commit(place, "a.txt", "one and a half\n")
    [asked] = await pick(aviator, commits=[gits.commit(place, "a.txt", "three quarters\n")])

    async def killed(*_given: Any) -> None:
        raise asyncio.CancelledError

    call = Call(aviator.azure.installation)
    with monkeypatch.context() as patch:
        patch.setattr(cherry_picks.rows, "conflict", killed)
        with pytest.raises(asyncio.CancelledError):
            await cherry_picks.work(call, int(asked["id"]))
    await cherry_picks.work(call, int(asked["id"]))
    assert len(forge.opened) == 1
    path = f"/releases/1.0/cherry_picks/{asked['id']}"
    assert "https://far.example/" in (await aviator.in_project("GET", path)).json()["error_message"]


@pytest.mark.parametrize(
    "says", [Reply(403), Reply(422), Reply(502), Reply(201, b"<html>"), Reply(201, b"{}")]
)
async def test_without_a_draft_it_is_said_what_to_do_by_hand(
    signed_in: tuple[Aviator, Path], forge: Forge, says: Reply
):
    aviator, place = signed_in
    forge.says = says
    found, fix = await conflict(aviator, place)
    assert found["status"] == "conflict"
    assert f"git cherry-pick -x {fix[:12]}" in found["error_message"]
    assert "No draft pull request could be opened" in found["error_message"]
    assert TOKEN not in found["error_message"]

"""Commits put on releases: from git, one candidate each, nothing half done (AVIATOR 1, 7)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from dulwich.file import FileLocked

from quaymaster.actions.call import Call
from quaymaster.actions.candidates import cherry_picks
from quaymaster.connectors import cherry_picking
from quaymaster.store.candidates.cherry_picks import PickStatus
from tests import gits
from tests.apis.aviator.server import Aviator
from tests.apis.aviator.test_repositories import connected
from tests.apis.aviator.test_stories import release
from tests.apis.aviator.test_verification import explained, stage_of
from tests.apis.aviator.test_webhooks import made as hooked
from tests.apis.aviator.test_webhooks import send, told
from tests.connectors.far_side import answering, far_side

__all__ = ["connected"]


@pytest.fixture
async def shop(connected: Aviator, tmp_path: Path) -> tuple[Aviator, Path]:
    """Two releases, 1.0 and 2.0, of a repository with one commit more."""
    place = tmp_path / "shop"
    await connected.cut("1.0-rc1", commit=gits.commit(place, "a.txt", "one\n"))
    await connected.cut("2.0-rc1", commit=gits.commit(place, "b.txt", "two\n"))
    return connected, place


async def pick(aviator: Aviator, version: str = "1.0", **body: Any) -> list[dict[str, Any]]:
    answer = await aviator.in_project("POST", f"/releases/{version}/cherry_picks", json=body)
    assert answer.status_code == 201, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def worked(aviator: Aviator, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a worker makes of them."""
    found = []
    for one in asked:
        await cherry_picks.work(Call(aviator.azure.installation), int(one["id"]))
        path = f"/releases/{one['release_version']}/cherry_picks/{one['id']}"
        found.append((await aviator.in_project("GET", path)).json())
    return found


async def test_a_commit_becomes_the_next_candidate(shop: tuple[Aviator, Path]):
    aviator, place = shop
    fix = gits.commit(place, "fix.txt", "fixed\n", "Fix it")
    [asked] = await pick(aviator, commits=[fix[:10]])
    assert (asked["status"], asked["commits"]) == ("in_progress", [fix])
    blocked = await aviator.deploy("1.0-rc1")
    said = {"error": "Release has a cherry-pick in progress"}
    assert (blocked.status_code, blocked.json()) == (400, said)
    [done] = await worked(aviator, [asked])
    assert (done["status"], done["release_candidate_version"]) == ("success", "1.0-rc2")
    assert done["branch"] == "release/1.0"
    assert gits.files(place, "release/1.0") == {"a.txt", "fix.txt", "page.txt"}
    shown = (await aviator.in_project("GET", "/releases/1.0-rc2")).json()
    assert shown["commit"] == done["commit"] == gits.head(place, "release/1.0")
    assert f"(cherry picked from commit {fix})" in gits.message(place, done["commit"])
    assert (await aviator.deploy("1.0-rc2")).status_code == 201


async def test_doing_it_again_changes_nothing(shop: tuple[Aviator, Path]):
    aviator, place = shop
    asked = await pick(aviator, commits=[gits.commit(place, "fix.txt", "fixed\n")])
    call = Call(aviator.azure.installation)
    await asyncio.gather(*(cherry_picks.work(call, int(asked[0]["id"])) for _ in range(3)))
    assert await cherry_picks.work(call, int(asked[0]["id"])) is PickStatus.SUCCEEDED
    [release] = [
        one
        for one in (await aviator.in_project("GET", "/releases")).json()
        if one["release_version"] == "1.0"
    ]
    assert [one["rc_number"] for one in release["candidates"]] == [1, 2]


async def test_who_finds_its_objects_being_written_waits(
    shop: tuple[Aviator, Path], monkeypatch: pytest.MonkeyPatch
):
    """Two workers make the same commits, and git lets one write an object at a time."""
    aviator, place = shop
    [asked] = await pick(aviator, commits=[gits.commit(place, "fix.txt", "fixed\n")])

    def locked(*_: object) -> None:
        raise FileLocked("objects/fe/bc", "objects/fe/bc.lock")

    call = Call(aviator.azure.installation)
    with monkeypatch.context() as patched:
        patched.setattr(cherry_picking, "put_on", locked)
        assert await cherry_picks.work(call, int(asked["id"])) is PickStatus.IN_PROGRESS
    assert await cherry_picks.work(call, int(asked["id"])) is PickStatus.SUCCEEDED


async def test_a_branch_that_was_moved_before_the_end_is_gone_on_with(
    shop: tuple[Aviator, Path], monkeypatch: pytest.MonkeyPatch
):
    """Killed between the push and the candidate: the next look makes the same commit."""
    aviator, place = shop
    asked = await pick(aviator, commits=[gits.commit(place, "fix.txt", "fixed\n")])

    async def killed(*_given: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(cherry_picks, "_cut", killed)
        with pytest.raises(asyncio.CancelledError):
            await cherry_picks.work(Call(aviator.azure.installation), int(asked[0]["id"]))
    there = gits.head(place, "release/1.0")
    [done] = await worked(aviator, asked)
    assert (done["status"], done["commit"]) == ("success", there)


async def test_every_newer_release_gets_it_but_those_left_out(shop: tuple[Aviator, Path]):
    aviator, place = shop
    fix = gits.commit(place, "fix.txt", "fixed\n")
    await aviator.cut("3.0-rc1", commit=fix)
    await aviator.cut("4.0-rc1", commit=fix)
    asked = await pick(aviator, commits=[fix], newer=True, without=["4.0"])
    done = await worked(aviator, asked)
    assert [(one["release_version"], one["status"]) for one in done] == [
        ("1.0", "success"),
        ("2.0", "success"),
        ("3.0", "skipped"),
    ]
    assert gits.files(place, "release/2.0") == {"a.txt", "b.txt", "fix.txt", "page.txt"}


async def test_a_release_of_long_ago_can_be_picked_on(
    shop: tuple[Aviator, Path], monkeypatch: pytest.MonkeyPatch
):
    aviator, place = shop
    monkeypatch.setattr(cherry_picks, "MOST_VERSIONS", 1)
    await aviator.cut("3.0-rc1", commit=gits.commit(place, "c.txt", "three\n"))
    fix = gits.commit(place, "fix.txt", "fixed\n")
    path, body = "/releases/1.0/cherry_picks", {"commits": [fix], "newer": True}
    refused = await aviator.in_project("POST", path, json=body)
    assert (refused.status_code, "more than 1." in refused.json()["error"]) == (400, True)
    [done] = await worked(aviator, await pick(aviator, commits=[fix]))
    assert done["release_candidate_version"] == "1.0-rc2"
    refused = await aviator.in_project("POST", path, json=body)
    assert refused.status_code == 400
    monkeypatch.setattr(cherry_picks, "MOST_VERSIONS", 3)
    asked = await pick(aviator, commits=[fix], newer=True)
    assert [one["release_version"] for one in asked] == ["1.0", "2.0", "3.0"]


async def conflict(aviator: Aviator, place: Path) -> tuple[dict[str, Any], str]:
    gits.commit(place, "a.txt", "one and a half\n")
    fix = gits.commit(place, "a.txt", "one and three quarters\n")
    [done] = await worked(aviator, await pick(aviator, commits=[fix]))
    return done, fix


async def test_a_conflict_changes_nothing_and_says_what_to_do(shop: tuple[Aviator, Path]):
    aviator, place = shop
    found, fix = await conflict(aviator, place)
    assert (found["status"], found["conflicts"]) == ("conflict", ["a.txt"])
    assert f"git cherry-pick -x {fix[:12]}" in found["error_message"]
    assert "release/1.0" in found["error_message"]
    assert gits.head(place, "release/1.0") is None
    blocked = await aviator.deploy("1.0-rc1")
    assert blocked.json() == {"error": "Release has a cherry-pick in progress"}
    path = "/releases/1.0/cherry_picks"
    again = await aviator.in_project("POST", path, json={"commits": [fix]})
    assert again.status_code == 409
    accepted = await aviator.in_project("POST", f"{path}/{found['id']}/accept")
    assert accepted.status_code == 400
    base = (await aviator.in_project("GET", "/releases/1.0-rc1")).json()["commit"]
    gits.branch(place, "release/1.0", base)
    refused = await aviator.in_project("POST", f"{path}/{found['id']}/accept")
    assert refused.status_code == 400


async def test_a_resolution_is_accepted(shop: tuple[Aviator, Path]):
    aviator, place = shop
    found, _fix = await conflict(aviator, place)
    base = (await aviator.in_project("GET", "/releases/1.0-rc1")).json()["commit"]
    gits.switch(place, "release/1.0", base)
    resolved = gits.commit(place, "a.txt", "one and three quarters\n", "Resolve")
    answer = await aviator.in_project("POST", f"/releases/1.0/cherry_picks/{found['id']}/accept")
    assert answer.status_code == 200, answer.text
    assert answer.json()["release_candidate_version"] == "1.0-rc2"
    assert answer.json()["commit"] == resolved
    again = await aviator.in_project("POST", f"/releases/1.0/cherry_picks/{found['id']}/accept")
    assert again.status_code == 409
    assert (await aviator.deploy("1.0-rc2")).status_code == 201


async def test_a_conflict_can_be_given_up(shop: tuple[Aviator, Path]):
    aviator, place = shop
    found, _fix = await conflict(aviator, place)
    path = f"/releases/1.0/cherry_picks/{found['id']}"
    assert (await aviator.in_project("DELETE", path)).status_code == 204
    assert (await aviator.in_project("GET", path)).json()["status"] == "failure"
    assert (await aviator.in_project("DELETE", path)).status_code == 409
    assert (await aviator.deploy("1.0-rc1")).status_code == 201


async def test_what_was_picked_must_not_be_lost_again(shop: tuple[Aviator, Path]):
    aviator, place = shop
    main = gits.head(place, "main")
    assert main
    gits.switch(place, "hotfix", main)
    fix = gits.commit(place, "fix.txt", "fixed\n")
    gits.switch(place, "main")
    await aviator.report("1.0-rc1", "success")
    await aviator.report("2.0-rc1", "success")
    await worked(aviator, await pick(aviator, commits=[fix]))
    said = {"error": f"Release candidate lacks cherry-picked commit {fix[:7]}"}
    for version in ("1.0-rc1", "2.0-rc1"):
        answer = await aviator.deploy(version)
        assert (answer.status_code, answer.json()) == (400, said)
    answer = await aviator.cut("3.0-rc1", commit=gits.commit(place, "c.txt", "three\n"))
    assert (answer.status_code, answer.json()) == (400, said)
    assert (await aviator.report("2.0-rc1", "in_progress")).status_code == 200
    assert (await aviator.roll_back()).status_code == 201
    assert (await aviator.deploy("1.0-rc2")).status_code == 201
    assert (await aviator.cut("3.0-rc1", commit=fix)).status_code == 201
    assert (await aviator.deploy("3.0-rc1")).status_code == 201


async def test_while_nobody_can_ask_for_what_was_picked_nothing_is_deployed(
    shop: tuple[Aviator, Path],
):
    aviator, place = shop
    fix = gits.commit(place, "fix.txt", "fixed\n")
    await worked(aviator, await pick(aviator, commits=[fix]))
    place.rename(place.with_name("moved"))
    answer = await aviator.deploy("1.0-rc1")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Nobody can tell whether the release has what was")
    stage = (await release(aviator, "1.0-rc1"))["environments"][0]
    assert stage["status"] == "notStarted"
    answer = await aviator.azure.project(
        "PATCH", await stage_of(aviator, "1.0-rc1"), json={"status": "inProgress"}
    )
    assert (answer.status_code, "cannot be asked" in answer.json()["message"]) == (400, True)
    assert any("cannot be asked" in text for text in await explained(aviator, "1.0-rc1"))
    place.with_name("moved").rename(place)
    assert (await aviator.deploy("1.0-rc2")).status_code == 201


async def test_a_branch_with_other_commits_is_left_alone(shop: tuple[Aviator, Path]):
    aviator, place = shop
    base = (await aviator.in_project("GET", "/releases/1.0-rc1")).json()["commit"]
    fix = gits.commit(place, "fix.txt", "fixed\n")
    gits.switch(place, "release/1.0", base)
    theirs = gits.commit(place, "theirs.txt", "theirs\n")
    [done] = await worked(aviator, await pick(aviator, commits=[fix]))
    assert (done["status"], done["release_candidate_version"]) == ("failure", None)
    assert theirs[:12] in done["error_message"]
    assert gits.head(place, "release/1.0") == theirs


async def test_a_candidate_that_was_cut_meanwhile_ends_it(shop: tuple[Aviator, Path]):
    aviator, place = shop
    asked = await pick(aviator, commits=[gits.commit(place, "fix.txt", "fixed\n")])
    await aviator.cut("1.0-rc2", commit=gits.commit(place, "c.txt", "three\n"))
    [done] = await worked(aviator, asked)
    assert done["status"] == "failure"
    assert gits.head(place, "release/1.0") is None


async def test_a_pull_request_is_picked_as_it_was_merged(shop: tuple[Aviator, Path]):
    aviator, place = shop
    merged = gits.commit(place, "fix.txt", "fixed\n", "Fix the cart (#12)")
    [done] = await worked(aviator, await pick(aviator, pull_requests=[12]))
    assert (done["status"], done["commits"]) == ("success", [merged])


async def test_the_end_is_told(shop: tuple[Aviator, Path]):
    aviator, place = shop
    async with far_side(answering("")) as receiver:
        await hooked(aviator, receiver.url, actions=["cherry_pick_finished"])
        await worked(
            aviator, await pick(aviator, commits=[gits.commit(place, "fix.txt", "fixed\n")])
        )
        await send(aviator)
    [event] = told(receiver)
    assert (event["action"], event["release_candidate_version"]) == (
        "cherry_pick_finished",
        "1.0-rc2",
    )


async def test_a_repository_over_http(shop: tuple[Aviator, Path]):
    aviator, place = shop
    fix = gits.commit(place, "fix.txt", "fixed\n")
    with gits.over_http(place) as url:
        answer = await aviator.in_project("PATCH", "", json={"source_url": url})
        assert answer.status_code == 200, answer.text
        [done] = await worked(aviator, await pick(aviator, commits=[fix]))
    assert done["status"] == "success", done["error_message"]
    assert gits.head(place, "release/1.0") == done["commit"]


PICKS_THAT_ARE_NONE: list[dict[str, Any]] = [
    {},
    {"commits": "a" * 40},
    {"commits": ["xyz"]},
    {"commits": ["a" * 40]},
    {"commits": [5]},
    {"pull_requests": [0]},
    {"pull_requests": [99]},
    {"pull_requests": [True]},
    {"commits": ["a" * 40], "newer": "yes"},
    {"commits": ["a" * 40] * 60},
]


async def test_picks_that_make_no_sense(shop: tuple[Aviator, Path]):
    aviator, _place = shop
    for body in PICKS_THAT_ARE_NONE:
        answer = await aviator.in_project("POST", "/releases/1.0/cherry_picks", json=body)
        assert answer.status_code == 400, (body, answer.text)
    assert (await aviator.in_project("GET", "/releases/1.0/cherry_picks")).json() == []


async def test_a_release_that_there_is_not(shop: tuple[Aviator, Path]):
    aviator, place = shop
    body = {"commits": [gits.head(place, "main")]}
    answer = await aviator.in_project("POST", "/releases/9.0/cherry_picks", json=body)
    assert (answer.status_code, answer.json()) == (404, {"error": "Release not found"})
    for number in ("7", "x"):
        missing = await aviator.in_project("GET", f"/releases/1.0/cherry_picks/{number}")
        assert missing.json() == {"error": "Cherry-pick not found"}


async def test_what_goes_wrong_by_our_own_fault_ends_as_well(
    shop: tuple[Aviator, Path], monkeypatch: pytest.MonkeyPatch
):
    aviator, place = shop
    [asked] = await pick(aviator, commits=[gits.commit(place, "fix.txt", "fixed\n")])

    async def broken(*_given: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cherry_picks, "_next", broken)
    for _ in range(cherry_picks.MOST_TRIES):
        with pytest.raises(ZeroDivisionError):
            await cherry_picks.work(Call(aviator.azure.installation), int(asked["id"]))
    path = f"/releases/1.0/cherry_picks/{asked['id']}"
    assert (await aviator.in_project("GET", path)).json()["status"] == "failure"
    assert (await aviator.deploy("1.0-rc1")).status_code == 201


async def test_a_version_that_no_branch_can_be_called_by(shop: tuple[Aviator, Path]):
    aviator, place = shop
    main = gits.head(place, "main")
    await aviator.cut("1..5-rc1", commit=main)
    answer = await aviator.in_project(
        "POST", "/releases/1..5/cherry_picks", json={"commits": [main]}
    )
    assert answer.status_code == 400


async def test_who_may(shop: tuple[Aviator, Path]):
    aviator, place = shop
    reader = await aviator.azure.user("rita", groups=("Readers",))
    path = "/releases/1.0/cherry_picks"
    body = {"commits": [gits.head(place, "main")]}
    answer = await aviator.in_project("POST", path, json=body, token=reader)
    assert answer.status_code == 403
    assert (await aviator.in_project("GET", path, token=reader)).json() == []

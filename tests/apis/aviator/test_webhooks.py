"""What a webhook of this contract is told, and who may make one (AVIATOR 2, 7)."""

import hashlib
import hmac
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from quaymaster.actions.announcements import deliveries
from quaymaster.actions.call import Call
from quaymaster.actions.candidates import candidate_builds, news
from quaymaster.apis.aviator.webhooks.announcer import AviatorAnnouncer
from quaymaster.domain.announcements import Happening
from quaymaster.domain.statuses import ReportedStatus
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.outgoing.http import GuardedClient
from quaymaster.store.candidates import workflow_runs
from tests.apis.aviator.server import Aviator
from tests.connectors.far_side import FarSide, answering, far_side


async def made(aviator: Aviator, url: str, **more: Any) -> dict[str, Any]:
    answer = await aviator.in_project("POST", "/webhooks", json={"url": url, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def send(aviator: Aviator) -> None:
    """What a worker does: send what is due until nothing is."""
    client = GuardedClient(AllowedAddresses.of(("127.0.0.1",)), seconds=5)
    announcers = {"aviator": AviatorAnnouncer()}
    while letters := await deliveries.due(aviator.azure.installation, [], 10):
        for letter in letters:
            await deliveries.send(aviator.azure.installation, client, announcers, letter)


def told(receiver: FarSide) -> list[dict[str, Any]]:
    return [json.loads(asked.partition("\r\n\r\n")[2]) for asked in receiver.asked]


async def test_a_version_is_followed_from_its_cut_to_its_rollback(aviator: Aviator) -> None:
    async with far_side(answering("")) as receiver:
        await made(aviator, receiver.url)
        for version in ("1.0-rc1", "2.0-rc1"):
            await aviator.cut(version)
            await aviator.deploy(version)
            await aviator.report(version, "in_progress")
            await aviator.report(version, "success")
        await aviator.roll_back()
        await send(aviator)
    by_version: dict[str, list[tuple[str, str | None]]] = {}
    for event in told(receiver):
        status = event["deployment"]["status"] if event["deployment"] else None
        by_version.setdefault(event["release_candidate_version"], []).append(
            (event["action"], status)
        )
    once = [
        ("release_cut", None),
        ("deployment_created", "pending"),
        ("deployment_status", "in_progress"),
        ("deployment_status", "success"),
    ]
    assert by_version["2.0-rc1"] == once
    assert by_version["1.0-rc1"] == [
        *once,
        ("deployment_created", "pending"),
        ("rollback", "pending"),
    ]


async def test_the_envelope_is_the_published_one_and_signed(aviator: Aviator) -> None:
    async with far_side(answering("")) as receiver:
        hook = await made(aviator, receiver.url, actions=["deployment_created"], key="our key")
        await aviator.cut("1.0-rc1")
        shown = (await aviator.deploy("1.0-rc1")).json()
        await send(aviator)
    [event] = told(receiver)
    assert event["project"] == "shop"
    assert (event["organization"], event["repository"]) == ("acme", "acme/shop")
    assert event["environment_name"] == "production"
    assert event["deployment"] == shown
    assert event["actor"] == shown["actor"]
    head, _, body = receiver.asked[0].partition("\r\n\r\n")
    signature = hmac.new(b"our key", body.encode(), hashlib.sha256).hexdigest()
    assert f"x-aviator-signature-sha256: {signature}" in head.lower()
    assert hook["key"] == "our key"


async def test_freezes_are_told(aviator: Aviator) -> None:
    async with far_side(answering("")) as receiver:
        await made(aviator, receiver.url, actions=["environment_frozen", "environment_unfrozen"])
        await aviator.here("PUT", "/freeze", json={"reason": "Sale"})
        await aviator.here("DELETE", "/freeze")
        await send(aviator)
    assert [event["action"] for event in told(receiver)] == [
        "environment_frozen",
        "environment_unfrozen",
    ]
    assert {event["environment_name"] for event in told(receiver)} == {"production"}


async def test_the_end_of_a_build_is_told_once(aviator: Aviator) -> None:
    method = {"type": "webhook", "workflow": "https://ci.example.org/hook"}
    answer = await aviator.in_project("PATCH", "", json={"build_method": method})
    assert answer.status_code == 200, answer.text
    cut = (await aviator.cut("1.0-rc1", trigger_build_workflow=True)).json()
    async with far_side(answering("")) as receiver:
        await made(aviator, receiver.url, actions=["build_finished"])
        for status in (ReportedStatus.IN_PROGRESS, ReportedStatus.SUCCEEDED):
            async with aviator.database.transaction() as connection:
                run = await workflow_runs.of_build(connection, int(cut["id"]))
                assert run is not None
                call = Call(aviator.azure.installation)
                await candidate_builds.told(connection, call, run, status)
        await send(aviator)
    assert [(one["action"], one["release_candidate_version"]) for one in told(receiver)] == [
        ("build_finished", "1.0-rc1")
    ]
    assert "x-aviator-signature-sha256: " in receiver.asked[0].lower()


EACH_ONCE = {
    "release_cut": 2,
    "build_finished": 1,
    "deployment_created": 3,  # the rollback's, too
    "deployment_status": 1,
    "rollback": 1,
    "environment_frozen": 1,
    "environment_unfrozen": 1,
    "cherry_pick_finished": 1,
}


async def test_every_action_is_signed_and_delivered_once(aviator: Aviator) -> None:
    """All of AVIATOR 7: as often as it happened, each with an id of its own."""
    async with far_side(answering("")) as receiver:
        await made(aviator, receiver.url, key="our key")
        cut = [(await aviator.cut(f"{one}.0-rc1")).json() for one in (1, 2)]
        numbers, me = [int(one["id"]) for one in cut], cut[0]["actor"]
        for version in ("1.0-rc1", "2.0-rc1"):
            await aviator.report(version, "success")
        await aviator.roll_back()
        await aviator.report("1.0-rc1", "success")
        await aviator.here("PUT", "/freeze", json={"reason": "Sale"})
        await aviator.here("DELETE", "/freeze")
        now = datetime.now(UTC)
        async with aviator.database.transaction() as connection:
            for happening in (Happening.CANDIDATE_BUILT, Happening.CHERRY_PICK_FINISHED):
                await news.tell(connection, happening, numbers[0], "succeeded", now)
        for _ in range(2):
            await send(aviator)
    events = told(receiver)
    assert Counter(event["action"] for event in events) == EACH_ONCE
    assert len({event["id"] for event in events}) == len(events)
    assert {event["actor"] for event in events} == {me}
    for asked, event in zip(receiver.asked, events, strict=True):
        head, _, body = asked.partition("\r\n\r\n")
        signature = hmac.new(b"our key", body.encode(), hashlib.sha256).hexdigest()
        assert f"x-aviator-signature-sha256: {signature}" in head.lower(), event["action"]
        assert f"x-quaymaster-delivery: {event['id']}" in head.lower(), event["action"]


async def test_only_the_environment_that_was_named_is_told_of(aviator: Aviator) -> None:
    await aviator.with_environment("staging")
    async with far_side(answering("")) as receiver:
        await made(aviator, receiver.url, environment="staging", actions=["deployment_created"])
        await aviator.cut("1.0-rc1")
        await aviator.deploy("1.0-rc1")
        await send(aviator)
    assert receiver.asked == []


async def test_a_webhook_is_listed_without_its_key_and_removed(aviator: Aviator) -> None:
    hook = await made(aviator, "https://example.org/hook")
    assert len(hook.pop("key")) > 40
    assert (await aviator.in_project("GET", "/webhooks")).json() == [hook]
    path = f"/webhooks/{hook['id']}"
    assert (await aviator.in_project("GET", path)).json() == hook
    assert (await aviator.in_project("DELETE", path)).status_code == 204
    assert (await aviator.in_project("GET", path)).status_code == 404


async def test_one_whose_key_cannot_be_opened_is_listed_and_can_be_removed(
    aviator: Aviator,
) -> None:
    lost = await made(aviator, "https://lost.example.org/hook")
    other = await made(aviator, "https://example.org/hook")
    async with aviator.azure.database.transaction() as connection:
        await connection.execute(
            "UPDATE subscriptions SET secrets = overlay(secrets PLACING '\\x0b0d' FROM 2)"
            " WHERE id = $1",
            lost["id"],
        )
    listed = (await aviator.in_project("GET", "/webhooks")).json()
    assert [one["id"] for one in listed] == [lost["id"], other["id"]]
    assert "cannot be opened" in listed[0]["error_message"]
    assert listed[1]["error_message"] is None
    removed = await aviator.in_project("DELETE", f"/webhooks/{lost['id']}")
    assert removed.status_code == 204


async def test_what_arrived_can_be_sent_again(aviator: Aviator) -> None:
    async with far_side(answering("")) as receiver:
        hook = await made(aviator, receiver.url, actions=["release_cut"])
        await aviator.cut("1.0-rc1")
        await send(aviator)
        path = f"/webhooks/{hook['id']}/deliveries"
        [sent] = (await aviator.in_project("GET", path)).json()
        assert (sent["status"], sent["answer"], sent["attempts"]) == ("delivered", 200, 1)
        again = await aviator.in_project("POST", f"{path}/{sent['number']}/redeliver")
        assert again.json()["status"] == "queued"
        for number in ("--5", "9" * 5000, "77"):
            unknown = await aviator.in_project("POST", f"{path}/{number}/redeliver")
            assert (unknown.status_code, unknown.json()["error"]) == (404, "Delivery not found")
        await send(aviator)
    assert receiver.asked[0] == receiver.asked[1]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": "ftp://example.org"},
        {"url": "https://example.org", "actions": []},
        {"url": "https://example.org", "actions": ["nonsense"]},
        {"url": "https://example.org", "actions": "rollback"},
        {"url": 7},
        {"url": "https://example.org", "key": "k" * 5000},
    ],
)
async def test_what_is_wrong_is_400(aviator: Aviator, body: dict[str, Any]) -> None:
    answer = await aviator.in_project("POST", "/webhooks", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]
    assert (await aviator.in_project("GET", "/webhooks")).json() == []


async def test_only_administrators_make_and_see_them(aviator: Aviator) -> None:
    hook = await made(aviator, "https://example.org/hook")
    other = await aviator.azure.user("carl", groups=("Contributors",))
    body = {"url": "https://example.org"}
    answer = await aviator.in_project("POST", "/webhooks", json=body, token=other)
    assert answer.status_code == 403
    assert (await aviator.in_project("GET", "/webhooks", token=other)).json() == []
    path = f"/webhooks/{hook['id']}/deliveries"
    assert (await aviator.in_project("GET", path, token=other)).status_code == 404

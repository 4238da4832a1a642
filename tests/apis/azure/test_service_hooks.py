"""Service hooks as clients of this contract ask for them and as receivers hear them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from quaymaster.actions.announcements import deliveries
from quaymaster.actions.people import projects
from quaymaster.apis.azure.service_hooks.announcer import AzureAnnouncer
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.outgoing.http import GuardedClient
from tests import documents
from tests.apis.azure.server import Server
from tests.connectors.far_side import FarSide, answering, far_side

HOOKS = "/default/_apis/hooks"
CREATED = "ms.vss-release.release-created-event"
PENDING = "ms.vss-release.deployment-approval-pending-event"
ANSWERED = "ms.vss-release.deployment-approval-completed-event"
COMPLETED = "ms.vss-release.deployment-completed-event"
NEVER_THERE = {"comment", "queueId", "scheduledDeploymentTime"}  # of older servers
EVENTS = Path(os.environ.get("QUAYMASTER_SHARED", "../shared")) / "contract/legacy/events"
FREE = {"concurrencyCount": 0, "queueDepthCount": 0}
SECRETS = {"basicAuthPassword": "hunter2", "httpHeaders": "X-Team: web", "secret": "sign-me"}


async def project(server: Server) -> str:
    return (await server.get("/default/_apis/projects/Default")).json()["id"]


async def wish(server: Server, event: str, url: str, **inputs: str) -> dict[str, Any]:
    return {
        "publisherId": "rm",
        "eventType": event,
        "resourceVersion": "3.0-preview.1",
        "consumerId": "webHooks",
        "consumerActionId": "httpRequest",
        "publisherInputs": {"projectId": await project(server), **inputs},
        "consumerInputs": {"url": url, "basicAuthUsername": "quay", **SECRETS},
    }


async def subscribed(server: Server, event: str, url: str, **inputs: str) -> dict[str, Any]:
    body = await wish(server, event, url, **inputs)
    answer = await server.ask("POST", f"{HOOKS}/subscriptions", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def send(server: Server) -> None:
    """What a worker does: send what is due until nothing is."""
    client = GuardedClient(AllowedAddresses.of(("127.0.0.1",)), seconds=5)
    while letters := await deliveries.due(server.installation, [], 10):
        for letter in letters:
            await deliveries.send(server.installation, client, {"azure": AzureAnnouncer()}, letter)


async def released(server: Server, name: str = "Dev", **changes: Any) -> dict[str, Any]:
    """A release whose only stage waits for nobody's slot."""
    stage = documents.stage(name, executionPolicy=FREE, **changes)
    definition = await server.made("definitions", documents.definition("Web", stage))
    request = {"definitionId": definition["id"], "description": "Two < three"}
    return await server.made("releases", request)


def event(receiver: FarSide, number: int = 0) -> dict[str, Any]:
    return json.loads(receiver.asked[number].partition("\r\n\r\n")[2])


async def test_a_subscription_is_kept_and_its_secrets_are_masked(server: Server) -> None:
    made = await subscribed(server, CREATED, "https://example.org/hook")
    assert made["status"] == "enabled"
    assert made["actionDescription"] == "To host example.org"
    again = (await server.get(f"{HOOKS}/subscriptions/{made['id']}")).json()
    assert again == made
    for name, secret in SECRETS.items():
        assert made["consumerInputs"][name] == "********"
        assert secret not in json.dumps(again)
    [listed] = (await server.get(f"{HOOKS}/subscriptions?eventType={CREATED}")).json()["value"]
    assert listed == made
    assert (await server.get(f"{HOOKS}/subscriptions?eventType={PENDING}")).json()["value"] == []
    queried = await server.ask(
        "POST", f"{HOOKS}/subscriptionsQuery", json={"publisherId": "rm", "eventType": CREATED}
    )
    assert queried.json()["results"] == [made]


async def test_subscriptions_are_found_by_their_inputs(server: Server) -> None:
    made = await server.made("definitions", documents.definition("Web", documents.stage("Dev")))
    one = await subscribed(
        server, CREATED, "https://a.example/", releaseDefinitionId=str(made["id"])
    )
    other = await subscribed(server, CREATED, "https://b.example/")

    async def found(name: str, *groups: list[dict[str, Any]]) -> list[str]:
        body = {name: [{"conditions": group} for group in groups]}
        answer = await server.ask("POST", f"{HOOKS}/subscriptionsquery", json=body)
        assert answer.status_code == 200, answer.text
        return [entry["id"] for entry in answer.json()["results"]]

    inputs = "publisherInputFilters"
    mine = {"inputId": "releaseDefinitionId", "inputValue": str(made["id"])}
    here = {"inputId": "projectId", "inputValue": (await project(server)).upper()}
    assert await found(inputs, [mine]) == [one["id"]]
    assert await found(inputs, [{**mine, "operator": "notEquals"}]) == [other["id"]]
    assert await found(inputs, [mine, {**here, "operator": 1}]) == []
    assert await found(inputs, [mine], [here]) == [one["id"], other["id"]]
    assert await found(inputs, [{**here, "caseSensitive": True}]) == []
    address = {"inputId": "url", "inputValue": "https://B.example/"}
    assert await found("consumerInputFilters", [address]) == [other["id"]]
    wrong = {inputs: [{"conditions": [{**mine, "operator": "contains"}]}]}
    answer = await server.ask("POST", f"{HOOKS}/subscriptionsquery", json=wrong)
    assert answer.status_code == 400


async def test_what_is_offered_tells_its_address_and_the_values_of_its_inputs(
    server: Server,
) -> None:
    publishers = (await server.get(f"{HOOKS}/publishers")).json()["value"]
    consumers = (await server.get(f"{HOOKS}/consumers")).json()["value"]
    events = [event for one in publishers for event in one["supportedEvents"]]
    actions = [action for one in consumers for action in one["actions"]]
    for offered in (*publishers, *events, *consumers, *actions):
        assert (await server.get(offered["url"])).json() == offered
    inputs = {
        (one["id"], given["id"]): given for one in events for given in one["inputDescriptors"]
    }
    result = inputs[COMPLETED, "releaseEnvironmentStatus"]
    assert [one["value"] for one in result["values"]["possibleValues"]] == [
        "",
        "4",
        "8",
        "16",
        "128",
    ]
    assert inputs[COMPLETED, "releaseDefinitionId"]["values"] is None
    assert all(given["description"] for given in inputs.values())


async def test_nobody_subscribes_to_a_pipeline_that_is_not_there(server: Server) -> None:
    await projects.create(server.database, "Other")
    made = await server.made("definitions", documents.definition("Web", documents.stage("Dev")))
    second = await server.made("definitions", documents.definition("Two", documents.stage("QA")))
    url, number = "https://example.org/hook", str(made["id"])
    qa = str(second["environments"][0]["id"])
    for inputs, status in [
        ({"releaseDefinitionId": "999"}, 404),
        ({"releaseDefinitionId": number, "projectId": "Other"}, 404),
        ({"releaseDefinitionId": number, "releaseEnvironmentId": qa}, 400),
        ({"releaseEnvironmentId": "999"}, 400),
    ]:
        body = await wish(server, COMPLETED, url, **inputs)
        answer = await server.ask("POST", f"{HOOKS}/subscriptions", json=body)
        assert answer.status_code == status, (inputs, answer.text)
    kept = await subscribed(server, COMPLETED, url, releaseDefinitionId=number)
    path = f"{HOOKS}/subscriptions/{kept['id']}"
    changed = await wish(server, COMPLETED, url, releaseDefinitionId="999")
    assert (await server.ask("PUT", path, json=changed)).status_code == 404
    assert (await server.project("DELETE", f"definitions/{number}")).status_code == 204
    off = await server.ask("PUT", path, json={**kept, "status": "disabledByUser"})
    assert off.json()["status"] == "disabledByUser"


async def test_what_was_read_can_be_put_back(server: Server) -> None:
    made = await subscribed(server, CREATED, "https://example.org/hook")
    path = f"{HOOKS}/subscriptions/{made['id']}"
    answer = await server.ask("PUT", path, json={**made, "status": "disabledByUser"})
    assert answer.json()["status"] == "disabledByUser"
    assert answer.json()["consumerInputs"] == made["consumerInputs"]
    assert (await server.ask("DELETE", path)).status_code == 204
    assert (await server.get(path)).status_code == 404


async def test_a_receiver_is_told_of_a_release_with_credentials_and_signature(
    server: Server,
) -> None:
    async with far_side(answering("")) as receiver:
        made = await subscribed(server, CREATED, receiver.url)
        release = await released(server)
        await send(server)
    asked = receiver.asked[0].lower()
    assert "authorization: basic cxvhetpodw50zxiy" in asked
    assert "x-team: web" in asked
    assert "x-quaymaster-signature-256: sha256=" in asked
    told = event(receiver)
    assert told["eventType"] == CREATED
    assert told["subscriptionId"] == made["id"]
    assert told["message"]["text"] == f"Release {release['name']} created."
    assert told["resource"]["release"]["id"] == release["id"]
    assert told["resource"]["project"]["name"] == "Default"
    [sent] = (await server.get(f"{HOOKS}/subscriptions/{made['id']}/notifications")).json()["value"]
    assert (sent["status"], sent["result"]) == ("completed", "succeeded")
    path = f"{HOOKS}/subscriptions/{made['id']}/notifications/{sent['id']}"
    assert (await server.get(path)).json()["details"]["event"] == told


async def test_names_are_no_markup_in_the_messages(server: Server) -> None:
    async with far_side(answering("")) as receiver:
        await subscribed(server, PENDING, receiver.url)
        me = await server.me()
        stage = "<b>[Dev](x)"
        await released(server, stage, pre=[me])
        await send(server)
    message = event(receiver)["message"]
    assert "&lt;b&gt;[Dev](x)</a>" in message["html"]
    assert "\\<b\\>\\[Dev\\]\\(x\\)" in message["markdown"]
    assert "<b>[Dev](x)" in message["text"]


async def test_an_answer_is_told_with_who_gave_it(server: Server) -> None:
    me = await server.me()
    async with far_side(answering("")) as receiver:
        await subscribed(server, ANSWERED, receiver.url, releaseApprovalStatus="4")
        await released(server, pre=[me])
        [question] = await pending(server)
        path = f"approvals/{question['id']}"
        await server.project("PATCH", path, json={"status": "rejected", "comments": "Not today."})
        await send(server)
    told = event(receiver)
    assert told["resource"]["approval"]["status"] == "rejected"
    assert told["resource"]["approval"]["approvedBy"]["id"] == me
    assert told["detailedMessage"]["text"].endswith("Comment: Not today.")


async def pending(server: Server) -> list[dict[str, Any]]:
    return (await server.seen("approvals"))["value"]


async def test_filters_leave_out_what_they_do_not_name(server: Server) -> None:
    async with far_side(answering("")) as receiver:
        quiet = documents.definition("Quiet", documents.stage("Dev"))
        other = str((await server.made("definitions", quiet))["id"])
        await subscribed(server, CREATED, receiver.url, releaseDefinitionId=other)
        await subscribed(server, COMPLETED, receiver.url, releaseEnvironmentStatus="4")
        await released(server)
        await send(server)
    assert receiver.asked == []


async def test_a_subscription_can_be_tried_out_and_redelivered(server: Server) -> None:
    async with far_side(answering("")) as receiver:
        made = await subscribed(server, CREATED, receiver.url)
        body = {"subscriptionId": made["id"]}
        tried = await server.ask("POST", f"{HOOKS}/testNotifications", json=body)
        await send(server)
        path = f"{HOOKS}/subscriptions/{made['id']}/notifications/{tried.json()['id']}"
        again = await server.ask("POST", f"{path}/redeliver")
        assert again.status_code == 200, again.text
        await send(server)
    assert len(receiver.asked) == 2
    assert receiver.asked[0] == receiver.asked[1]
    assert event(receiver)["resource"] is None


async def lock_away(server: Server, *subscriptions: str) -> None:
    """As if these were sealed with a key that is not here."""
    async with server.database.transaction() as connection:
        await connection.execute(
            "UPDATE subscriptions SET secrets = overlay(secrets PLACING '\\x0b0d' FROM 2)"
            " WHERE id = ANY ($1::uuid[])",
            list(subscriptions),
        )


async def unlock(server: Server, subscription: str, sealed: bytes) -> None:
    """As if the key was brought back."""
    async with server.database.transaction() as connection:
        await connection.execute(
            "UPDATE subscriptions SET secrets = $2 WHERE id = $1", subscription, sealed
        )


async def sealed(server: Server, subscription: str) -> bytes:
    async with server.database.read() as connection:
        return await connection.fetchval(
            "SELECT secrets FROM subscriptions WHERE id = $1", subscription
        )


async def test_one_whose_secrets_cannot_be_opened_holds_up_no_other(server: Server) -> None:
    lost = await subscribed(server, CREATED, "https://lost.example.org/hook")
    path = f"{HOOKS}/subscriptions/{lost['id']}"
    before = await sealed(server, lost["id"])
    async with far_side(answering("")) as receiver:
        other = await subscribed(server, CREATED, receiver.url)
        await lock_away(server, lost["id"])
        listed = (await server.get(f"{HOOKS}/subscriptions")).json()["value"]
        assert [one["id"] for one in listed] == [lost["id"], other["id"]]
        assert (listed[0]["status"], listed[1]["status"]) == ("onProbation", "enabled")
        assert "secrets cannot be opened" in listed[0]["actionDescription"]
        assert not SECRETS.keys() & listed[0]["consumerInputs"].keys()
        assert listed[1] == other
        await released(server)
        await send(server)
    assert len(receiver.asked) == 1  # and nothing goes unsigned to the other
    [kept] = (await server.get(f"{path}/notifications")).json()["value"]
    assert kept["status"] == "queued"
    assert "not in the key file" in kept["details"]["errorMessage"]
    off = await server.ask("PUT", path, json={**listed[0], "status": "disabledByUser"})
    assert (off.status_code, off.json()["status"]) == (200, "disabledByUser")
    locked = await sealed(server, lost["id"])
    await unlock(server, lost["id"], before)
    assert (await server.get(path)).json()["consumerInputs"] == lost["consumerInputs"]
    await unlock(server, lost["id"], locked)
    inputs = {**listed[0]["consumerInputs"], "secret": "sign-me-anew"}
    mixed = {**listed[0], "consumerInputs": {**inputs, "basicAuthPassword": "********"}}
    refused = await server.ask("PUT", path, json=mixed)
    assert refused.status_code == 400
    assert "basicAuthPassword" in refused.text
    anew = await server.ask("PUT", path, json={**listed[0], "consumerInputs": inputs})
    assert (anew.json()["status"], anew.json()["consumerInputs"]["secret"]) == (
        "enabled",
        "********",
    )
    await lock_away(server, lost["id"])
    assert (await server.ask("DELETE", path)).status_code == 204


@pytest.mark.parametrize(
    "kind", ["release-created", "deployment-approval-pending", "deployment-completed"]
)
async def test_events_have_what_recorded_events_have(server: Server, kind: str) -> None:
    path = EVENTS / f"{kind}-event.json"
    if not path.exists():
        pytest.skip("the recorded events are not there")
    recorded = json.loads(path.read_text())["payload"]
    me = await server.me()
    async with far_side(answering("")) as receiver:
        await subscribed(server, recorded["eventType"], receiver.url)
        release = await released(server, pre=[me])
        stage = release["environments"][0]["id"]
        await server.project(
            "PATCH", f"releases/{release['id']}/environments/{stage}", json={"status": "canceled"}
        )
        await send(server)
    told = event(receiver)
    assert told["resourceContainers"]["project"]["id"] == told["resource"]["project"]["id"]
    if kind == "deployment-completed":
        made = told["resource"]["deployment"]
        assert (made["releaseId"], made["deploymentStatus"]) == (release["id"], "notDeployed")
        assert {"comment", "data"} <= set(told["resource"])
    missing = set(recorded) - set(told)
    missing |= set(recorded["resource"]) - set(told["resource"])
    for name, part in recorded["resource"].items():
        missing |= set(part) - set(told["resource"][name])
    assert missing <= NEVER_THERE, missing


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        "change",
        [
            {"eventType": "workitem.created"},
            {"publisherId": "tfs"},
            {"consumerId": "slack"},
            {"status": "maybe"},
            {"consumerInputs": {"url": "file:///etc/passwd"}},
            {"consumerInputs": {"url": "https://user:password@example.org/hook"}},
            {"consumerInputs": {"url": "https://example.org:port/"}},
            {"consumerInputs": {"url": "http://[::1"}},
            {"consumerInputs": {"url": "https://example.org", "httpHeaders": "no colon"}},
            {"consumerInputs": {"url": "https://example.org", "httpHeaders": "Content-Length: 1"}},
            {"consumerInputs": {"url": "https://example.org", "httpHeaders": "a b: c"}},
            {"consumerInputs": {"url": "https://example.org", "messagesToSend": "some"}},
            {"consumerInputs": 7},
            {"publisherInputs": {"releaseDefinitionId": "x"}},
        ],
    )
    async def test_it_is_said_and_nothing_is_kept(
        self, server: Server, change: dict[str, Any]
    ) -> None:
        body = {**await wish(server, CREATED, "https://example.org"), **change}
        answer = await server.ask("POST", f"{HOOKS}/subscriptions", json=body)
        assert answer.status_code == 400, answer.text
        assert answer.json()["message"]
        assert (await server.get(f"{HOOKS}/subscriptions")).json()["count"] == 0

    async def test_a_project_that_is_not_ones_own_does_not_exist(self, server: Server) -> None:
        body = await wish(server, CREATED, "https://example.org", projectId="Elsewhere")
        answer = await server.ask("POST", f"{HOOKS}/subscriptions", json=body)
        assert answer.status_code == 404

    async def test_those_who_may_not_are_told_so(self, server: Server) -> None:
        made = await subscribed(server, CREATED, "https://example.org/hook")
        reader = await server.user("rita", groups=("Readers",))
        path = f"{HOOKS}/subscriptions/{made['id']}"
        assert (await server.get(path, token=reader)).status_code == 404
        assert (await server.get(f"{HOOKS}/subscriptions", token=reader)).json()["value"] == []
        body = await wish(server, CREATED, "https://example.org")
        answer = await server.ask("POST", f"{HOOKS}/subscriptions", json=body, token=reader)
        assert answer.status_code == 403

    @pytest.mark.parametrize("what", ["nothing", "7", "00000000-0000-0000-0000-000000000000"])
    async def test_an_unknown_one_is_404(self, server: Server, what: str) -> None:
        for path in (what, f"{what}/notifications", f"{what}/notifications/1"):
            answer = await server.get(f"{HOOKS}/subscriptions/{path}")
            assert answer.status_code == 404, answer.text


async def test_what_can_be_asked_for_is_told(server: Server) -> None:
    for path in (
        "publishers",
        "publishers/rm",
        "publishers/rm/eventTypes",
        f"publishers/rm/eventTypes/{CREATED}",
        "consumers",
        "consumers/webHooks",
        "consumers/webHooks/actions",
        "consumers/webHooks/actions/httpRequest",
    ):
        answer = await server.get(f"{HOOKS}/{path}")
        assert answer.status_code == 200, (path, answer.text)
    assert (await server.get(f"{HOOKS}/publishers/git")).status_code == 404

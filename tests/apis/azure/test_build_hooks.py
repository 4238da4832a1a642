"""A completed build is told of once, in the forms that receivers read (SEMANTICS 24.2)."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from quaymaster.actions.builds import happening
from quaymaster.actions.call import Call
from quaymaster.domain.build import BuildId
from quaymaster.domain.build_events import BuildRetried
from tests.apis.azure.build.asking import asked, made
from tests.apis.azure.server import Server
from tests.apis.azure.test_service_hooks import HOOKS, event, project, send, wish
from tests.connectors.far_side import answering, far_side

COMPLETE = "build.complete"
RECORDED = Path(os.environ.get("QUAYMASTER_SHARED", "../shared")) / "data/webhooks"
OF_XAML = {"dropLocation", "drop", "log"}  # of a process that is none of ours


async def subscribe(server: Server, url: str, status: int = 200, **inputs: str) -> dict[str, Any]:
    version = inputs.pop("resourceVersion", "2.0")
    body = await wish(server, COMPLETE, url, **inputs)
    body |= {"publisherId": "tfs", "resourceVersion": version}
    answer = await server.ask("POST", f"{HOOKS}/subscriptions", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def canceled(server: Server, definition: Any) -> dict[str, Any]:
    """A build that has ended."""
    build = await asked(server, "POST", "builds", json={"definition": {"id": definition["id"]}})
    return await asked(server, "PATCH", f"builds/{build['id']}", json={"status": "cancelling"})


async def test_a_completed_build_is_told_once(server: Server) -> None:
    web = await made(server, "Web <CI>")
    async with far_side(answering("ok")) as receiver:
        await subscribe(server, receiver.url)
        build = await canceled(server, web)
        await send(server)
        await send(server)
        [told] = [event(receiver, number) for number in range(len(receiver.asked))]
    assert (told["eventType"], told["publisherId"]) == (COMPLETE, "tfs")
    assert told["message"]["text"] == f"Build {build['buildNumber']} stopped"
    assert "<a href=" in told["message"]["html"]
    resource = told["resource"]
    assert (resource["id"], resource["status"], resource["result"]) == (
        build["id"],
        "completed",
        "canceled",
    )
    assert resource["definition"]["name"] == "Web <CI>"
    assert told["resourceContainers"]["project"]["id"] == await project(server)


async def test_a_build_that_is_run_again_is_told_again_and_each_as_it_ended(server: Server) -> None:
    web = await made(server, "Web")
    async with far_side(answering("ok")) as receiver:
        await subscribe(server, receiver.url)
        build = await canceled(server, web)
        call = Call(server.installation)
        await happening.happen(call, BuildId(build["id"]), BuildRetried("", everything=True))
        await send(server)
        assert event(receiver)["resource"]["result"] == "canceled"
        await asked(server, "PATCH", f"builds/{build['id']}", json={"status": "cancelling"})
        await send(server)
        assert len(receiver.asked) == 2


async def test_filters_decide_what_is_told(server: Server) -> None:
    web, api = await made(server, "Web"), await made(server, "Api")
    async with far_side(answering("ok")) as receiver:
        kept = await subscribe(server, receiver.url, definitionName="Web", buildStatus="Stopped")
        await subscribe(server, receiver.url, buildStatus="Failed")
        await canceled(server, api)
        build = await canceled(server, web)
        await send(server)
        [told] = [event(receiver, number) for number in range(len(receiver.asked))]
    assert told["resource"]["id"] == build["id"]
    assert kept["publisherInputs"]["definitionName"] == "Web"
    assert kept["resourceVersion"] == "2.0"


@pytest.mark.parametrize(
    ("inputs", "status"),
    [({"definitionName": "Nothing"}, 404), ({"buildStatus": "Great"}, 400)],
)
async def test_what_would_never_be_told_is_refused(
    server: Server, inputs: dict[str, str], status: int
) -> None:
    await subscribe(server, "https://example.org/hook", status, **inputs)
    body = {**await wish(server, COMPLETE, "https://example.org/hook"), "publisherId": "rm"}
    assert (await server.ask("POST", f"{HOOKS}/subscriptions", json=body)).status_code == 400


async def test_both_publishers_are_listed_with_their_events(server: Server) -> None:
    listed = (await server.get(f"{HOOKS}/publishers")).json()["value"]
    assert [one["id"] for one in listed] == ["rm", "tfs"]
    found = (await server.get(f"{HOOKS}/publishers/tfs/eventtypes")).json()["value"]
    assert [one["id"] for one in found] == [COMPLETE]
    other = await server.get(f"{HOOKS}/publishers/rm/eventtypes/{COMPLETE}")
    assert other.status_code == 404


@pytest.mark.skipif(not RECORDED.exists(), reason=f"there is no {RECORDED}")
async def test_vector_the_first_form_has_what_recorded_events_have(server: Server) -> None:
    web = await made(server, "Web")
    async with far_side(answering("ok")) as receiver:
        await subscribe(server, receiver.url, resourceVersion="1.0")
        await canceled(server, web)
        await send(server)
        told = event(receiver)
    for path in sorted(RECORDED.glob("*__build.complete__*.json")):
        recorded = json.loads(path.read_text("utf-8-sig"))
        if recorded["resourceVersion"] != "1.0":
            continue
        assert recorded.keys() <= told.keys()
        assert recorded["resource"].keys() - OF_XAML <= told["resource"].keys()
        for part in ("definition", "queue", "lastChangedBy"):
            known = {"queueType", "uniqueName", "imageUrl"}
            assert recorded["resource"][part].keys() - known <= told["resource"][part].keys(), part
        assert recorded["resource"]["requests"][0].keys() <= told["resource"]["requests"][0].keys()

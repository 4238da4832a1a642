"""Server tasks that go by a name of their own: what they ask, and when they succeed."""

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from quaymaster.actions.ports.outside import ServerTask, ServerTaskEnd
from quaymaster.connectors.server_tasks.running import WebTasks
from quaymaster.connectors.server_tasks.service_bus import signature
from quaymaster.domain.variables import Variable, VariableSet
from quaymaster.outgoing.requests import WebAnswer, WebRequest
from quaymaster.plans.features import (
    AZURE_FUNCTION,
    AZURE_MONITOR,
    QUERY_WORK_ITEMS,
    SERVER_TASKS,
    SERVICE_BUS,
)
from quaymaster.protocol.job import Endpoint

QUERY = "3f1f3d5e-6d2c-4f3c-9a53-8a0a2b1c9d10"
VARIABLES = VariableSet(
    [
        Variable("fnKey", "the/function=key", is_secret=True),
        Variable("System.AccessToken", "t0ken-to-report", is_secret=True),
        Variable("System.PlanId", "plan-1"),
    ]
)


@dataclass
class Outside:
    """Answers in turn and remembers what it was asked."""

    answers: list[tuple[int, object]]
    asked: list[WebRequest] = field(default_factory=list)

    async def ask(self, request: WebRequest) -> WebAnswer:
        self.asked.append(request)
        status, body = self.answers[min(len(self.asked), len(self.answers)) - 1]
        text = body if isinstance(body, str) else json.dumps(body)
        return WebAnswer(status, {}, text.encode())


async def run(
    outside: Outside,
    task_id: str,
    inputs: Mapping[str, str],
    *connections: Endpoint,
    version: str = "",
) -> ServerTaskEnd:
    major = version or f"{max(SERVER_TASKS[task_id])}.*"
    task = ServerTask(task_id, major, "Look", inputs, VARIABLES, connections)
    return await WebTasks(outside).run(task)


# ---- Azure Function ---------------------------------------------------------------------------


async def test_a_function_is_asked_with_its_key_which_is_not_shown() -> None:
    outside = Outside([(200, {"status": "successful"})])
    inputs = {
        "function": "https://app.example/api/check",
        "key": "$(fnKey)",
        "queryParameters": "a=1&b=2",
        "body": '{"plan": "$(System.PlanId)"}',
        "successCriteria": "eq(root['status'], 'successful')",
    }
    end = await run(outside, AZURE_FUNCTION, inputs)
    [asked] = outside.asked
    assert end.succeeded
    assert asked.method == "POST"
    assert asked.url == "https://app.example/api/check?code=the%2Ffunction%3Dkey&a=1&b=2"
    assert asked.body == b'{"plan": "plan-1"}'
    assert "function=key" not in unquote("\n".join(end.evidence))
    assert "code=***" in end.evidence[0]


async def test_a_function_that_reports_later_is_told_how() -> None:
    outside = Outside([(202, "")])
    inputs = {"function": "https://app.example/api/x", "waitForCompletion": "true"}
    end = await run(outside, AZURE_FUNCTION, inputs)
    assert (end.succeeded, end.is_waiting) == (True, True)
    headers = outside.asked[0].headers
    assert (headers["PlanId"], headers["AuthToken"]) == ("plan-1", "t0ken-to-report")


@pytest.mark.parametrize(
    ("answer", "inputs", "told"),
    [
        ((500, ""), {}, "status is 500"),
        ((200, {"status": "no"}), {}, "does not hold"),
        ((200, ""), {"function": "app"}, "needs the address"),
    ],
)
async def test_a_function_that_does_not_agree_fails(
    answer: tuple[int, object], inputs: dict[str, str], told: str
) -> None:
    given = {
        "function": "https://app.example/api/x",
        "successCriteria": "eq(root['status'], 'yes')",
        **inputs,
    }
    end = await run(Outside([answer]), AZURE_FUNCTION, given)
    assert not end.succeeded
    assert told in end.message


# ---- Query Work Items -------------------------------------------------------------------------

BOARDS = Endpoint(
    "b-1",
    "Boards",
    "externaltfs",
    "https://dev.example/org/",
    "Token",
    {"apitoken": "p4t-of-boards"},
)


def work_items(count: int, kind: str = "flat") -> dict[str, object]:
    listed: Sequence[object] = [{"id": number} for number in range(count)]
    name = "workItems" if kind == "flat" else "workItemRelations"
    return {"queryType": kind, name: listed}


@pytest.mark.parametrize(
    ("found", "least", "most", "succeeds"),
    [
        (work_items(0), "", "", True),
        (work_items(1), "0", "0", False),
        (work_items(3), "1", "3", True),
        (work_items(0), "1", "3", False),
        (work_items(2, "tree"), "0", "2", True),
        (work_items(3, "oneHop"), "0", "2", False),
        ({"error": "x"}, "0", "9", False),
        ([1, 2], "0", "9", False),
    ],
)
async def test_a_query_finds_as_many_as_the_thresholds_allow(
    found: object, least: str, most: str, succeeds: bool
) -> None:
    outside = Outside([(200, found)])
    inputs = {
        "serviceConnection": "boards",
        "project": "Web shop",
        "queryId": QUERY,
        "minThreshold": least,
        "maxThreshold": most,
    }
    end = await run(outside, QUERY_WORK_ITEMS, inputs, BOARDS)
    assert end.succeeded is succeeds, end.message
    [asked] = outside.asked
    assert asked.url == (
        f"https://dev.example/org/Web%20shop/_apis/wit/wiql/{QUERY}?api-version=3.1"
    )
    word = asked.headers["Authorization"].removeprefix("Basic ")
    assert b64decode(word).decode() == ":p4t-of-boards"


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"serviceConnection": ""}, "there are no work items here"),
        ({"serviceConnection": "Other"}, "no service connection 'Other'"),
        ({"queryId": "../../secrets"}, "not the id"),
        ({"maxThreshold": "many"}, "whole number"),
        ({"maxThreshold": "-1"}, "whole number"),
    ],
)
async def test_a_query_that_cannot_be_asked_says_why(inputs: dict[str, str], told: str) -> None:
    outside = Outside([(200, work_items(0))])
    given = {"serviceConnection": "Boards", "queryId": QUERY, **inputs}
    end = await run(outside, QUERY_WORK_ITEMS, given, BOARDS)
    assert not end.succeeded
    assert told in end.message
    assert outside.asked == []


# ---- Publish to Azure Service Bus -------------------------------------------------------------

BUS = Endpoint(
    "s-1",
    "Bus",
    "AzureServiceBus",
    data={
        "serviceBusConnectionString": "Endpoint=sb://quay.servicebus.example/;"
        "SharedAccessKeyName=Sender;SharedAccessKey=c2VjcmV0LWtleQ==",
        "serviceBusQueueName": "releases",
    },
)


async def test_a_message_is_sent_with_a_signature_and_the_way_to_report() -> None:
    outside = Outside([(201, "")])
    inputs = {
        "connectedServiceName": "Bus",
        "messageBody": '{"plan": "$(System.PlanId)"}',
        "sessionId": "s-7",
        "waitForCompletion": "true",
    }
    end = await run(outside, SERVICE_BUS, inputs, BUS)
    assert (end.succeeded, end.is_waiting) == (True, True)
    [asked] = outside.asked
    assert asked.url == "https://quay.servicebus.example/releases/messages"
    assert asked.body == b'{"plan": "plan-1"}'
    given = parse_qs(asked.headers["Authorization"].removeprefix("SharedAccessSignature "))
    expected = signature(
        "https://quay.servicebus.example/releases",
        "Sender",
        "c2VjcmV0LWtleQ==",
        int(given["se"][0]),
    )
    assert asked.headers["Authorization"] == expected
    assert json.loads(asked.headers["BrokerProperties"]) == {"SessionId": "s-7"}
    assert json.loads(asked.headers["AuthToken"]) == "t0ken-to-report"
    assert "c2VjcmV0" not in "\n".join(end.evidence)


def test_a_signature_is_the_documented_one() -> None:
    # From the published description: HMAC-SHA256 of the escaped address and the time, in Base64.
    made = signature("https://Bus.example/q", "Sender", "key", 1_700_000_000)
    assert made == (
        "SharedAccessSignature sr=https%3A%2F%2Fbus.example%2Fq"
        "&sig=MriaAM0rRud0slnJNFcrggwik7LoKiS7z8uLCuNAizg%3D&se=1700000000&skn=Sender"
    )


@pytest.mark.parametrize(
    ("data", "inputs", "told"),
    [
        ({"serviceBusQueueName": "q"}, {}, "connection string"),
        (
            {"serviceBusConnectionString": "Endpoint=;SharedAccessKeyName=a;SharedAccessKey=b"},
            {},
            "names no",
        ),
        (dict(BUS.data), {"signPayload": "true"}, "switch signPayload off"),
    ],
)
async def test_a_message_that_cannot_be_sent_says_why(
    data: dict[str, str], inputs: dict[str, str], told: str
) -> None:
    outside = Outside([(201, "")])
    bus = Endpoint("s-2", "Bus", "AzureServiceBus", data=data)
    end = await run(outside, SERVICE_BUS, {"connectedServiceName": "Bus", **inputs}, bus)
    assert told in end.message
    assert outside.asked == []


# ---- Azure Monitor alerts ---------------------------------------------------------------------

CLOUD = Endpoint(
    "a-1",
    "Cloud",
    "AzureRM",
    "https://management.example/",
    "ServicePrincipal",
    {"tenantid": "t-1", "serviceprincipalid": "p-1", "serviceprincipalkey": "k3y-of-it"},
    {"subscriptionId": "sub-1", "environmentAuthorityUrl": "https://login.example/"},
)
GATE = {
    "connectedServiceNameARM": "Cloud",
    "ResourceGroupName": "web",
    "severity": "Sev0,Sev1",
    "timeRange": "1h",
    "filterType": "alertrule",
    "alertRule": "down",
}


async def test_alerts_are_asked_for_with_the_token_of_the_directory() -> None:
    outside = Outside([(200, {"access_token": "the-directorys-token"}), (200, {"value": []})])
    end = await run(outside, AZURE_MONITOR, GATE, CLOUD)
    assert end.succeeded, end.message
    signed_in, asked = outside.asked
    assert signed_in.url == "https://login.example/t-1/oauth2/token"
    assert parse_qs(signed_in.body.decode())["client_secret"] == ["k3y-of-it"]
    assert asked.headers["Authorization"] == "Bearer the-directorys-token"
    parts = urlsplit(asked.url)
    assert parts.path == "/subscriptions/sub-1/providers/Microsoft.AlertsManagement/alerts"
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert query == {
        "api-version": "2018-05-05",
        "targetResourceGroup": "web",
        "severity": "Sev0,Sev1",
        "timeRange": "1h",
        "alertRule": "/subscriptions/sub-1/resourceGroups/web/providers/microsoft.insights/down",
    }
    told = "\n".join(end.evidence)
    assert "k3y-of-it" not in told
    assert "the-directorys-token" not in told


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (
            [(200, {"access_token": "t0ken-of-it"}), (200, {"value": [{"id": 1}, {"id": 2}]})],
            "2 active",
        ),
        ([(200, {"access_token": "t0ken-of-it"}), (403, "")], "status is 403"),
        ([(200, {"access_token": "t0ken-of-it"}), (200, {})], "not a list"),
        ([(401, {"error": "no"})], "gave the service connection Cloud no token"),
        ([(200, "nonsense")], "no token"),
    ],
)
async def test_alerts_that_are_there_or_cannot_be_seen_fail(
    answers: list[tuple[int, object]], told: str
) -> None:
    end = await run(Outside(answers), AZURE_MONITOR, GATE, CLOUD)
    assert not end.succeeded
    assert told in end.message


async def test_another_way_to_sign_in_and_another_version_are_refused_by_name() -> None:
    managed = Endpoint("a-2", "Cloud", "AzureRM", scheme="ManagedServiceIdentity")
    end = await run(Outside([(200, "")]), AZURE_MONITOR, GATE, managed)
    assert "service principal" in end.message
    end = await run(Outside([(200, "")]), AZURE_MONITOR, GATE, CLOUD, version="0.*")
    assert "choose version 1.*" in end.message


# ---- failing for a while ----------------------------------------------------------------------


async def test_a_task_is_tried_again_as_often_as_asked_with_growing_pauses() -> None:
    outside = Outside([(503, ""), (503, ""), (200, {"ok": True})])
    paused: list[float] = []

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    inputs = {"function": "https://app.example/api/x"}
    task = ServerTask(AZURE_FUNCTION, "1.*", "Look", inputs, VARIABLES, (), 2)
    end = await WebTasks(outside, pause).run(task)
    assert end.succeeded
    assert (len(outside.asked), paused) == (3, [1, 4])
    assert "tried again in 4 seconds" in "\n".join(end.evidence)
    outside = Outside([(503, "")])
    end = await WebTasks(outside, pause).run(task)
    assert (end.succeeded, len(outside.asked)) == (False, 3)


async def test_what_cannot_be_run_is_not_tried_again() -> None:
    async def pause(_: float) -> None:
        raise AssertionError("nothing to wait for")

    task = ServerTask(AZURE_FUNCTION, "1.*", "Look", {"function": "app"}, VARIABLES, (), 5)
    end = await WebTasks(Outside([(200, "")]), pause).run(task)
    assert "needs the address" in end.message

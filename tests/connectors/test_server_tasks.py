"""Invoke REST API asks what the definition says, judges the answer, and shows no secret."""

from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import pytest

from quaymaster.actions.ports.outside import ServerTask, ServerTaskEnd
from quaymaster.connectors.server_tasks.running import WebTasks
from quaymaster.domain.variables import Variable, VariableSet
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.outgoing.http import GuardedClient
from quaymaster.plans.features import INVOKE_REST_API
from quaymaster.protocol.job import Endpoint
from tests.connectors.far_side import answering, far_side

SECRET = VariableSet(
    [Variable("key", "s3cret-value", is_secret=True), Variable("place", "north/1")]
)


async def run(
    inputs: dict[str, str], task_id: str = INVOKE_REST_API, connections: Sequence[Endpoint] = ()
) -> ServerTaskEnd:
    tasks = WebTasks(GuardedClient(AllowedAddresses.of(("127.0.0.0/8",)), seconds=30))
    return await tasks.run(ServerTask(task_id, "1.*", "Ask", inputs, SECRET, connections))


async def asked(body: str, status: str = "200 OK", **inputs: Any) -> ServerTaskEnd:
    async with far_side(answering(body, status)) as far:
        return await run({"serviceConnection": far.url, "method": "GET", **inputs})


async def test_the_request_is_the_one_that_was_written() -> None:
    async with far_side(answering("{}")) as far:
        end = await run(
            {
                "connectedServiceName": far.url + "/api/",
                "urlSuffix": "/alerts/$(place)?open=1",
                "method": "PUT",
                "headers": '{"X-Key": "$(key)", "X-Count": 3}',
                "body": "release $(place)",
            }
        )
    head, _, body = far.asked[0].partition("\r\n\r\n")
    assert head.startswith("PUT /api/alerts/north/1?open=1 HTTP/1.1")
    assert "X-Key: s3cret-value" in head
    assert "X-Count: 3" in head
    assert body == "release north/1"
    assert end.succeeded
    assert end.evidence[0] == f"PUT {far.url}/api/alerts/north/1?open=1"


async def test_a_secret_is_in_no_evidence() -> None:
    end = await asked('{"you sent": "s3cret-value"}', urlSuffix="?key=$(key)")
    assert end.succeeded
    told = end.message + "\n".join(end.evidence)
    assert "s3cret" not in told
    assert "***" in told


@pytest.mark.parametrize(
    ("criteria", "holds"),
    [
        ("eq(root['status'], 'ok')", True),
        ("eq(root['status'], 'bad')", False),
        ("eq(count(root['alerts']), 2)", True),
        ("eq(count(jsonpath('$.alerts[*].id')), 2)", True),
        ("eq(root.alerts[0].id, 1)", True),
        ("", True),
    ],
)
async def test_the_answer_is_judged_by_the_success_expression(criteria: str, holds: bool) -> None:
    body = '{"status": "ok", "alerts": [{"id": 1}, {"id": 2}]}'
    end = await asked(body, successCriteria=criteria)
    assert end.succeeded is holds
    assert (criteria in end.message) is not holds or not criteria


async def test_an_answer_that_is_no_json_is_the_root_as_text() -> None:
    assert (await asked("all fine", successCriteria="contains(root, 'fine')")).succeeded


@pytest.mark.parametrize("criteria", ["eq(root", "nonsense(root)", "root."])
async def test_an_expression_that_cannot_be_read_fails_the_task(criteria: str) -> None:
    end = await asked("{}", successCriteria=criteria)
    assert not end.succeeded
    assert "cannot be evaluated" in end.message


async def test_success_that_is_an_error_inside_fails_by_its_expression() -> None:
    assert not (await asked('{"error": "x"}', successCriteria="eq(root['error'], '')")).succeeded


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "302 Found"])
async def test_every_other_status_fails(status: str) -> None:
    end = await asked("x", status)
    assert end.message == f"The answer's status is {status[:3]}."


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"serviceConnection": "Monitor"}, "no service connection 'Monitor'"),
        ({}, "names no service connection"),
        ({"serviceConnection": "http://10.1.1.1"}, "QUAYMASTER_ALLOWED_ADDRESSES"),
        ({"serviceConnection": "http://127.0.0.1:1", "headers": "[1"}, "not a JSON object"),
        ({"serviceConnection": "http://127.0.0.1:1", "method": "BREW"}, "'BREW'"),
        ({"serviceConnection": "http://127.0.0.1:1"}, "cannot be reached"),
    ],
)
async def test_what_cannot_be_asked_fails_with_a_sentence(
    inputs: dict[str, str], told: str
) -> None:
    end = await run(inputs)
    assert not end.succeeded
    assert told in end.message
    assert end.evidence


async def test_another_server_task_fails_by_name() -> None:
    end = await run({}, "f1e4b0e6-017e-4819-8a48-000000000000")
    assert "cannot be run without an agent" in end.message


async def test_a_long_answer_is_shown_in_part() -> None:
    end = await asked("x" * 50_000)
    assert end.evidence[-1] == "… and 34000 more characters"


def monitor(url: str, scheme: str, kind: str = "generic", **parameters: str) -> Endpoint:
    return Endpoint("c-1", "Monitor", kind, url, scheme, parameters, {"apiKey": "d4ta-key"})


@pytest.mark.parametrize(
    ("endpoint", "header"),
    [
        (("UsernamePassword", "generic", {"username": "quay", "password": "p4ss!"}), "Basic"),
        (("Token", "generic", {"apitoken": "t0ken-of-it"}), "Bearer t0ken-of-it"),
        (("PersonalAccessToken", "github", {"accessToken": "t0ken-of-it"}), "Bearer t0ken-of-it"),
        (("Token", "externaltfs", {"apitoken": "t0ken-of-it"}), "Basic"),
        (("None", "generic", {}), ""),
    ],
)
async def test_a_connection_signs_in_as_its_scheme_says(
    endpoint: tuple[str, str, dict[str, str]], header: str
) -> None:
    scheme, kind, parameters = endpoint
    async with far_side(answering('{"you": "p4ss! t0ken-of-it d4ta-key"}')) as far:
        connection = monitor(far.url + "/api", scheme, kind, **parameters)
        given = {"serviceConnection": "MONITOR", "method": "GET", "urlSuffix": "/x"}
        end = await run(given, connections=[connection])
    assert end.succeeded, end.message
    assert far.asked[0].startswith("GET /api/x HTTP/1.1")
    sent = [line for line in far.asked[0].split("\r\n") if line.startswith("Authorization: ")]
    assert [line.removeprefix("Authorization: ").startswith(header) for line in sent] == (
        [True] if header else []
    )
    if header == "Basic":
        word = b64decode(sent[0].rpartition(" ")[2]).decode()
        assert word == ":".join(
            ("quay", "p4ss!") if "username" in parameters else ("", "t0ken-of-it")
        )
    told = end.message + "\n".join(end.evidence)
    for secret in (*parameters.values(), "d4ta-key"):
        assert secret not in told or secret == "quay"


async def test_a_header_of_the_task_wins_over_its_connection() -> None:
    async with far_side(answering("{}")) as far:
        connection = monitor(far.url, "Token", apitoken="t0ken-of-it")
        given = {"serviceConnection": "c-1", "headers": '{"authorization": "Key $(key)"}'}
        assert (await run(given, connections=[connection])).succeeded
    assert "authorization: Key s3cret-value" in far.asked[0]
    assert "t0ken-of-it" not in far.asked[0]


async def test_a_connection_that_cannot_sign_in_fails_with_a_sentence() -> None:
    connection = monitor("http://127.0.0.1:1", "Certificate", certificate="abc")
    end = await run({"serviceConnection": "Monitor"}, connections=[connection])
    assert "certificate" in end.message
    end = await run({"serviceConnection": "Monitor"}, connections=[monitor("ssh://a", "None")])
    assert "no http:// or https:// URL" in end.message


async def test_a_service_that_reports_later_is_judged_by_its_status_alone() -> None:
    waiting = {"waitForCompletion": "True", "successCriteria": "eq(root, 'done')"}
    end = await asked("queued", "202 Accepted", **waiting)
    assert (end.succeeded, end.is_waiting) == (True, True)
    end = await asked("busy", "503 Busy", **waiting)
    assert (end.succeeded, end.is_waiting) == (False, False)

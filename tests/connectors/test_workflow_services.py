"""What every service that runs workflows is asked, and what its answers mean."""

import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from quaymaster.actions.ports.workflows import (
    CallBack,
    FarRun,
    Order,
    Sighting,
    WorkflowPutOff,
    WorkflowRefused,
    WorkflowService,
    WorkflowUnclear,
)
from quaymaster.connectors.workflows.services import services
from quaymaster.domain.statuses import ReportedStatus
from quaymaster.domain.workflows import Method, Workflow
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.outgoing.http import GuardedClient
from quaymaster.protocol.job import Endpoint
from tests.connectors.far_workflows import (
    EVERY_KIND,
    KINDS,
    METHODS,
    REFUSED,
    SECRET,
    FarBuildkite,
    FarGitHub,
    FarGitLab,
    FarService,
    FarWebhook,
)
from tests.sources.counterparts.serving import Reply, serving

LOOPBACK = AllowedAddresses.of(("127.0.0.0/8",))
INPUTS = {"aviator_deployment_id": "17"}

every = pytest.mark.parametrize("far", [kind() for kind in EVERY_KIND], ids=lambda far: far.kind)
watched = pytest.mark.parametrize("far", [kind() for kind in KINDS], ids=lambda far: far.kind)


class Wire:
    """A service, the order that is put to it, and the connector between them."""

    def __init__(self, far: FarService, url: str, seconds: float = 20) -> None:
        self.far, self.url = far, url
        self.service: WorkflowService = services(GuardedClient(LOOPBACK, seconds=seconds))[
            METHODS[far.kind]
        ]
        self.order = Order(
            key="6e0dd0f4-5a5e-4b3c-9d52-000000000001",
            number="17",
            title="Deploy shop 1.0-rc1 to production",
            workflow=Workflow(METHODS[far.kind], far.target or f"{url}/hook", connection="Far"),
            inputs=INPUTS,
            commit="a" * 40,
            repository="acme/shop",
            connection=Endpoint(
                "c0ffee00-0000-4000-8000-000000000001",
                "Far",
                far.connection_type,
                url,
                "Token",
                {far.secret_key: SECRET},
            ),
            asked_at=datetime.now(UTC),
            call_back=CallBack("https://quay.example/call", "t0ken-of-the-run"),
        )

    async def begin(self) -> FarRun:
        return await self.service.begin(self.order)


@pytest.fixture
def wire(far: FarService) -> Iterator[Wire]:
    fresh = type(far)()
    with serving(fresh.serve) as url:
        yield Wire(fresh, url)


@every
async def test_a_run_is_begun_with_its_inputs(wire: Wire):
    found = await wire.begin()
    assert len(wire.far.begun) == 1
    assert wire.far.inputs["aviator_deployment_id"] == "17"
    assert found.id == ("" if isinstance(wire.far, FarWebhook) else "7001")


@every
@pytest.mark.parametrize("status", [401, 404, 422])
async def test_a_refusal_says_what_to_change_and_no_secret(wire: Wire, status):
    wire.far.says = REFUSED[status]
    with pytest.raises(WorkflowRefused, match=str(status)) as refused:
        await wire.begin()
    assert SECRET not in str(refused.value)


@every
@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_service_puts_it_off(wire: Wire, status):
    wire.far.says = REFUSED[status]
    with pytest.raises(WorkflowPutOff) as later:
        await wire.begin()
    assert later.value.after == (timedelta(seconds=7) if status == 429 else None)


@every
async def test_after_another_fault_nobody_knows_whether_it_was_begun(wire: Wire):
    wire.far.says = REFUSED[502]
    with pytest.raises(WorkflowUnclear):
        await wire.begin()


@watched
@pytest.mark.parametrize("said", [b"\x00\xff{]", b"<html>Thank you</html>"])
async def test_whoever_says_that_it_took_the_order_and_garbage_may_have_begun_it(wire: Wire, said):
    wire.far.says = Reply(200 if isinstance(wire.far, FarGitHub) else 201, said)
    with pytest.raises(WorkflowUnclear):
        await wire.begin()


@pytest.mark.parametrize("service", [FarBuildkite, FarGitLab])
async def test_a_run_that_was_begun_without_a_name_may_have_been_begun(service):
    with serving(service(says=Reply(201, b"{}")).serve) as url, pytest.raises(WorkflowUnclear):
        await Wire(service(), url).begin()


@every
@pytest.mark.parametrize(
    "page", ["javascript:alert(1)", "https://far.example/\0", "https://" + "x" * 3000]
)
async def test_an_address_that_nobody_should_follow_is_not_kept(wire: Wire, page: str):
    told = {"id": 7, "number": 7, "workflow_run_id": 7, "run_id": 7}
    pages = dict.fromkeys(("web_url", "html_url", "run_url", "logs_url"), page)
    status = 200 if isinstance(wire.far, FarGitHub | FarWebhook) else 201
    wire.far.says = Reply(status, json.dumps(told | pages).encode())
    found = await wire.begin()
    assert (found.id, found.url, found.logs_url) == ("7", "", "")


@every
async def test_a_name_that_nobody_could_call_a_run_by_is_none(wire: Wire):
    names = dict.fromkeys(("id", "number", "workflow_run_id", "run_id"), "7\0")
    status = 200 if isinstance(wire.far, FarGitHub | FarWebhook) else 201
    wire.far.says = Reply(status, json.dumps(names).encode())
    if isinstance(wire.far, FarBuildkite | FarGitLab):
        with pytest.raises(WorkflowUnclear):
            await wire.begin()
    else:
        assert (await wire.begin()).id == ""


@every
async def test_who_redirects_to_where_nobody_is_may_have_begun_it(wire: Wire):
    """It may have done as it was told, and meant to show a page of that."""
    wire.far.says = Reply(303, b"", {"Location": "http://127.0.0.1:1/done"})
    with pytest.raises(WorkflowUnclear):
        await wire.begin()


@every
async def test_whoever_is_away_was_not_asked(wire: Wire):
    gone = Wire(wire.far, "http://127.0.0.1:1")
    with pytest.raises(WorkflowPutOff):
        await gone.begin()


@every
async def test_an_answer_that_does_not_end_is_unclear(far: FarService):
    slow = type(far)(hangs=threading.Event())
    with serving(slow.serve) as url:
        try:
            with pytest.raises(WorkflowUnclear):
                await Wire(slow, url, seconds=0.2).begin()
        finally:
            assert slow.hangs
            slow.hangs.set()


@every
async def test_a_redirect_is_not_taken_for_a_begin(wire: Wire):
    wire.far.says = Reply(302, b"", {"Location": f"{wire.url}/moved"})
    with pytest.raises(WorkflowRefused, match="redirects"):
        await wire.begin()


@watched
async def test_a_run_is_found_by_its_order(wire: Wire):
    assert await wire.service.find(wire.order) is Sighting.NOTHING
    if isinstance(wire.far, FarGitHub):
        wire.far.title = "Deploy {aviator_deployment_id}"
    await wire.begin()
    found = await wire.service.find(wire.order)
    assert isinstance(found, FarRun)
    assert found.id == "7001"


@pytest.mark.parametrize("title", ["Deploy 1.17 of shop", "Deploy 170", ""])
async def test_a_run_that_does_not_name_the_order_may_be_anybodys(title):
    far = FarGitHub(title=title)
    with serving(far.serve) as url:
        wire = Wire(far, url)
        await wire.begin()
        assert await wire.service.find(wire.order) is Sighting.UNCLEAR


async def test_an_older_server_does_not_name_the_run():
    far = FarGitHub(names_runs=False)
    with serving(far.serve) as url:
        assert (await Wire(far, url).begin()).id == ""


async def test_a_server_that_does_not_know_how_to_name_the_run_is_asked_without():
    far = FarGitHub(knows_details=False)
    with serving(far.serve) as url:
        assert (await Wire(far, url).begin()).id == ""
    assert len(far.begun) == 1


@watched
@pytest.mark.parametrize(
    ("stands", "status"),
    [
        ("queued", ReportedStatus.PENDING),
        ("runs", ReportedStatus.IN_PROGRESS),
        ("good", ReportedStatus.SUCCEEDED),
        ("bad", ReportedStatus.FAILED),
        ("stopped", ReportedStatus.CANCELED),
    ],
)
async def test_how_a_run_stands(wire: Wire, stands, status):
    await wire.begin()
    wire.far.stands = stands
    found = await wire.service.state(wire.order, "7001")
    assert (found.status, found.url) == (status, "https://far.example/7001")
    assert bool(found.problem) is (stands == "bad")


async def test_an_end_that_nobody_knows_is_an_error_and_can_be_told():
    far = FarGitHub(stands="odd")
    with serving(far.serve) as url:
        wire = Wire(far, url)
        await wire.begin()
        found = await wire.service.state(wire.order, "7001")
    assert found.status is ReportedStatus.ERROR
    assert found.problem.isprintable()


@every
async def test_a_run_is_stopped(wire: Wire):
    await wire.begin()
    await wire.service.cancel(wire.order, "7001")
    assert wire.far.canceled == ["7001"]


async def test_a_webhook_is_told_its_key_and_where_to_call_back():
    far = FarWebhook()
    with serving(far.serve) as url:
        wire = Wire(far, url)
        await wire.begin()
        assert far.begun[0]["call_back"]["token"] == "t0ken-of-the-run"
        assert far.asked[0].headers["Idempotency-Key"] == wire.order.key
        assert await wire.service.find(wire.order) is Sighting.UNCLEAR


async def test_a_webhook_knows_by_the_signature_who_orders_and_who_cancels():
    far = FarWebhook()
    with serving(far.serve) as url:
        wire = Wire(far, url)
        parameters = {far.secret_key: SECRET, "secret": "k3y"}
        connection = msgspec.structs.replace(wire.order.connection, parameters=parameters)
        order = replace(wire.order, connection=connection)
        await wire.service.begin(order)
        await wire.service.cancel(order, "7001")
    assert len(far.asked) == 2
    for told in far.asked:
        signed = hmac.new(b"k3y", told.body, "sha256").hexdigest()
        assert told.headers["X-Quaymaster-Signature-SHA256"] == signed


def test_every_method_outside_has_its_service():
    found = services(GuardedClient(LOOPBACK))
    assert set(found) == set(Method) - {Method.OWN}

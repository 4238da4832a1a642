"""Subscribers hear of releases: at least once, in order, and under one id (R-39)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from quaymaster.actions.announcements import deliveries, subscriptions
from quaymaster.actions.announcements.deliveries import Announcer, Post, Told
from quaymaster.actions.announcements.subscriptions import SubscriptionRequest
from quaymaster.actions.deployments import approvals
from quaymaster.actions.deployments.approvals import Answer, Verdict
from quaymaster.actions.ports.outboxes import PAUSES
from quaymaster.actions.releases import reading, releases
from quaymaster.actions.releases.releases import ReleaseUpdate
from quaymaster.actions.storage.turns import OURS
from quaymaster.domain.announcements import Announcement, Happening
from quaymaster.domain.errors import Forbidden, Invalid, NotFound, Refused
from quaymaster.domain.overrides import MASK
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.statuses import ReleaseStatus
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.outgoing.http import GuardedClient
from quaymaster.store.announcements import deliveries as stored
from quaymaster.store.announcements.deliveries import Delivery, DeliveryStatus, Letter
from quaymaster.store.announcements.subscriptions import Subscription, Wanted
from quaymaster.worker.courier import Courier, Letters
from tests.actions.office import Office
from tests.connectors.far_side import FarSide, answering, far_side
from tests.server.waiting import eventually

DIALECT = "plain"


class PlainAnnouncer:
    """Writes what happened and nothing else."""

    def body(self, told: Told) -> bytes:
        name = told.release.view.head.name if told.release else ""
        return msgspec.json.encode({"told": told.letter.fact.happening, "release": name})

    def post(self, subscription: Subscription, letter: Letter, body: bytes) -> Post:
        key = subscription.secrets.get("key", "")
        return Post({"X-Id": str(letter.id), "X-Key": key, "X-Length": str(len(body))})


ANNOUNCERS: dict[str, Announcer] = {DIALECT: PlainAnnouncer()}
EVERYTHING = tuple(Happening)


def wish(url: str, *happenings: Happening, **wanted: object) -> SubscriptionRequest:
    """To be told of these happenings, of all when none is named, at this address."""
    asked = Wanted(happenings or EVERYTHING)
    return SubscriptionRequest(None, replace(asked, **wanted), url, secrets={"key": "s3cret"})


async def subscribed(office: Office, request: SubscriptionRequest) -> UUID:
    call = await office.call("ann")
    made = await subscriptions.create(
        call, DIALECT, replace(request, project=UUID(call.project.id) if call.project else None)
    )
    return made.subscription.id


@asynccontextmanager
async def courier(office: Office) -> AsyncIterator[Courier]:
    """Somebody who sends, for as long as the block runs."""
    client = GuardedClient(AllowedAddresses.of(("127.0.0.1",)), seconds=30)
    sending = Courier(Letters(office.installation, client, ANNOUNCERS))
    task = asyncio.create_task(sending.run())
    try:
        yield sending
    finally:
        task.cancel()


async def sent(office: Office, subscription: UUID) -> list[Delivery]:
    """All deliveries, oldest first."""
    found = await subscriptions.sent(await office.call("ann"), DIALECT, subscription, 100)
    return list(reversed(found))


async def all_ended(office: Office, subscription: UUID) -> list[Delivery]:
    async def have_ended() -> bool:
        found = await sent(office, subscription)
        return bool(found) and all(one.status is not DeliveryStatus.QUEUED for one in found)

    await eventually(have_ended, "every delivery to end")
    return await sent(office, subscription)


async def send_due(office: Office) -> None:
    client = GuardedClient(AllowedAddresses.of(("127.0.0.1",)), seconds=30)
    for letter in await deliveries.due(office.installation, [], 10):
        await deliveries.send(office.installation, client, ANNOUNCERS, letter)


async def due_now(office: Office) -> None:
    """Nobody waits for a pause."""
    async with office.installation.database.transaction() as connection:
        await connection.execute("UPDATE deliveries SET due_at = now() WHERE status = 'queued'")


def bodies(receiver: FarSide) -> list[str]:
    return [asked.partition("\r\n\r\n")[2] for asked in receiver.asked]


def header(asked: str, name: str) -> str:
    lines = asked.partition("\r\n\r\n")[0].split("\r\n")
    return next(line.partition(": ")[2] for line in lines if line.lower().startswith(name.lower()))


async def test_a_subscriber_hears_of_a_release_in_the_order_of_things(office: Office) -> None:
    definition = await office.define("ann", approvals={"Dev": [office.ids["bob"]]})
    async with far_side(answering("")) as receiver, courier(office) as sending:
        subscription = await subscribed(office, wish(receiver.url))
        release = await office.release("ann", definition)
        await refuse(office, release)
        await sending.wake(0)
        ended = await all_ended(office, subscription)
    told = [msgspec.json.decode(body)["told"] for body in bodies(receiver)]
    assert told == [
        "releaseCreated",
        "deploymentCreated",
        "approvalPending",
        "approvalCompleted",
        "deploymentCompleted",
        "deploymentChanged",
    ]
    assert [one.answer for one in ended] == [200] * 6
    assert [header(asked, "x-id") for asked in receiver.asked] == [str(one.id) for one in ended]
    assert header(receiver.asked[0], "x-key") == "s3cret"


async def refuse(office: Office, release: ReleaseId) -> None:
    seen = await office.seen("bob", release)
    [question] = seen.view.stages[0].attempts[0].approvals
    call = await office.call("bob")
    await approvals.answer(call, Answer(question.id, Verdict.REJECTED, "No."))


async def test_only_what_was_asked_for_is_sent(office: Office) -> None:
    definition = await office.define("ann")
    other = await office.define("ann", name="Another")
    async with far_side(answering("")) as receiver, courier(office) as sending:
        subscription = await subscribed(
            office, wish(receiver.url, Happening.RELEASE_ABANDONED, definition=definition.id)
        )
        for one in (other, definition):
            release = await office.release("ann", one, is_draft=True)
            update = ReleaseUpdate(status=ReleaseStatus.ABANDONED)
            await releases.update(await office.call("ann"), release, update)
        await sending.wake(0)
        [only] = await all_ended(office, subscription)
    assert only.fact.happening is Happening.RELEASE_ABANDONED
    assert len(receiver.asked) == 1


async def test_a_receiver_that_fails_gets_the_same_again_and_the_rest_waits(office: Office) -> None:
    definition = await office.define("ann", approvals={"Dev": [office.ids["bob"]]})
    async with far_side(answering("", "503 Service Unavailable")) as receiver:
        subscription = await subscribed(office, wish(receiver.url))
        await office.release("ann", definition)
        await send_due(office)
        await due_now(office)
        await send_due(office)
        first, *rest = await sent(office, subscription)
    assert first.problem == "The receiver answered 503."
    assert first.due_at - first.created_at > timedelta(seconds=5)
    assert [one.attempts for one in rest] == [0, 0]
    assert len(set(receiver.asked)) == 1


async def test_after_a_day_of_failing_it_is_parked_and_can_be_sent_by_hand(office: Office) -> None:
    definition = await office.define("ann")
    async with far_side(answering("", "500 Oops")) as receiver:
        subscription = await subscribed(office, wish(receiver.url, Happening.RELEASE_CREATED))
        await office.release("ann", definition)
        for _ in range(len(PAUSES) + 1):
            await due_now(office)
            await send_due(office)
    [parked] = await sent(office, subscription)
    assert parked.attempts == len(PAUSES) + 1 == len(receiver.asked)

    async with far_side(answering("")) as receiver, courier(office) as sending:
        call = await office.call("ann")
        changed = replace(
            wish(receiver.url, Happening.RELEASE_CREATED), project=UUID(call.project.id)
        )
        await subscriptions.update(call, DIALECT, subscription, changed)
        await subscriptions.send_again(call, DIALECT, subscription, parked.number)
        await sending.wake(0)
        [again] = await all_ended(office, subscription)
    assert (again.status, again.id) == (DeliveryStatus.DELIVERED, parked.id)
    whole = await subscriptions.delivery(call, DIALECT, subscription, parked.number)
    assert bodies(receiver) == [(whole.body or b"").decode()]


async def test_what_was_taken_and_never_ended_is_taken_again(office: Office) -> None:
    definition = await office.define("ann")
    async with far_side(answering("")) as receiver:
        subscription = await subscribed(office, wish(receiver.url, Happening.RELEASE_CREATED))
        await office.release("ann", definition)
        [taken] = await deliveries.due(office.installation, [], 10)
        assert await deliveries.due(office.installation, [], 10) == []
        await due_now(office)  # the lease of whoever took it has run out
        async with courier(office):
            [ended] = await all_ended(office, subscription)
    assert (ended.id, ended.attempts) == (taken.id, 2)


async def test_a_receiver_at_a_private_address_is_not_called(office: Office) -> None:
    definition = await office.define("ann")
    async with far_side(answering("")) as receiver:
        subscription = await subscribed(office, wish(receiver.url, Happening.RELEASE_CREATED))
        await office.release("ann", definition)
        [letter] = await deliveries.due(office.installation, [], 1)
        client = GuardedClient(AllowedAddresses())
        await deliveries.send(office.installation, client, ANNOUNCERS, letter)
    [refused] = await sent(office, subscription)
    assert "not a public address" in refused.problem
    assert receiver.asked == []


async def test_news_of_builds_and_environments_wait_for_their_own_only(office: Office) -> None:
    subscription = await subscribed(office, wish("https://example.org/hook"))
    built = Announcement(Happening.BUILD_COMPLETED, 0, "succeeded", build=1)
    frozen = Announcement(Happening.ENVIRONMENT_FROZEN, 0, "", definition_stage=7)
    thawed = Announcement(Happening.ENVIRONMENT_UNFROZEN, 0, "", definition_stage=7)
    told = [frozen, built, thawed, replace(built, build=2), replace(frozen, definition_stage=8)]
    async with office.installation.database.transaction() as connection:
        for one in told:
            at = datetime.now(UTC)
            await stored.queue_one(connection, subscription, one, at)
    letters = await deliveries.due(office.installation, [], 10)
    assert [one.fact for one in letters] == [one for one in told if one is not thawed]


async def test_what_waits_for_a_subscription_is_parked_when_it_is_disabled(office: Office) -> None:
    definition = await office.define("ann")
    async with far_side(answering("", "503 Service Unavailable")) as receiver:
        request = wish(receiver.url)
        subscription = await subscribed(office, request)
        await office.release("ann", definition)
        await send_due(office)
        call = await office.call("ann")
        off = replace(request, project=UUID(call.project.id), is_enabled=False)
        await subscriptions.update(call, DIALECT, subscription, off)
        await due_now(office)
        await send_due(office)
    waiting = await sent(office, subscription)
    assert len(receiver.asked) == 1 < len(waiting)
    assert {one.status for one in waiting} == {DeliveryStatus.PARKED}
    assert all("was disabled" in one.problem for one in waiting)


async def test_a_disabled_subscription_is_told_nothing(office: Office) -> None:
    definition = await office.define("ann")
    quiet = replace(wish("https://example.org/hook"), is_enabled=False)
    subscription = await subscribed(office, quiet)
    await office.release("ann", definition)
    assert await sent(office, subscription) == []


class TestWhoMay:
    async def test_contributors_and_readers_may_not(self, office: Office) -> None:
        for name in ("bob", "dora"):
            call = await office.call(name)
            request = replace(wish("https://example.org"), project=UUID(call.project.id))
            with pytest.raises(Forbidden, match="service hooks"):
                await subscriptions.create(call, DIALECT, request)
        assert await office.rows("subscriptions") == 0

    async def test_what_one_may_not_administer_does_not_exist(self, office: Office) -> None:
        subscription = await subscribed(office, wish("https://example.org"))
        call = await office.call("dora")
        assert await subscriptions.listed(call, DIALECT) == []
        for asked in (
            subscriptions.get(call, DIALECT, subscription),
            subscriptions.sent(call, DIALECT, subscription, 1),
            subscriptions.delete(call, DIALECT, subscription),
            subscriptions.send_again(call, DIALECT, subscription, 1),
        ):
            with pytest.raises(NotFound):
                await asked
        assert await office.rows("subscriptions") == 1


class TestChanging:
    async def test_a_masked_secret_stays_while_the_address_does(self, office: Office) -> None:
        subscription = await subscribed(office, wish("https://example.org"))
        call = await office.call("ann")
        same = replace(
            wish("https://example.org"), project=UUID(call.project.id), secrets={"key": MASK}
        )
        kept = await subscriptions.update(call, DIALECT, subscription, same)
        assert kept.subscription.secrets == {"key": "s3cret"}

        with pytest.raises(Invalid, match="Give key anew"):
            await subscriptions.update(
                call, DIALECT, subscription, replace(same, url="https://evil.example")
            )

    async def test_secrets_are_sealed_at_rest(self, office: Office) -> None:
        await subscribed(office, wish("https://example.org"))
        async with office.installation.database.read() as connection:
            row = await connection.fetchrow("SELECT * FROM subscriptions")
        assert "s3cret" not in repr(row)

    @pytest.mark.parametrize(
        "url", ["", "ftp://example.org", "https://", "https://a b", "x" * 5000]
    )
    async def test_an_address_that_is_none_is_refused(self, office: Office, url: str) -> None:
        with pytest.raises(Invalid, match="address"):
            await subscribed(office, wish(url))

    async def test_what_is_still_tried_cannot_be_sent_again(self, office: Office) -> None:
        definition = await office.define("ann")
        subscription = await subscribed(
            office, wish("https://example.org", Happening.RELEASE_CREATED)
        )
        await office.release("ann", definition)
        [waiting] = await sent(office, subscription)
        with pytest.raises(Refused, match="still being tried"):
            await subscriptions.send_again(
                await office.call("ann"), DIALECT, subscription, waiting.number
            )

    async def test_what_waits_for_hours_can_be_sent_now(self, office: Office) -> None:
        """The receiver was mended: nobody has to wait until the next attempt comes."""
        definition = await office.define("ann")
        subscription = await subscribed(
            office, wish("https://example.org", Happening.RELEASE_CREATED)
        )
        await office.release("ann", definition)
        async with office.installation.database.transaction() as connection:
            await connection.execute(
                "UPDATE deliveries SET attempts = 8, due_at = now() + interval '6 hours'"
            )
        [waiting] = await sent(office, subscription)
        again = await subscriptions.send_again(
            await office.call("ann"), DIALECT, subscription, waiting.number
        )
        assert (again.id, again.attempts) == (waiting.id, 0)
        [letter] = await deliveries.due(office.installation, [], 1)
        assert letter.id == waiting.id


async def test_a_release_that_was_deleted_for_good_is_not_told(office: Office) -> None:
    definition = await office.define("ann")
    subscription = await subscribed(office, wish("https://example.org", Happening.RELEASE_CREATED))
    release = await office.release("ann", definition)
    async with office.installation.database.transaction() as connection:
        await connection.execute(
            "UPDATE deliveries SET fact = json_build_object('happening',"
            " 'releaseCreated', 'release', 999999, 'status', 'active')"
        )
    [letter] = await deliveries.due(office.installation, [], 1)
    await deliveries.send(
        office.installation, GuardedClient(AllowedAddresses()), ANNOUNCERS, letter
    )
    [parked] = await sent(office, subscription)
    assert (parked.status, parked.problem) == (DeliveryStatus.PARKED, deliveries.GONE)
    assert (await reading.release(await office.call("ann"), release)).view.head.id == release


class OddAnnouncer(PlainAnnouncer):
    """Cannot write what it is to write."""

    def body(self, told: Told) -> bytes:
        raise KeyError(told.letter.number)


@pytest.mark.parametrize("is_spoilt", [True, False])
async def test_what_cannot_be_opened_or_written_is_parked_with_its_reason(
    office: Office, is_spoilt: bool
) -> None:
    definition = await office.define("ann")
    await subscribed(office, wish("http://127.0.0.1:9/", Happening.RELEASE_CREATED))
    await office.release("ann", definition)
    database, announcers = office.installation.database, {DIALECT: OddAnnouncer()}
    if is_spoilt:
        async with database.transaction() as connection:
            await connection.execute("UPDATE subscriptions SET secrets = 'x'::bytea")
    client = GuardedClient(AllowedAddresses.of(()))
    for _ in range(len(PAUSES) + 1):
        await due_now(office)
        [letter] = await deliveries.due(office.installation, [], 10)
        with nullcontext() if is_spoilt else pytest.raises(KeyError):
            await deliveries.send(office.installation, client, announcers, letter)
    async with database.read() as connection:
        kept = await connection.fetchrow("SELECT status, problem FROM deliveries")
    said = "sealed with a key that is not in the key file" if is_spoilt else OURS
    assert kept["status"] == DeliveryStatus.PARKED
    assert said in kept["problem"]

"""Service hooks over HTTP: subscriptions, what was sent to them, and what can be asked for."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath

from quaymaster.actions.announcements import subscriptions
from quaymaster.actions.releases import reading
from quaymaster.apis.azure.asked import AzureRequest, nothing, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.apis.azure.service_hooks import descriptors, words
from quaymaster.apis.azure.service_hooks.queries import (
    KNOWN,
    NAMED,
    SubscriptionsQuery,
    query_in,
)
from quaymaster.apis.azure.service_hooks.requests import request_in, shown
from quaymaster.apis.azure.values import date_out, number_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.announcements import Announcement
from quaymaster.domain.errors import NotFound
from quaymaster.store.announcements.deliveries import Delivery, DeliveryStatus
from quaymaster.store.announcements.subscriptions import KeptSubscription

PLAIN = "/hooks/subscriptions"
ONE = PLAIN + "/{subscription_id:str}"
SENT = ONE + "/notifications"
USUAL, MOST = 100, 1000
RESULTS = {
    DeliveryStatus.QUEUED: "pending",
    DeliveryStatus.DELIVERED: "succeeded",
    DeliveryStatus.PARKED: "failed",
}


@get(PLAIN, opt=needs(Scope.RELEASE))
async def list_subscriptions(request: AzureRequest) -> Response[bytes]:
    """The subscriptions that the caller may administer; by event, publisher or consumer."""
    named = {name: request.parameters.text(name) for name in NAMED}
    return request.collection("subscription", await _matching(request, query_in(named)))


@post("/hooks/subscriptionsquery", opt=needs(Scope.RELEASE), status_code=200)
async def query_subscriptions(request: AzureRequest) -> Response[bytes]:
    """The same by a body, which can filter by inputs too; the answer adds `results` to it."""
    body = await request.properties("subscriptionsQuery", KNOWN)
    found = await _matching(request, query_in(body))
    return request.answer("subscriptionsQuery", {**body, "results": found})


@post(PLAIN, opt=needs(Scope.RELEASE_MANAGE), status_code=200)
async def create_subscription(request: AzureRequest) -> Response[bytes]:
    """Send these events to this address from now on."""
    wanted = await request_in(request)
    return await _answer(request, await subscriptions.create(request.call, words.DIALECT, wanted))


@get(ONE, opt=needs(Scope.RELEASE))
async def get_subscription(
    request: AzureRequest, subscription_id: FromPath[str]
) -> Response[bytes]:
    """One subscription; what is secret is masked."""
    found = await subscriptions.get(request.call, words.DIALECT, _id(subscription_id))
    return await _answer(request, found)


@put(ONE, opt=needs(Scope.RELEASE_MANAGE))
async def replace_subscription(
    request: AzureRequest, subscription_id: FromPath[str]
) -> Response[bytes]:
    """Replace a subscription; a masked secret stays as long as the address does."""
    wanted = await request_in(request)
    changed = await subscriptions.update(request.call, words.DIALECT, _id(subscription_id), wanted)
    return await _answer(request, changed)


@delete(ONE, opt=needs(Scope.RELEASE_MANAGE), status_code=204)
async def delete_subscription(
    request: AzureRequest, subscription_id: FromPath[str]
) -> Response[None]:
    """Stop telling; what waits to be sent is dropped."""
    await subscriptions.delete(request.call, words.DIALECT, _id(subscription_id))
    return nothing()


# ---- what was sent --------------------------------------------------------------------------


@get(SENT, opt=needs(Scope.RELEASE))
async def list_notifications(
    request: AzureRequest, subscription_id: FromPath[str]
) -> Response[bytes]:
    """What was sent or waits to be, newest first; `maxResults`, `status` and `result`."""
    query = request.parameters
    told = query.text("maxResults")
    most = number_in(told, "maxResults", lowest=1) if told else USUAL
    found = await subscriptions.sent(
        request.call,
        words.DIALECT,
        _id(subscription_id),
        min(most, MOST),
        _statuses(query.text("status"), query.text("result")),
    )
    return request.collection("notification", [_notification(one) for one in found])


@get(SENT + "/{notification_id:str}", opt=needs(Scope.RELEASE))
async def get_notification(
    request: AzureRequest, subscription_id: FromPath[str], notification_id: FromPath[str]
) -> Response[bytes]:
    """One of them with the event itself."""
    number = number_in(notification_id, "notificationId", lowest=1)
    found = await subscriptions.delivery(request.call, words.DIALECT, _id(subscription_id), number)
    return request.answer("notification", _notification(found, whole=True))


@post(SENT + "/{notification_id:str}/redeliver", opt=needs(Scope.RELEASE_MANAGE), status_code=200)
async def redeliver(
    request: AzureRequest, subscription_id: FromPath[str], notification_id: FromPath[str]
) -> Response[bytes]:
    """Send it once more, under the same id and with the same body; our own addition."""
    number = number_in(notification_id, "notificationId", lowest=1)
    found = await subscriptions.send_again(
        request.call, words.DIALECT, _id(subscription_id), number
    )
    return request.answer("notification", _notification(found))


@post("/hooks/testnotifications", opt=needs(Scope.RELEASE_MANAGE), status_code=200)
async def test_notification(request: AzureRequest) -> Response[bytes]:
    """Send an event without a resource to a subscription, to try its address out."""
    body = await request.properties("notification", ("subscriptionId",))
    subscription = _id(text_in(body.get("subscriptionId"), "subscriptionId"))
    kept = await subscriptions.get(request.call, words.DIALECT, subscription)
    [happening] = kept.subscription.wanted.happenings
    told = Announcement(happening, 0, "")
    sent = await subscriptions.send_this(request.call, words.DIALECT, subscription, told)
    return request.answer("notification", _notification(sent))


# ---- what can be asked for ------------------------------------------------------------------


@get("/hooks/publishers", opt=needs(Scope.RELEASE))
async def list_publishers(request: AzureRequest) -> Response[bytes]:
    """Who tells: release management, and builds."""
    return request.collection(
        "publisher",
        [descriptors.publisher(one, _hooks(request)) for one in words.RESOURCE_VERSIONS],
    )


@get("/hooks/publishers/{publisher_id:str}", opt=needs(Scope.RELEASE))
async def get_publisher(request: AzureRequest, publisher_id: FromPath[str]) -> Response[bytes]:
    """One publisher with its events."""
    return request.answer(
        "publisher", descriptors.publisher(_publisher(publisher_id), _hooks(request))
    )


@get("/hooks/publishers/{publisher_id:str}/eventtypes", opt=needs(Scope.RELEASE))
async def list_event_types(request: AzureRequest, publisher_id: FromPath[str]) -> Response[bytes]:
    """The events that can be subscribed to."""
    told = descriptors.publisher(_publisher(publisher_id), _hooks(request))
    return request.collection("eventType", told["supportedEvents"])


@get("/hooks/publishers/{publisher_id:str}/eventtypes/{event_type:str}", opt=needs(Scope.RELEASE))
async def get_event_type(
    request: AzureRequest, publisher_id: FromPath[str], event_type: FromPath[str]
) -> Response[bytes]:
    """One event and its filters."""
    publisher = _publisher(publisher_id)
    happening = words.HAPPENINGS.get(event_type.casefold())
    if happening is None or words.publisher_of(happening) != publisher:
        raise NotFound("event type", event_type)
    return request.answer("eventType", descriptors.event_type(happening, _hooks(request)))


@get("/hooks/consumers", opt=needs(Scope.RELEASE))
async def list_consumers(request: AzureRequest) -> Response[bytes]:
    """How it can be told: web hooks."""
    return request.collection("consumer", [descriptors.consumer(_hooks(request))])


@get("/hooks/consumers/{consumer_id:str}", opt=needs(Scope.RELEASE))
async def get_consumer(request: AzureRequest, consumer_id: FromPath[str]) -> Response[bytes]:
    """One consumer with its actions."""
    _check(consumer_id, words.CONSUMER, "consumer")
    return request.answer("consumer", descriptors.consumer(_hooks(request)))


@get("/hooks/consumers/{consumer_id:str}/actions", opt=needs(Scope.RELEASE))
async def list_actions(request: AzureRequest, consumer_id: FromPath[str]) -> Response[bytes]:
    """What the consumer can do."""
    _check(consumer_id, words.CONSUMER, "consumer")
    return request.collection("consumerAction", [descriptors.action(_hooks(request))])


@get("/hooks/consumers/{consumer_id:str}/actions/{action_id:str}", opt=needs(Scope.RELEASE))
async def get_action(
    request: AzureRequest, consumer_id: FromPath[str], action_id: FromPath[str]
) -> Response[bytes]:
    """One action and what it has to be told."""
    _check(consumer_id, words.CONSUMER, "consumer")
    _check(action_id, words.ACTION, "consumer action")
    return request.answer("consumerAction", descriptors.action(_hooks(request)))


# ---- in between -----------------------------------------------------------------------------


async def _matching(request: AzureRequest, wanted: SubscriptionsQuery) -> list[dict[str, Any]]:
    found = await subscriptions.listed(request.call, words.DIALECT)
    return list(filter(wanted.matches, await _all_shown(request, found)))


async def _answer(request: AzureRequest, found: KeptSubscription) -> Response[bytes]:
    [body] = await _all_shown(request, [found])
    return request.answer("subscription", body)


async def _all_shown(request: AzureRequest, found: list[KeptSubscription]) -> list[dict[str, Any]]:
    named = [who for one in found for who in (one.created_by, one.modified_by)]
    people = Shown(request.links, await reading.mentioned(request.call, named))
    return [shown(people, one) for one in found]


def _hooks(request: AzureRequest) -> str:
    return f"{request.links.base}/_apis/hooks"


def _publisher(given: str) -> str:
    """The publisher of this id. Raises NotFound."""
    known = {one.casefold(): one for one in words.RESOURCE_VERSIONS}
    if given.casefold() not in known:
        raise NotFound("publisher", given[:50])
    return known[given.casefold()]


def _notification(found: Delivery, *, whole: bool = False) -> dict[str, Any]:
    is_over = found.status is not DeliveryStatus.QUEUED
    details: dict[str, Any] = {
        "eventType": words.EVENT_TYPES[found.fact.happening],
        "publisherId": words.publisher_of(found.fact.happening),
        "consumerId": words.CONSUMER,
        "consumerActionId": words.ACTION,
        "queuedDate": date_out(found.created_at),
        "completedDate": date_out(found.ended_at),
        "requestAttempts": found.attempts,
        "errorMessage": found.problem or None,
        "response": f"Status Code: {found.answer}" if found.answer else None,
        "nextAttempt": None if is_over else date_out(found.due_at),
    }
    if whole:
        details["event"] = msgspec.Raw(found.body) if found.body else None
    return {
        "id": found.number,
        "subscriptionId": str(found.subscription),
        "eventId": str(found.id),
        "status": "completed" if is_over else "queued",
        "result": RESULTS[found.status],
        "createdDate": date_out(found.created_at),
        "modifiedDate": date_out(found.ended_at or found.created_at),
        "details": details,
    }


def _statuses(status: str, result: str) -> tuple[DeliveryStatus, ...]:
    allowed = set(DeliveryStatus)
    if status:
        over = {DeliveryStatus.DELIVERED, DeliveryStatus.PARKED}
        by_word = {"queued": {DeliveryStatus.QUEUED}, "completed": over}
        allowed &= _one_of(by_word, status, "status")
    if result:
        words_of = {word: {kept} for kept, word in RESULTS.items()}
        allowed &= _one_of(words_of, result, "result")
    return tuple(allowed)


def _one_of(values: dict[str, set[DeliveryStatus]], said: str, name: str) -> set[DeliveryStatus]:
    if said.lower() not in values:
        raise Problem(
            400, "VssPropertyValidationException", f"{name} must be one of {', '.join(values)}."
        )
    return values[said.lower()]


def _check(said: str, known: str, kind: str) -> None:
    if said.casefold() != known.casefold():
        raise NotFound(kind, said)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(subscriptions.WORD, text[:64]) from None


ROUTES = [
    list_subscriptions,
    query_subscriptions,
    create_subscription,
    get_subscription,
    replace_subscription,
    delete_subscription,
    list_notifications,
    get_notification,
    redeliver,
    test_notification,
    list_publishers,
    get_publisher,
    list_event_types,
    get_event_type,
    list_consumers,
    get_consumer,
    list_actions,
    get_action,
]

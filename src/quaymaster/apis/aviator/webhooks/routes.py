"""Webhooks of a project: made, listed, removed; what was sent to them, and sending it again."""

import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.params import FromPath

from quaymaster.actions.announcements import subscriptions
from quaymaster.actions.announcements.subscriptions import SubscriptionRequest
from quaymaster.actions.repositories import repositories
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.apis.aviator import present
from quaymaster.apis.aviator.asked import AviatorRequest, number_in, text_in
from quaymaster.apis.aviator.errors import Problem
from quaymaster.apis.aviator.policy import needs
from quaymaster.apis.aviator.webhooks.announcer import ACTIONS, DIALECT, HAPPENINGS, KEY
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.announcements.deliveries import Delivery
from quaymaster.store.announcements.subscriptions import KeptSubscription, Wanted

ALL = "/api/releases/{project:str}/webhooks"
ONE = ALL + "/{webhook:str}"
SENT = ONE + "/deliveries"
ENVIRONMENT = "environment"
MOST_PER_PAGE = 100
LONGEST_KEY = 4096
UNOPENED = "Its signing key cannot be opened, so that nothing is sent. Remove it and make it anew."


@post(ALL, opt=needs(Scope.RELEASE_MANAGE))
async def create_webhook(request: AviatorRequest, project: FromPath[str]) -> Response[bytes]:
    """Tell this address from now on; the answer is the only one that shows the signing key."""
    body = await request.fields()
    named = text_in(body, ENVIRONMENT)
    found = await repositories.looked_up(request.call, project, named or None)
    key = text_in(body, KEY) or secrets.token_urlsafe(32)
    if len(key) > LONGEST_KEY:
        raise Problem(400, f"Invalid {KEY}")
    wanted = Wanted(
        tuple(HAPPENINGS[action] for action in _actions(body)),
        definition=found.definition.definition_id,
        definition_stage=found.environment.id if named else None,
    )
    new = SubscriptionRequest(
        found.definition.project_id,
        wanted,
        text_in(body, "url"),
        settings={ENVIRONMENT: named} if named else {},
        secrets={KEY: key},
    )
    made = await subscriptions.create(found.call, DIALECT, new)
    return request.answer({**_webhook(made), KEY: key}, 201)


@get(ALL, opt=needs(Scope.RELEASE))
async def list_webhooks(request: AviatorRequest, project: FromPath[str]) -> Response[bytes]:
    """The webhooks of a project, without their keys."""
    found = await repositories.looked_up(request.call, project)
    return request.answer([_webhook(one) for one in await _of(found)])


@get(ONE, opt=needs(Scope.RELEASE))
async def get_webhook(
    request: AviatorRequest, project: FromPath[str], webhook: FromPath[str]
) -> Response[bytes]:
    """One of them."""
    return request.answer(_webhook((await _found(request, project, webhook))[1]))


@delete(ONE, opt=needs(Scope.RELEASE_MANAGE), status_code=204)
async def delete_webhook(
    request: AviatorRequest, project: FromPath[str], webhook: FromPath[str]
) -> None:
    """Stop telling; what waits to be sent is dropped."""
    scene, kept = await _found(request, project, webhook)
    await subscriptions.delete(scene.call, DIALECT, kept.subscription.id)


@get(SENT, opt=needs(Scope.RELEASE))
async def list_deliveries(
    request: AviatorRequest, project: FromPath[str], webhook: FromPath[str]
) -> Response[bytes]:
    """What was sent or waits to be, newest first; `per_page` of it."""
    scene, kept = await _found(request, project, webhook)
    count = min(request.whole("per_page", 10), MOST_PER_PAGE)
    found = await subscriptions.sent(scene.call, DIALECT, kept.subscription.id, count)
    return request.answer([_delivery(one) for one in found])


@post(SENT + "/{number:str}/redeliver", opt=needs(Scope.RELEASE_MANAGE), status_code=200)
async def redeliver(
    request: AviatorRequest,
    project: FromPath[str],
    webhook: FromPath[str],
    number: FromPath[str],
) -> Response[bytes]:
    """Send it once more, under its id and with its body."""
    scene, kept = await _found(request, project, webhook)
    delivery = number_in(number, "notification")
    again = await subscriptions.send_again(scene.call, DIALECT, kept.subscription.id, delivery)
    return request.answer(_delivery(again))


async def _of(found: Scene) -> list[KeptSubscription]:
    known = await subscriptions.listed(found.call, DIALECT)
    definition = found.definition.definition_id
    return [one for one in known if one.subscription.wanted.definition == definition]


async def _found(
    request: AviatorRequest, project: str, webhook: str
) -> tuple[Scene, KeptSubscription]:
    scene = await repositories.looked_up(request.call, project)
    for one in await _of(scene):
        if one.subscription.id == _id(webhook):
            return scene, one
    raise Problem(404, "Webhook not found")


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _actions(body: Mapping[str, Any]) -> list[str]:
    """Those that were asked for; all of them when none was named."""
    said = body.get("actions")
    if said is None:
        return list(HAPPENINGS)
    if not isinstance(said, list) or not said or not all(one in HAPPENINGS for one in said):
        raise Problem(400, f"Invalid actions: use any of {', '.join(HAPPENINGS)}")
    return list(dict.fromkeys(said))


def _webhook(kept: KeptSubscription) -> dict[str, Any]:
    found = kept.subscription
    return {
        "id": str(found.id),
        "url": found.url,
        "actions": [ACTIONS[one] for one in found.wanted.happenings],
        ENVIRONMENT: found.settings.get(ENVIRONMENT),
        "enabled": found.is_enabled,
        "error_message": UNOPENED if found.unopened else None,
        "created_at": present.time(kept.created_at),
    }


def _delivery(found: Delivery) -> dict[str, Any]:
    return {
        "id": str(found.id),
        "number": found.number,
        "action": ACTIONS[found.fact.happening],
        "status": found.status,
        "attempts": found.attempts,
        "answer": found.answer,
        "error_message": found.problem or None,
        "created_at": present.time(found.created_at),
        "next_attempt_at": present.time(found.due_at) if found.ended_at is None else None,
        "ended_at": present.time(found.ended_at),
    }


ROUTES = [
    create_webhook,
    list_webhooks,
    get_webhook,
    delete_webhook,
    list_deliveries,
    redeliver,
]

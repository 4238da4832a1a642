"""Subscriptions to what happens, and what was sent to them (SEMANTICS 24.2, R-39).

A subscription belongs to its project, not to who made it: it goes on when that person leaves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.follow_up import DELIVERIES
from quaymaster.actions.ports.outboxes import LEASE
from quaymaster.domain.access import Permission
from quaymaster.domain.announcements import Announcement, Happening
from quaymaster.domain.errors import Invalid, NotFound, Refused
from quaymaster.domain.overrides import MASK
from quaymaster.store.announcements import deliveries, subscriptions
from quaymaster.store.announcements.deliveries import Delivery, DeliveryStatus
from quaymaster.store.announcements.subscriptions import KeptSubscription, Subscription, Wanted
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.queue import Wakeup, enqueue

LONGEST_URL = 4096
MOST_OF_A_DIALECT = 500
WORD = "service hook subscription"
DISABLED = "The subscription was disabled before this was taken. Enable it, and send this again."


@dataclass(frozen=True, slots=True)
class SubscriptionRequest:
    """What somebody wants a subscription to be; a secret that is masked or empty keeps its value.

    `project` None is the whole organization of the caller.
    """

    project: UUID | None
    wanted: Wanted
    url: str = field(repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_enabled: bool = True


async def listed(call: Call, dialect: str) -> list[KeptSubscription]:
    """Those of all places whose settings the caller may administer."""
    organization = _organization(call)
    async with call.database.read() as connection:
        found = await subscriptions.listed(connection, call.vault, organization, dialect)
    return [one for one in found if _may(call, one.subscription.project)]


async def get(call: Call, dialect: str, subscription: UUID) -> KeptSubscription:
    """One of them. Raises NotFound also for what the caller may not administer."""
    async with call.database.read() as connection:
        return await _found(connection, call, dialect, subscription)


async def create(call: Call, dialect: str, request: SubscriptionRequest) -> KeptSubscription:
    """Make one. Raises Forbidden (administer release permissions), Invalid, Refused when full.

    Also NotFound for a definition of another project, of which it would never hear anything.
    """
    organization = _organization(call)
    _require(call, request.project)
    _check(request)
    _check_told(request.secrets)
    new = Subscription(
        uuid4(),
        organization,
        request.project,
        dialect,
        request.wanted,
        request.url,
        request.settings,
        {name: value for name, value in request.secrets.items() if value},
        request.is_enabled,
    )
    async with call.database.transaction() as connection:
        await _check_there(connection, organization, request)
        known = await subscriptions.count(connection, organization, dialect)
        if known >= MOST_OF_A_DIALECT:
            raise Refused(f"There are {known} subscriptions already; remove one that nobody needs.")
        await subscriptions.add(connection, call.vault, new, call.by, call.now)
        return await _found(connection, call, dialect, new.id)


async def update(
    call: Call, dialect: str, subscription: UUID, request: SubscriptionRequest
) -> KeptSubscription:
    """Replace one where it is. Raises NotFound, Invalid, Forbidden.

    A new address gets none of the secrets of the old one: who changes where things go must know
    what is sent there. Those that cannot be opened stay as they are unless any is given anew. What
    waits to be sent to one that is disabled is parked.
    """
    _check(request)
    async with call.database.transaction() as connection:
        before = (await _found(connection, call, dialect, subscription)).subscription
        if request.project != before.project:
            raise Invalid("A subscription cannot move to another project. Make a new one there.")
        if _subject(request.wanted) != _subject(before.wanted):
            await _check_there(connection, before.organization, request)
        secrets, unopened = _secrets(before, request)
        _check_told(secrets)
        changed = replace(
            before,
            wanted=request.wanted,
            url=request.url,
            settings=request.settings,
            secrets={name: value for name, value in secrets.items() if value},
            is_enabled=request.is_enabled,
            unopened=unopened,
        )
        await subscriptions.replace(connection, call.vault, changed, call.by, call.now)
        if not changed.is_enabled:
            await deliveries.park_all(connection, subscription, DISABLED, call.now)
        return await _found(connection, call, dialect, subscription)


async def delete(call: Call, dialect: str, subscription: UUID) -> None:
    """Remove one with everything that waits to be sent to it. Raises NotFound."""
    async with call.database.transaction() as connection:
        await _found(connection, call, dialect, subscription)
        await subscriptions.remove(connection, subscription)


async def sent(
    call: Call,
    dialect: str,
    subscription: UUID,
    most: int,
    statuses: tuple[DeliveryStatus, ...] = tuple(DeliveryStatus),
) -> list[Delivery]:
    """What was sent to it or waits to be, newest first. Raises NotFound."""
    async with call.database.read() as connection:
        await _found(connection, call, dialect, subscription)
        return await deliveries.listed(connection, subscription, most, statuses)


async def delivery(call: Call, dialect: str, subscription: UUID, number: int) -> Delivery:
    """One delivery. Raises NotFound."""
    async with call.database.read() as connection:
        await _found(connection, call, dialect, subscription)
        return await _delivery(connection, subscription, number)


async def send_again(call: Call, dialect: str, subscription: UUID, number: int) -> Delivery:
    """Send a delivery once more, under its id and with its body, whether it had arrived or not.

    One that waits for its next attempt is sent now. Raises NotFound; Refused while that attempt
    is near, or made this moment.
    """
    async with call.database.transaction() as connection:
        await _found(connection, call, dialect, subscription)
        found = await _delivery(connection, subscription, number)
        if found.status is DeliveryStatus.QUEUED and found.due_at <= call.now + LEASE:
            raise Refused(
                f"Delivery {number} is still being tried; it is sent again by itself at "
                f"{found.due_at:%H:%M:%S} UTC."
            )
        await deliveries.send_again(connection, found.id, call.now)
        await enqueue(connection, [Wakeup(DELIVERIES, {"id": 0})])
        return await _delivery(connection, subscription, number)


async def send_this(call: Call, dialect: str, subscription: UUID, told: Announcement) -> Delivery:
    """Send an announcement to one subscription whether it wants that or not: a try-out."""
    async with call.database.transaction() as connection:
        await _found(connection, call, dialect, subscription)
        number = await deliveries.queue_one(connection, subscription, told, call.now)
        await enqueue(connection, [Wakeup(DELIVERIES, {"id": 0})])
        return await _delivery(connection, subscription, number)


async def _found(
    connection: Connection, call: Call, dialect: str, subscription: UUID
) -> KeptSubscription:
    found = await subscriptions.get(connection, call.vault, subscription)
    if (
        found is None
        or found.subscription.dialect != dialect
        or found.subscription.organization != _organization(call)
        or not _may(call, found.subscription.project)
    ):
        raise NotFound(WORD, subscription)
    return found


async def _delivery(connection: Connection, subscription: UUID, number: int) -> Delivery:
    found = await deliveries.get(connection, subscription, number)
    if found is None:
        raise NotFound("notification", number)
    return found


def _organization(call: Call) -> UUID:
    if call.caller is None:
        raise Invalid("Subscriptions are made by a signed-in person.")
    return UUID(call.caller.organization)


def _may(call: Call, project: UUID | None) -> bool:
    if call.project_id is not None and project != call.project_id:
        return False
    only = call.caller.only_project if call.caller else None
    if only is not None and only != str(project):
        return False
    return call.may(Permission.ADMINISTER_RELEASE_PERMISSIONS, str(project or ""))


def _require(call: Call, project: UUID | None) -> None:
    place = "the project's service hooks" if project else "the organization's service hooks"
    if call.caller and call.caller.only_project not in (None, str(project)):
        raise NotFound("project", project or "")
    call.require(Permission.ADMINISTER_RELEASE_PERMISSIONS, str(project or ""), place)


def _secrets(
    before: Subscription, request: SubscriptionRequest
) -> tuple[dict[str, str], bytes | None]:
    """What a subscription is to hold from now on; a sealed map that cannot be opened as a whole."""
    asked = dict(request.secrets)
    if request.url != before.url:
        return asked, None
    given = {name: value for name, value in asked.items() if value not in ("", MASK)}
    if before.unopened is not None:
        return (asked, None) if given else ({}, before.unopened)
    return {name: given.get(name, before.secrets.get(name, "")) for name in asked}, None


def _subject(wanted: Wanted) -> tuple[int | None, int | None]:
    return wanted.definition, wanted.definition_stage


async def _check_there(
    connection: Connection, organization: UUID, request: SubscriptionRequest
) -> None:
    """Raise NotFound for a definition, Invalid for a stage, that is not in the project."""
    definition, stage = _subject(request.wanted)
    place = (connection, organization, request.project)
    of_builds = Happening.BUILD_COMPLETED in request.wanted.happenings
    if definition is not None and not await subscriptions.has_definition(
        *place, definition, of_builds=of_builds
    ):
        raise NotFound("definition", definition)
    if stage is not None and not await subscriptions.has_stage(*place, stage, definition):
        raise Invalid(
            f"There is no stage with the id {stage} here, or not in the pipeline that the "
            "subscription is about. Nothing would ever be sent."
        )


def _check_told(secrets: Mapping[str, str]) -> None:
    """A mask stands for the secret that is kept, and here none is."""
    masked = [name for name, value in secrets.items() if value == MASK]
    if masked:
        raise Invalid(
            f"Give {', '.join(masked)} anew, not as {MASK}: the address is new, or what is kept "
            "cannot be opened."
        )


def _check_host(url: str) -> None:
    """Raise Invalid for a host or a port that can never be called, and for a password in sight."""
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").encode("idna"), parts.port
    except (ValueError, UnicodeError):
        raise Invalid(
            "The address of a subscription has a host or a port that cannot be called."
        ) from None
    if not host or "@" in parts.netloc:
        raise Invalid(
            "The address of a subscription has a host and no password: that would be shown to "
            "everybody who sees the address. Give user and password apart from it."
        )


def _check(request: SubscriptionRequest) -> None:
    if not request.wanted.happenings:
        raise Invalid("Say which events the subscription is about.")
    scheme, _, rest = request.url.partition("://")
    if scheme.lower() not in ("http", "https") or not rest.strip("/"):
        raise Invalid("The address of a subscription begins with http:// or https:// and a host.")
    _check_host(request.url)
    if len(request.url) > LONGEST_URL or not request.url.isprintable() or " " in request.url:
        raise Invalid(
            f"The address of a subscription has at most {LONGEST_URL} characters and no blanks."
        )

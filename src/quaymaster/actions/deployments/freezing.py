"""Setting and lifting freezes, and resuming what a rollback holds (DESIGN 6, I3)."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from quaymaster.actions.call import Call
from quaymaster.actions.decisions import freeze_times
from quaymaster.actions.decisions.follow_up import DELIVERIES, ENVIRONMENT, RELEASE
from quaymaster.actions.people import people
from quaymaster.actions.repositories import repositories
from quaymaster.domain.access import Permission
from quaymaster.domain.announcements import Announcement, Happening
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.domain.freezes import Freeze
from quaymaster.domain.schedules import UnknownTimeZone, time_zone
from quaymaster.store.announcements import deliveries
from quaymaster.store.deployments import freezes
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.queue import Wakeup, enqueue

LONGEST_REASON = 2000
LONGEST_WINDOW = timedelta(days=366)
MINUTE = timedelta(minutes=1)


def check(freeze: Freeze, now: datetime) -> None:
    """Raise Invalid unless the freeze says why, and when in a way that can still come about."""
    if not freeze.reason.strip() or len(freeze.reason) > LONGEST_REASON:
        raise Invalid(f"Say why in at most {LONGEST_REASON} characters (reason).")
    if freeze.starts_at and freeze.ends_at and freeze.ends_at <= freeze.starts_at:
        raise Invalid("The freeze would end before it begins.")
    if freeze.ends_at and freeze.ends_at <= now:
        raise Invalid("The freeze would be over already: its end (until) lies in the past.")
    if bool(freeze.cron) != bool(freeze.duration):
        raise Invalid("A recurring freeze has both a cron expression and a duration.")
    try:
        time_zone(freeze.time_zone)
    except UnknownTimeZone as error:
        raise Invalid(str(error)) from error
    if freeze.cron:
        freeze_times.check_cron(freeze.cron)
        if not MINUTE <= freeze.duration <= LONGEST_WINDOW:
            raise Invalid("A window lasts from one minute to 366 days.")


async def put(call: Call, freeze: Freeze, token: str) -> int:
    """Set a freeze; from the moment of the answer on no deployment starts against it.

    `token` is the place in the tree of permissions that it is set at. Raises Invalid, Forbidden.
    """
    check(freeze, call.now)
    async with call.database.transaction() as connection:
        return await put_within(connection, call, freeze, token)


async def put_within(connection: Connection, call: Call, freeze: Freeze, token: str) -> int:
    """The same inside a transaction that the caller opened, for a freeze that was checked."""
    call.require(_needed(freeze), token, f"the {freeze.level}'s freezes")
    await freezes.close_all_doors(connection)
    number = await freezes.insert(
        connection, await organization_of(connection, call), freeze, call.by, call.now
    )
    await _look_again(connection, call, freeze)
    await _announce(connection, call, freeze, Happening.ENVIRONMENT_FROZEN)
    return number


async def lift_within(connection: Connection, call: Call, lifted: list[Freeze], token: str) -> None:
    """End these freezes; what waited for that starts by itself. Raises Forbidden."""
    if not lifted:
        return
    await freezes.close_all_doors(connection)
    for freeze in lifted:
        call.require(_needed(freeze), token, f"the {freeze.level}'s freezes")
        await freezes.lift(connection, freeze.id, call.by, call.now)
        await _look_again(connection, call, freeze)
        await _announce(connection, call, freeze, Happening.ENVIRONMENT_UNFROZEN)


async def _announce(
    connection: Connection, call: Call, freeze: Freeze, happening: Happening
) -> None:
    """Tell subscribers of a freeze that was set for one environment alone."""
    if freeze.environment_id is None:
        return
    place = freeze.environment_id
    told = Announcement(happening, 0, freeze.kind, definition_stage=place, by=call.by)
    if await deliveries.queue_for_environment(connection, told, call.now):
        await enqueue(connection, [Wakeup(DELIVERIES, {"id": 0})])


def _needed(freeze: Freeze) -> Permission:
    wide = freeze.level in ("project", "organization")
    return Permission.MANAGE_RELEASE_SETTINGS if wide else Permission.MANAGE_DEPLOYMENTS


async def _look_again(connection: Connection, call: Call, freeze: Freeze) -> None:
    """Wake what waits where it reaches; the rows are due, should the wake-ups be lost."""
    waiting = await freezes.make_due(
        connection, await organization_of(connection, call), freeze, call.now
    )
    queues = [freeze.environment_id] if freeze.environment_id else []
    await enqueue(
        connection,
        [
            *(Wakeup(RELEASE, {"id": release}) for release in waiting),
            *(Wakeup(ENVIRONMENT, {"id": environment}) for environment in queues),
        ],
    )


async def organization_of(connection: Connection, call: Call) -> UUID:
    """The caller's organization; for the product itself the one that every installation has."""
    if call.caller is None:
        return (await people.default_organization(connection)).id
    return UUID(call.caller.organization)


async def of_environment(connection: Connection, call: Call, environment: int) -> list[Freeze]:
    """The freezes set for this environment alone that are not over."""
    found = await freezes.listed(
        connection, await organization_of(connection, call), call.project_id, call.now
    )
    return [freeze for freeze in found if freeze.environment_id == environment]


async def set_for_environment(
    connection: Connection, call: Call, freeze: Freeze, token: str
) -> int:
    """Put one freeze in the place of all that were set for its environment alone."""
    check(freeze, call.now)
    call.require(_needed(freeze), token, f"the {freeze.level}'s freezes")
    await freezes.close_all_doors(connection)  # what others set meanwhile is replaced as well
    earlier = await of_environment(connection, call, freeze.environment_id or 0)
    await lift_within(connection, call, earlier, token)
    return await put_within(connection, call, replace(freeze, id=0), token)


# ---- by scope, for those who know ids --------------------------------------------------------


async def listed(call: Call) -> list[Freeze]:
    """The freezes that are not over: of the organization and of the call's project."""
    project = call.project_id
    call.require(Permission.VIEW_RELEASES, str(project or ""), "freezes")
    async with call.database.read() as connection:
        return await freezes.listed(
            connection, await organization_of(connection, call), project, call.now
        )


async def create(call: Call, freeze: Freeze) -> Freeze:
    """Set a freeze at the level that it names. Raises Invalid, NotFound, Forbidden."""
    check(freeze, call.now)
    async with call.database.transaction() as connection:
        number = await put_within(connection, call, freeze, await _token(connection, call, freeze))
    return replace(freeze, id=number, created_by=call.by)


async def lift(call: Call, number: int) -> None:
    """End a freeze. Raises NotFound, also for one of another project; Forbidden."""
    async with call.database.transaction() as connection:
        found = await freezes.get(connection, await organization_of(connection, call), number)
        if found is None or found.project_id not in (None, str(call.project_id)):
            raise NotFound("freeze", number)
        token = await _token(connection, call, found)
        await lift_within(connection, call, [found], token)


async def _token(connection: Connection, call: Call, freeze: Freeze) -> str:
    """The place in the tree of permissions that a freeze is set at."""
    if freeze.project_id is None:
        return ""
    if freeze.definition_id is None:
        return freeze.project_id
    found = await repositories.numbered(
        connection, call, freeze.definition_id, freeze.environment_id or 0
    )
    return found.stage_token if freeze.environment_id else found.token


# ---- for whoever runs the installation ------------------------------------------------------


async def create_for(call: Call, freeze: Freeze, project: str | None) -> Freeze:
    """Set a freeze for a project, or for all of them. Raises Invalid."""
    return await create(call, replace(freeze, project_id=project))


async def all_listed(call: Call) -> list[Freeze]:
    """The freezes of all projects that are not over."""
    async with call.database.read() as connection:
        organization = await organization_of(connection, call)
        return await freezes.listed(connection, organization, None, call.now)


async def lift_any(call: Call, number: int) -> None:
    """End a freeze, wherever it was set. Raises NotFound."""
    async with call.database.transaction() as connection:
        found = await freezes.get(connection, await organization_of(connection, call), number)
        if found is None:
            raise NotFound("freeze", number)
        await lift_within(connection, call, [found], await _token(connection, call, found))

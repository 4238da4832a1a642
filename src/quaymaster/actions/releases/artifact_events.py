"""Answering a new version of an artifact with the releases that definitions want of it (8.1-8.4).

Whoever hears of a version tells it with `happened`, as often as they like: a build that ended, a
webhook, a look at a repository. The event is kept in a row until it is answered, so that a crash
in between loses nothing, and every definition answers it with at most one release.
"""

from dataclasses import dataclass

import structlog

from quaymaster.actions.call import Call, Project
from quaymaster.actions.decisions import tag_patterns
from quaymaster.actions.decisions.follow_up import ARTIFACT_EVENT
from quaymaster.actions.definitions import named_builds
from quaymaster.actions.definitions.artifacts import Choice
from quaymaster.actions.releases import releases
from quaymaster.actions.releases.releases import ReleaseRequest
from quaymaster.actions.storage.turns import alone_or_later, pause_after
from quaymaster.domain.errors import DomainError
from quaymaster.domain.release import PersonId
from quaymaster.domain.triggers import ArtifactEvent, Firing, firings
from quaymaster.store.definitions import definitions
from quaymaster.store.definitions.definitions import Definition
from quaymaster.store.people import people, projects
from quaymaster.store.postgres.database import Connection, DatabaseUnavailable
from quaymaster.store.postgres.queue import Wakeup, enqueue
from quaymaster.store.triggers import artifact_events, firing
from quaymaster.store.triggers.artifact_events import Told
from quaymaster.store.triggers.firings import RELEASES

MOST_TRIES = 9  # with doubled pauses: more than an hour for a source to come back

_log = structlog.get_logger(__name__)


async def happened(call: Call, event: ArtifactEvent) -> None:
    """A version of a source appeared (or was tagged): let definitions make releases of it.

    To be called by doors after they have found out who is asking; no permission is checked here.
    `call.project` limits it to the definitions of one project, a call without a project reaches
    all of them. Returns once the event is kept; releases are made in the background, at once. Safe
    to call any number of times with the same version, also at the same time.
    """
    async with call.database.transaction() as connection:
        await happened_within(connection, call, event)


async def happened_within(connection: Connection, call: Call, event: ArtifactEvent) -> None:
    """The same inside a transaction that the caller opened, so that it is told if and only if
    what made the version is kept (a build that ends, a delivery that is accepted)."""
    number = await artifact_events.tell(connection, call.project_id, event, call.now)
    await enqueue(connection, [Wakeup(ARTIFACT_EVENT, {"id": number})])


async def answer(call: Call, number: int) -> int:
    """Make the releases that an event asks for; how many.

    What cannot be made now, because a source does not answer, is tried again with growing pauses;
    the last failure is kept with the firing and logged. One process at a time is at an event.
    """

    async def put_off(reason: str) -> int:
        return await _put_off(call, number, reason)

    name = f"artifact event {number}"
    return await alone_or_later(call, name, lambda: _answered(call, number), put_off) or 0


async def _answered(call: Call, number: int) -> int:
    async with call.database.read() as connection:
        told = await artifact_events.get(connection, number)
    if told is None:
        return 0
    await named_builds.told_of(call, told.event)
    async with call.database.read() as connection:
        concerned = await artifact_events.concerned(connection, told.project_id, told.event)
    made, is_answered = 0, True
    for definition_id in concerned:
        one = await _made(call, definition_id, told)
        made, is_answered = made + one.made, is_answered and one.is_answered
    await _end(call, told, is_answered=is_answered)
    return made


@dataclass(frozen=True, slots=True)
class _Made:
    """What one definition has made of an event, and whether it is to be asked no more."""

    made: int
    is_answered: bool


async def _made(call: Call, definition_id: int, told: Told) -> _Made:
    """The releases of one definition; whatever goes wrong with it holds up no other."""
    made, is_answered = 0, True
    try:
        for wanted in await _wanted(call, definition_id, told):
            try:
                made += await releases.create_once(*wanted) is not None
            except DomainError as error:
                is_answered &= await _gave_up(call, told, definition_id, wanted[2], error)
    except DatabaseUnavailable:
        raise
    except Exception:  # noqa: BLE001 - such as secrets that cannot be opened
        _log.exception("a definition could not answer", definition=definition_id, number=told.id)
        is_answered = told.tries + 1 >= MOST_TRIES
    return _Made(made, is_answered)


async def _wanted(
    call: Call, definition_id: int, told: Told
) -> list[tuple[Call, ReleaseRequest, str]]:
    """What this definition makes of the event and has not made before."""
    async with call.database.read() as connection:
        definition = await definitions.get(connection, None, None, definition_id)
        if definition is None:
            return []
        found = firings(definition.plan, told.event, _plain(definition), tag_patterns.found)
        new = [
            one for one in found if not await RELEASES.has_fired(connection, definition_id, one.key)
        ]
        project = await projects.get(connection, definition.project_id)
        requester = await _known(connection, told.event)
    if project is None:
        return []
    here = Project(str(project.id), project.name, project.organization)
    own = Call(call.installation, None, here, call.now)
    return [(own, _request(definition_id, told.event, one, requester), one.key) for one in new]


async def _known(connection: Connection, event: ArtifactEvent) -> PersonId | None:
    """Whoever the version was made for, if that is somebody here (UNCERTAIN 37)."""
    if event.requested_for is None:
        return None
    return event.requested_for if await people.get(connection, event.requested_for) else None


def _plain(definition: Definition) -> dict[str, str]:
    """The definition's variables that are no secrets, for filters that name them (8.2)."""
    held = definition.plan.variables
    return {name: variable.value for name, variable in held.items() if not variable.is_secret}


def _request(
    definition_id: int, event: ArtifactEvent, fired: Firing, requester: PersonId | None
) -> ReleaseRequest:
    choice = Choice(
        alias=fired.alias,
        id=event.version_id,
        name=event.version_name,
        branch=event.branch,
        commit=event.commit,
        tags=event.tags,
        default_branch=event.default_branch,
        reference=event.reference,
    )
    return ReleaseRequest(
        definition_id,
        choices=(choice,),
        reason=fired.reason,
        created_by=requester,
        triggering_alias=fired.alias,
    )


async def _gave_up(
    call: Call, told: Told, definition_id: int, key: str, error: DomainError
) -> bool:
    """Whether this was the last try for the definition; then its firing says why."""
    about = {"definition": definition_id, "version": told.event.version_id, "reason": str(error)}
    if told.tries + 1 < MOST_TRIES:
        _log.warning("a triggered release has to wait", **about)
        return False
    async with call.database.transaction() as connection:
        if await RELEASES.fire(connection, definition_id, key, call.now):
            await firing.failed(connection, definition_id, key, str(error))
    _log.error("a triggered release could not be made", **about)
    return True


async def _end(call: Call, told: Told, *, is_answered: bool) -> None:
    async with call.database.transaction() as connection:
        if is_answered:
            await artifact_events.answered(connection, told.id)
            return
        pause = pause_after(told.tries)
        await artifact_events.put_off(connection, told.id, call.now + pause)
        await enqueue(connection, [Wakeup(ARTIFACT_EVENT, {"id": told.id}, pause)])


async def _put_off(call: Call, number: int, reason: str) -> int:
    """What went wrong for the event as a whole."""
    async with call.database.read() as connection:
        told = await artifact_events.get(connection, number)
    if told is not None:
        _log.warning("an event has to wait", number=number, reason=reason)
        await _end(call, told, is_answered=told.tries + 1 >= MOST_TRIES)
    return 0

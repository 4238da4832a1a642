"""Releases that must not be deployed anywhere, until somebody lifts that."""

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import deciding, happen_within
from quaymaster.actions.repositories import repositories
from quaymaster.domain.access import Permission, definition_token
from quaymaster.domain.changes import Event, Quarantined, QuarantineLifted
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.release_versions import CandidateVersion
from quaymaster.store.deployments import places
from quaymaster.store.postgres.database import Connection

LONGEST_REASON = 2000


async def put(call: Call, release: ReleaseId, reason: str) -> None:
    """Quarantine a release; what only waits of it is canceled, what runs goes on.

    Raises NotFound, Invalid without a reason, Forbidden (manage releases).
    """
    async with deciding(call) as connection:
        await _put(connection, call, release, _event(call, reason))


async def lift(call: Call, release: ReleaseId) -> None:
    """Let it be deployed again. Raises NotFound, Forbidden (manage releases)."""
    async with deciding(call) as connection:
        await _put(connection, call, release, QuarantineLifted(call.by))


async def put_by_version(
    call: Call, project: str, version: CandidateVersion, reason: str | None
) -> None:
    """The same by names; without a reason it is lifted."""
    async with deciding(call) as connection:
        found = await repositories.scene(connection, call, project)
        known = await repositories.candidate(connection, found, str(version))
        event = QuarantineLifted(call.by) if reason is None else _event(call, reason)
        await _put(connection, found.call, known.release, event)


def _event(call: Call, reason: str) -> Event:
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise Invalid(f"Say why in at most {LONGEST_REASON} characters (reason).")
    return Quarantined(call.by, reason)


async def _put(connection: Connection, call: Call, release: ReleaseId, event: Event) -> None:
    place = await places.of_release(connection, call.project_id, release)
    if place is None or place.is_deleted:
        raise NotFound("release", release)
    token = definition_token(str(place.project_id), place.path, place.definition_id)
    call.require(Permission.MANAGE_RELEASES, token, f"release {place.release_name}")
    await happen_within(connection, call, release, event)

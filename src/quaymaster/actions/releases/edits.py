"""Tags, deletion, history and snapshots of releases: what no rule looks at (SEMANTICS 6.2-6.9)."""

from collections.abc import Mapping, Sequence

from quaymaster.actions.call import Call
from quaymaster.domain.access import Permission, definition_token
from quaymaster.domain.errors import Invalid, NotFound, Refused
from quaymaster.domain.record import Entry
from quaymaster.domain.release import Release
from quaymaster.store.deployments import places
from quaymaster.store.deployments.places import Place
from quaymaster.store.people import people
from quaymaster.store.people.people import Identity
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import edits, history, releases
from quaymaster.store.releases.history import HistoryLine

LONGEST_TAG = 256


async def tags(call: Call, release_id: int) -> tuple[str, ...]:
    """The tags of a release. Raises NotFound, Forbidden (view releases)."""
    async with call.database.read() as connection:
        await _seen(connection, call, release_id)
        return await edits.tags(connection, release_id)


async def tags_in_use(call: Call) -> list[str]:
    """All tags of the releases that the caller may view in the call's project, by name."""
    project = call.required_project("whose tags you want")
    async with call.database.read() as connection:
        found = await edits.tags_of_project(connection, project)
    return sorted({tag for tag, path, definition in found if _may_view(call, path, definition)})


def _may_view(call: Call, path: str, definition: int) -> bool:
    token = definition_token(str(call.project_id), path, definition)
    return call.may(Permission.VIEW_RELEASES, token)


async def add_tags(call: Call, release_id: int, added: Sequence[str]) -> tuple[str, ...]:
    """Add tags; those that are there in any case stay as they are. All tags afterwards.

    Raises Invalid for an empty or unprintable tag, NotFound, Forbidden (manage releases).
    """
    for tag in added:
        _check(tag)
    async with call.database.transaction() as connection:
        await _managed(connection, call, release_id)
        now = await edits.add_tags(connection, release_id, added)
        await _record(connection, call, release_id, "TagsAdded", {"tags": ", ".join(added)})
        return now


async def remove_tag(call: Call, release_id: int, tag: str) -> tuple[str, ...]:
    """Take a tag away, whether it is there or not. All tags afterwards."""
    async with call.database.transaction() as connection:
        await _managed(connection, call, release_id)
        now = await edits.remove_tag(connection, release_id, tag)
        await _record(connection, call, release_id, "TagRemoved", {"tags": tag})
        return now


async def delete(call: Call, release_id: int, comment: str) -> None:
    """Delete softly. Raises Refused while it is being deployed or is kept forever (6.4)."""
    async with call.database.transaction() as connection:
        place = await _seen(connection, call, release_id)
        call.require(Permission.DELETE_RELEASES, _token(place), f"release {place.release_name}")
        release = await releases.locked(connection, release_id)
        if release is None:
            raise NotFound("release", release_id)
        _check_deletable(release)
        if not await edits.set_deleted(
            connection, release_id, deleted=True, by=call.by, at=call.now
        ):
            raise NotFound("release", release_id)  # somebody else deleted it meanwhile
        await _record(connection, call, release_id, "Deleted", {}, comment)


async def undelete(call: Call, release_id: int, comment: str) -> None:
    """Bring a deleted release back; one that is not deleted stays as it is.

    Raises NotFound, Forbidden, Refused while its definition is deleted (6.5).
    """
    async with call.database.transaction() as connection:
        place = await _seen(connection, call, release_id, deleted=True)
        call.require(Permission.DELETE_RELEASES, _token(place), f"release {place.release_name}")
        if not await edits.has_definition(connection, place.definition_id):
            raise Refused(
                f"Release pipeline {place.definition_name} is deleted. Bring it back: its releases "
                "that were deleted with it come back, too."
            )
        if await releases.locked(connection, release_id) is None:
            raise NotFound("release", release_id)
        if await edits.set_deleted(connection, release_id, deleted=False, by=call.by, at=call.now):
            await _record(connection, call, release_id, "Undeleted", {}, comment)


async def happened(
    call: Call, release_id: int
) -> tuple[list[HistoryLine], Mapping[str, Identity], int]:
    """The history of a release, oldest first, who is mentioned, and the snapshot's revision."""
    async with call.database.read() as connection:
        await _seen(connection, call, release_id)
        lines = await history.of_release(connection, release_id, limit=10_000)
        named = await people.get_many(connection, [line.by for line in lines if line.by])
        revisions = await edits.snapshot_revisions(connection, release_id)
        return lines, named, revisions[-1].revision if revisions else 1


async def snapshot_at(call: Call, release_id: int, revision: int) -> str:
    """The document of a release's snapshot as it was at a revision. Raises NotFound."""
    async with call.database.read() as connection:
        await _seen(connection, call, release_id)
        return await edits.snapshot_at(connection, release_id, revision)


async def _seen(
    connection: Connection, call: Call, release_id: int, *, deleted: bool = False
) -> Place:
    place = await places.of_release(connection, call.project_id, release_id)
    if place is None or (place.is_deleted and not deleted):
        raise NotFound("release", release_id)
    call.require(Permission.VIEW_RELEASES, _token(place), f"release {place.release_name}")
    return place


async def _managed(connection: Connection, call: Call, release_id: int) -> None:
    place = await _seen(connection, call, release_id)
    call.require(Permission.MANAGE_RELEASES, _token(place), f"release {place.release_name}")


def _token(place: Place) -> str:
    return definition_token(str(place.project_id), place.path, place.definition_id)


def _check(tag: str) -> None:
    if not tag.strip() or len(tag) > LONGEST_TAG or not tag.isprintable() or "," in tag:
        raise Invalid(
            f"A tag needs 1 to {LONGEST_TAG} printable characters and no comma; {tag[:40]!r} is "
            "not one."
        )


def _check_deletable(release: Release) -> None:
    under_way = [stage.name for stage in release.stages if stage.active]
    if under_way:
        raise Refused(
            f"The release cannot be deleted while a deployment is under way ({', '.join(under_way)}"
            "). Cancel it or wait until it ends."
        )
    if release.keep_forever:
        raise Refused("The release is kept forever. Set keepForever to false before deleting it.")


async def _record(
    connection: Connection,
    call: Call,
    release_id: int,
    kind: str,
    details: dict[str, str],
    comment: str = "",
) -> None:
    entry = Entry(kind=kind, by=call.by, comment=comment, details=details)
    await history.append(connection, release_id, call.now, [entry])

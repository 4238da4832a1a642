"""Builds: found, and changed as a whole (SEMANTICS 23.4, 23.5)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from quaymaster.actions.builds import happening
from quaymaster.actions.builds.definitions.build_definitions import changed_tags
from quaymaster.actions.call import Call
from quaymaster.domain import build_stops
from quaymaster.domain.access import definition_token
from quaymaster.domain.build import Build, BuildId
from quaymaster.domain.build_access import BuildPermission
from quaymaster.domain.build_events import BuildCanceled, BuildRetried
from quaymaster.domain.errors import Conflict, Invalid, NotFound, Refused
from quaymaster.domain.release_names import BUILD_NUMBER
from quaymaster.store.builds import aged_builds, edits, retention, views
from quaymaster.store.builds.edits import Details
from quaymaster.store.builds.views import BuildView
from quaymaster.store.postgres.database import Connection

KIND = "build"
MOST_TAGS = 200


async def get(call: Call, build_id: int, *, deleted: bool = False) -> BuildView:
    """One build that the caller may view. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        return await found(connection, call, build_id, deleted=deleted)


async def found(
    connection: Connection,
    call: Call,
    build_id: int,
    permission: BuildPermission = BuildPermission.VIEW_BUILDS,
    *,
    deleted: bool = False,
    hidden: bool = False,
) -> BuildView:
    """The same inside a connection that the caller has, for somebody with this permission.

    Where the address names no project, or the build is `hidden`, one that the caller may not view
    does not exist (NotFound): whoever counts ids there learns nothing.
    """
    view = await views.get(connection, call.project_id, build_id)
    if view is None or (view.is_deleted and not deleted):
        raise NotFound(KIND, build_id)
    token = definition_token(str(view.project_id), view.definition_path, view.definition_id)
    is_hidden = hidden or call.project is None
    if is_hidden and not call.may_build(BuildPermission.VIEW_BUILDS, token):
        raise NotFound(KIND, build_id)
    for needed in {BuildPermission.VIEW_BUILDS, permission}:
        call.require_build(needed, token, f"build {view.number}")
    return view


def may_view(call: Call, view: BuildView) -> bool:
    """Whether a list shows the caller this build, where its project is one of those meant."""
    token = definition_token(str(view.project_id), view.definition_path, view.definition_id)
    is_meant = call.project_id in (None, view.project_id) and not view.is_deleted
    return is_meant and call.may_build(BuildPermission.VIEW_BUILDS, token)


async def cancel(call: Call, build_id: int, *, stage: str = "") -> None:
    """Ask a build, or one stage of it, to stop; asking twice is as good as once (23.4).

    Raises NotFound also for a stage that it does not have, Refused for what ended.
    """
    async with call.database.transaction() as connection:
        await _cancel_within(connection, call, build_id, stage)


async def _cancel_within(
    connection: Connection, call: Call, build_id: int, stage: str = ""
) -> None:
    view = await found(connection, call, build_id, BuildPermission.STOP_BUILDS)
    event, check = BuildCanceled(call.by, stage), _check_stage(view, stage)
    await happening.happen_within(connection, call, BuildId(build_id), event, check)


async def retry(call: Call, build_id: int, *, stage: str = "", everything: bool = False) -> None:
    """Run again what did not succeed, of a build or of one stage of it. Raises NotFound also for a
    stage that it does not have, Refused while the build is under way."""
    async with call.database.transaction() as connection:
        view = await found(connection, call, build_id, BuildPermission.QUEUE_BUILDS)
        event = BuildRetried(stage, everything)
        await happening.happen_within(
            connection, call, BuildId(build_id), event, _check_stage(view, stage)
        )


def _check_stage(view: BuildView, stage: str) -> Any:
    def check(build: Build) -> None:
        known = {one.name.casefold() for one in build.plan.stages}
        if stage and stage.casefold() not in known:
            raise NotFound(build_stops.STAGE, stage, f"Build {view.number} has no stage {stage}.")

    return check


@dataclass(frozen=True, slots=True)
class BuildEdit:
    """What is to be changed of a build; None leaves a part as it is."""

    keep_forever: bool | None = None
    number: str | None = None
    quality: str | None = None
    retained_by_release: bool | None = None
    tags: tuple[str, ...] | None = None
    is_canceled: bool = False


async def edit(call: Call, wanted: Sequence[tuple[int, BuildEdit]]) -> None:
    """Change what may be changed of builds at any time, and cancel them: all or none (23.4).

    Raises NotFound, Forbidden, Conflict, Invalid, and Refused for a cancel of one that ended.
    """
    async with call.database.transaction() as connection:
        for build_id, one in sorted(wanted, key=lambda pair: pair[0]):
            if replace(one, is_canceled=False) != BuildEdit():
                await _edit_within(connection, call, build_id, one)
            if one.is_canceled:
                await _cancel_within(connection, call, build_id)


async def _edit_within(
    connection: Connection, call: Call, build_id: int, wanted: BuildEdit
) -> None:
    permission = BuildPermission.UPDATE_BUILD_INFORMATION
    if wanted.keep_forever is not None or wanted.retained_by_release is not None:
        permission = BuildPermission.RETAIN_INDEFINITELY
    if wanted.quality is not None:
        permission |= BuildPermission.EDIT_BUILD_QUALITY
    view = await _found_locked(connection, call, build_id, permission)
    if wanted.number is not None and wanted.number != view.number:
        await rename_within(connection, call, build_id, wanted.number)
        view = replace(view, number=wanted.number)
    details = Details(wanted.keep_forever, wanted.quality, wanted.retained_by_release)
    await edits.change(connection, build_id, details, call.by, call.now)
    if wanted.tags is not None:
        await _set_tags(connection, call, view, changed_tags((), wanted.tags, ()))


async def _found_locked(
    connection: Connection, call: Call, build_id: int, permission: BuildPermission
) -> BuildView:
    """A build as it is now, nobody else's to change until the transaction ends."""
    await edits.lock(connection, build_id)
    return await found(connection, call, build_id, permission)


async def rename_within(connection: Connection, call: Call, build_id: int, number: str) -> None:
    """Give a build another number. Raises Invalid for what cannot be one, Conflict if taken."""
    wrong = BUILD_NUMBER.broken_by(number)
    if wrong:
        raise Invalid(wrong.replace("The format gives", "It gives") + ".")
    if not await edits.rename(connection, build_id, number, call.by, call.now):
        raise Conflict(f"Another build of the pipeline has the number {number!r} already.")


async def delete(call: Call, build_id: int) -> None:
    """Delete a build softly. Raises Refused while it runs, or is kept by somebody (23.4)."""
    async with call.database.transaction() as connection:
        await aged_builds.lock(connection, build_id)
        view = await found(connection, call, build_id, BuildPermission.DELETE_BUILDS)
        if view.status != "completed":
            raise Refused(f"Build {view.number} is under way. Cancel it before you delete it.")
        if view.keep_forever or view.retained_by_release:
            raise Refused(f"Build {view.number} is retained. Release it before you delete it.")
        if await retention.is_leased(connection, build_id, call.now):
            raise Refused(
                f"Build {view.number} is kept by a retention lease. Remove the lease before."
            )
        await edits.delete(connection, build_id, call.by, call.now)


async def change_tags(
    call: Call, build_id: int, add: Iterable[str], remove: Iterable[str]
) -> list[str]:
    """Add and remove tags; all tags afterwards (23.5). A new tag may make a release (8.3)."""
    async with call.database.transaction() as connection:
        permission = BuildPermission.UPDATE_BUILD_INFORMATION
        view = await _found_locked(connection, call, build_id, permission)
        return await tag_within(connection, call, view, add, remove)


async def tag_within(
    connection: Connection, call: Call, view: BuildView, add: Iterable[str], remove: Iterable[str]
) -> list[str]:
    """The same inside a transaction that the caller opened, of a build seen since it was locked."""
    return await _set_tags(connection, call, view, changed_tags(view.tags, add, remove))


async def _set_tags(
    connection: Connection, call: Call, view: BuildView, tags: list[str]
) -> list[str]:
    if len(tags) > MOST_TAGS:
        raise Invalid(f"A build may have {MOST_TAGS} tags at most.")
    await edits.change(connection, view.id, Details(tags=tags), call.by, call.now)
    is_new = len(set(map(str.casefold, tags)) - set(map(str.casefold, view.tags))) > 0
    if is_new and view.status == "completed":
        await happening.tell_tagged(connection, call, replace(view, tags=tuple(tags)))
    return tags


async def change_properties(
    call: Call, build_id: int, changes: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Set properties, or remove those set to None; all of them afterwards."""
    async with call.database.transaction() as connection:
        permission = BuildPermission.UPDATE_BUILD_INFORMATION
        view = await _found_locked(connection, call, build_id, permission)
        merged = {**view.properties, **changes}
        kept = {name: value for name, value in merged.items() if value is not None}
        await edits.set_properties(connection, build_id, kept)
        return kept


async def queue_position(call: Call, view: BuildView) -> int | None:
    """How many builds wait before this one, counted from 1; None when it does not wait."""
    if view.status != "notStarted":
        return None
    async with call.database.read() as connection:
        return await edits.position(connection, view.id)

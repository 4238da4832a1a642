"""Releases: lock and load one, insert one, save what changed.

Lock order, always: definition or environment row first, release row after it.
"""

from dataclasses import replace

from quaymaster.domain.release import Release
from quaymaster.domain.spreading import deployment_groups_of
from quaymaster.store import (
    bodies,
    release_inserting,
    release_numbering,
    release_saving,
    release_snapshots,
    targets,
)
from quaymaster.store import release_rows as rows
from quaymaster.store.database import Connection
from quaymaster.store.records import NewRelease
from quaymaster.store.release_statements import Beside
from quaymaster.store.vault import Vault


async def locked(connection: Connection, release_id: int) -> Release | None:
    """Lock the release until the transaction ends and load it; None when there is none.

    Two statements on purpose: one that both waits for the lock and loads would see the stages
    as they were before the wait, while the other transaction was still changing them.
    """
    if not await connection.fetchval(rows.LOCK, release_id):
        return None
    return await load(connection, release_id)


async def load(connection: Connection, release_id: int) -> Release | None:
    """The release with the newest attempt of each stage, as committed last; not locked."""
    text = await connection.fetchval(rows.LOAD, release_id)
    if text is None:
        return None
    row = rows.decoder.decode(text)
    plan = await bodies.plan(connection, bytes.fromhex(row.plan_digest))
    own = {stage.plan_digest for stage in row.stages if stage.plan_digest}
    own_plans = await bodies.stage_plans(connection, map(bytes.fromhex, own)) if own else {}
    release = rows.release_of(row, plan, {key.hex(): found for key, found in own_plans.items()})
    groups = deployment_groups_of(release)
    if not groups:
        return release
    return replace(release, targets=await targets.of_release(connection, release_id, groups))


async def insert(connection: Connection, new: NewRelease, vault: Vault) -> Release:
    """Name, number and store a new release with one stage for each stage of its plan.

    The definition's row is locked until the transaction ends, which makes names unique one after
    the other (SEMANTICS 2.10, 3.2). Raises Refused when the format cannot produce a new name,
    NotFound when the definition does not exist.
    """
    release_id = await release_inserting.insert(connection, new, vault)
    release = await load(connection, release_id)
    if release is None:
        raise RuntimeError(f"release {release_id} is gone in the transaction that inserted it")
    return release


async def numbered(connection: Connection, after: Release) -> Release:
    """The release, not saved yet, with an id in every record that had none."""
    return await release_numbering.with_ids(connection, after)


async def save(connection: Connection, before: Release, after: Release) -> Release:
    """Write the records in which `after` differs from `before`, as `locked` returned it.

    Returns `after` with an id in every record that had none. Derived columns (statuses, mask,
    due time) are written with the records they follow from. Raises Conflict when the database
    refuses a second attempt under way in a stage or slot, or a name that is taken.
    """
    if after is before:
        return after
    after = await release_numbering.with_ids(connection, after)
    await keep(connection, before, after, None)
    return after


async def keep(
    connection: Connection, before: Release, after: Release, beside: Beside | None
) -> int:
    """The same for a release whose records all have ids, together with what the decision leaves
    besides; how many deliveries that queued."""
    _check_attempts_follow(before, after)
    slots = await release_saving.slots_taken(connection, before, after)
    found = release_saving.difference(before, after, slots)
    found.beside = beside
    queued = await release_saving.write(connection, after, found)
    await release_snapshots.save_plans(connection, before, after)
    if after.artifacts != before.artifacts:
        await release_snapshots.save_versions(connection, after)
    return queued


def _check_attempts_follow(before: Release, after: Release) -> None:
    """A stage shows one attempt: starting the next before the last was saved as ended loses it."""
    for old, new in zip(before.stages, after.stages, strict=True):
        if old.active and new.newest and new.newest.attempt != old.active.attempt:
            raise ValueError(
                f"stage {old.name!r}: attempt {old.active.attempt} has not been saved as ended, "
                f"so attempt {new.newest.attempt} cannot take its place"
            )

"""Releases: lock and load them, insert one, save what changed.

Lock order, always: definition or environment row first, release row after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from quaymaster.domain.release import Release
from quaymaster.domain.spreading import deployment_groups_of
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases.records import NewRelease
from quaymaster.store.releases.writing import inserting, numbering, rows, saving, snapshots
from quaymaster.store.releases.writing.statements import Beside
from quaymaster.store.resources import targets
from quaymaster.store.storage import bodies
from quaymaster.store.storage.vault import Vault


async def locked(connection: Connection, release_id: int) -> Release | None:
    """Lock the release until the transaction ends and load it; None when there is none.

    Two statements on purpose: one that both waits for the lock and loads would see the stages
    as they were before the wait, while the other transaction was still changing them.
    """
    if not await connection.fetchval(rows.LOCK, release_id):
        return None
    return await load(connection, release_id)


async def locked_at_once(connection: Connection, release_ids: Sequence[int]) -> list[Release]:
    """The same for several releases, but for those that somebody else holds, or whose definition
    somebody rolls back or freezes right now: it waits for nobody, so that nobody waits in a
    circle."""
    rows_locked = await connection.fetch(rows.LOCK_AT_ONCE, release_ids)
    return await _load_all(connection, [row["id"] for row in rows_locked])


async def load(connection: Connection, release_id: int) -> Release | None:
    """The release with the newest attempt of each stage, as committed last; not locked."""
    found = await _load_all(connection, [release_id])
    return found[0] if found else None


async def _load_all(connection: Connection, release_ids: Sequence[int]) -> list[Release]:
    if not release_ids:
        return []
    found = await connection.fetch(rows.LOAD, release_ids)
    return [await _release(connection, rows.decoder.decode(row[0])) for row in found]


async def _release(connection: Connection, row: rows.ReleaseRow) -> Release:
    plan = await bodies.plan(connection, bytes.fromhex(row.plan_digest))
    own = {stage.plan_digest for stage in row.stages if stage.plan_digest}
    own_plans = await bodies.stage_plans(connection, map(bytes.fromhex, own)) if own else {}
    release = rows.release_of(row, plan, {key.hex(): found for key, found in own_plans.items()})
    groups = deployment_groups_of(release)
    if not groups:
        return release
    return replace(release, targets=await targets.of_release(connection, row.id, groups))


async def insert(connection: Connection, new: NewRelease, vault: Vault) -> Release:
    """Name, number and store a new release with one stage for each stage of its plan.

    The definition's row is locked until the transaction ends, which makes names unique one after
    the other (SEMANTICS 2.10, 3.2). Raises Refused when the format cannot produce a new name,
    NotFound when the definition does not exist.
    """
    release_id = await inserting.insert(connection, new, vault)
    release = await load(connection, release_id)
    if release is None:
        raise RuntimeError(f"release {release_id} is gone in the transaction that inserted it")
    return release


async def numbered(connection: Connection, afters: Sequence[Release]) -> list[Release]:
    """The releases, not saved yet, with an id in every record that had none."""
    return await numbering.with_ids(connection, afters)


async def save(connection: Connection, before: Release, after: Release) -> Release:
    """Write the records in which `after` differs from `before`, as `locked` returned it.

    Returns `after` with an id in every record that had none. Derived columns (statuses, mask,
    due time) are written with the records they follow from. Raises Conflict when the database
    refuses a second attempt under way in a stage or slot, or a name that is taken.
    """
    if after is before:
        return after
    [after] = await numbering.with_ids(connection, [after])
    await keep(connection, [Step(before, after)])
    return after


@dataclass(frozen=True, slots=True)
class Step:
    """A release before and after a decision, with ids in all its records, and what the decision
    leaves besides."""

    before: Release
    after: Release
    beside: Beside | None = None


async def keep(connection: Connection, steps: Sequence[Step]) -> int:
    """Write one step of each of these releases; how many deliveries that queued. Raises what
    `save` raises."""
    found = []
    for step in steps:
        _check_attempts_follow(step.before, step.after)
        slots = await saving.slots_taken(connection, step.before, step.after)
        found.append(saving.difference(step.before, step.after, slots, step.beside))
    queued = await saving.write(connection, found)
    for step in steps:
        await snapshots.save_plans(connection, step.before, step.after)
        if step.after.artifacts != step.before.artifacts:
            await snapshots.save_versions(connection, step.after)
    return queued


def _check_attempts_follow(before: Release, after: Release) -> None:
    """A stage shows one attempt: starting the next before the last was saved as ended loses it."""
    for old, new in zip(before.stages, after.stages, strict=True):
        if old.active and new.newest and new.newest.attempt != old.active.attempt:
            raise ValueError(
                f"stage {old.name!r}: attempt {old.active.attempt} has not been saved as ended, "
                f"so attempt {new.newest.attempt} cannot take its place"
            )

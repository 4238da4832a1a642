"""Keeping builds for a time, whoever would delete them (SEMANTICS 23.7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from quaymaster.actions.builds import builds
from quaymaster.actions.call import Call
from quaymaster.domain.build_access import BuildPermission
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.store.builds import retention, views
from quaymaster.store.builds.retention import ANY, Lease, LeaseFilter


@dataclass(frozen=True, slots=True)
class NewLease:
    """A wish to keep a build, in the words of who has it."""

    build_id: int
    definition_id: int
    owner: str
    length: timedelta
    protects_pipeline: bool = False


async def listed(
    call: Call, *, ids: Sequence[int] | None = None, wanted: Sequence[LeaseFilter] = ANY
) -> list[Lease]:
    """The leases with one of these ids that are as one of `wanted`, of builds that the caller may
    view."""
    async with call.database.read() as connection:
        found = await retention.leases(connection, wanted, ids)
        known = await views.get_many(connection, {lease.build_id for lease in found})
    seen = {number for number, view in known.items() if builds.may_view(call, view)}
    return [lease for lease in found if lease.build_id in seen]


async def get(call: Call, lease_id: int) -> Lease:
    """One lease. Raises NotFound."""
    found = await listed(call, ids=[lease_id])
    if not found:
        raise NotFound("lease", lease_id)
    return found[0]


async def of_build(call: Call, build_id: int) -> list[Lease]:
    """The leases of one build. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        await builds.found(connection, call, build_id)
        return await retention.leases(connection, [LeaseFilter(build_id=build_id)])


async def add(call: Call, wanted: Sequence[NewLease]) -> list[Lease]:
    """Keep these builds, all or none. Raises NotFound, Forbidden, Invalid."""
    made = []
    async with call.database.transaction() as connection:
        for lease in wanted:
            permission = BuildPermission.RETAIN_INDEFINITELY
            view = await builds.found(connection, call, lease.build_id, permission)
            if view.definition_id != lease.definition_id:
                raise Invalid(
                    f"Build {lease.build_id} is not of the pipeline {lease.definition_id}."
                )
            until = call.now + lease.length
            made.append(
                await retention.add_lease(
                    connection,
                    lease.build_id,
                    lease.owner,
                    call.now,
                    until,
                    protects_pipeline=lease.protects_pipeline,
                )
            )
    return made


async def change(
    call: Call, lease_id: int, length: timedelta | None, protects_pipeline: bool | None
) -> Lease:
    """Let a lease hold this long from now on. Raises NotFound, Forbidden."""
    known = await get(call, lease_id)
    async with call.database.transaction() as connection:
        permission = BuildPermission.RETAIN_INDEFINITELY
        await builds.found(connection, call, known.build_id, permission)
        until = None if length is None else call.now + length
        return await retention.change_lease(connection, lease_id, until, protects_pipeline)


async def remove(call: Call, ids: Sequence[int]) -> None:
    """Take leases away. Raises Forbidden where the caller may not."""
    known = await listed(call, ids=ids)
    async with call.database.transaction() as connection:
        for lease in known:
            permission = BuildPermission.RETAIN_INDEFINITELY
            await builds.found(connection, call, lease.build_id, permission)
        await retention.remove_leases(connection, [lease.id for lease in known])

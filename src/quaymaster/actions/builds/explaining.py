"""Why a build is not done yet: looked up, never changed."""

from collections.abc import Iterator, Sequence

from quaymaster.actions.builds import builds
from quaymaster.actions.call import Call
from quaymaster.domain.build import BuildId
from quaymaster.domain.errors import NotFound
from quaymaster.domain.explain_build import BuildSurroundings, explain_build, untold, warning
from quaymaster.domain.reasons import Offer, Reason
from quaymaster.domain.release import JobId
from quaymaster.domain.statuses import JobStatus
from quaymaster.store.announcements import status_posts
from quaymaster.store.announcements.status_posts import PostedStatus
from quaymaster.store.builds import builds as rows
from quaymaster.store.builds import edits
from quaymaster.store.definitions import build_definitions
from quaymaster.store.jobs import jobs
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import workers


async def reasons(call: Call, build_id: int) -> tuple[Reason, ...]:
    """Every reason why the build goes on no further, those that hold it up now first. Raises
    NotFound, Forbidden (view builds)."""
    async with call.database.read() as connection:
        view = await builds.found(connection, call, build_id)
        build = await rows.load(connection, BuildId(build_id))
        if build is None:
            raise NotFound(builds.KIND, build_id)
        queue_status = await build_definitions.queue_status(connection, view.definition_id)
        waiting = [job.id for job in build.jobs if job.status is JobStatus.WAITING]
        around = BuildSurroundings(
            view.definition_name,
            queue_status or "enabled",
            await _pools(connection, waiting),
            await edits.ahead(connection, waiting),
        )
        told = await status_posts.of_build(connection, build_id)
    found = sorted(explain_build(build, around), key=lambda one: one.is_ahead)
    warned = [warning(one["message"]) for one in view.validation]
    return (*found, *warned, *_untold(told))


def _untold(told: Sequence[PostedStatus]) -> Iterator[Reason]:
    """The newest status of each context that was sent, where the repository did not take it."""
    newest = {one.told.context: one for one in told if one.attempts}
    for one in newest.values():
        if one.problem:
            again = one.due_at if one.status == status_posts.QUEUED else None
            yield untold(one.told.context, one.told.state, one.problem, again)


async def _pools(connection: Connection, waiting: list[JobId]) -> dict[JobId, tuple[Offer, ...]]:
    """The workers that could take each waiting job by their pool."""
    pools = await jobs.pools_of(connection, waiting) if waiting else {}
    offers = {
        pool: tuple(
            Offer(one.name, one.capabilities, one.is_online, one.is_busy)
            for one in await workers.presence(connection, pool)
        )
        for pool in set(pools.values())
    }
    return {JobId(job): offers[pool] for job, pool in pools.items()}

"""Which queue the jobs of a build go to, and what is said where it is not the one named."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from quaymaster.domain.build_plan import BuildPlan
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import PhaseKind
from quaymaster.store.definitions.build_definitions import BuildDefinition
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import pools
from quaymaster.store.resources.pools import Queue

Warnings = tuple[Mapping[str, Any], ...]


async def chosen(
    connection: Connection, definition: BuildDefinition, plan: BuildPlan, asked: int | None
) -> tuple[int | None, Warnings]:
    """The queue that is asked for, else that of the definition, else the project's first; and a
    warning for each queue that is named and that the project does not have, with the keys of the
    `jobs` that therefore run elsewhere. Raises Invalid when it has not the one asked for."""
    known = await pools.queues(connection, definition.project_id)
    if asked is not None:
        if asked not in {one.id for one in known}:
            raise Invalid(f"The project has no queue {asked}.")
        return asked, tuple(_warnings(plan, known, ""))
    own = next((one for one in known if one.id == plan.queue_id), None)
    if own is None and plan.queue_name:
        key = plan.queue_name.casefold()
        own = next((one for one in known if one.name.casefold() == key), None)
    word = "" if own else str(plan.queue_id or plan.queue_name or "")
    usual = own or next(iter(known), None)
    return usual.id if usual else None, tuple(_warnings(plan, known, word))


def _warnings(plan: BuildPlan, known: Sequence[Queue], unknown: str) -> Iterator[Mapping[str, Any]]:
    """`unknown` is the queue of the definition, where the project does not have it."""
    jobs = [job for job in plan.jobs if job.work.kind is PhaseKind.AGENT]
    usual = [job.key for job in jobs if not job.work.queue_id]
    if unknown and usual:
        yield _warning("The definition", unknown, "first queue of the project", usual)
    has = {one.id for one in known}
    for job in jobs:
        if job.work.queue_id and job.work.queue_id not in has:
            who, number = f"The phase {job.work.name}", str(job.work.queue_id)
            yield _warning(who, number, "first pool of the installation", [job.key])


def _warning(who: str, queue: str, instead: str, jobs: list[str]) -> Mapping[str, Any]:
    text = (
        f"{who} names the queue {queue[:80]!r}, which the project does not have, so that the "
        f"{instead} runs it. Name another one in the definition."
    )
    return {"result": "warning", "message": text, "jobs": jobs}

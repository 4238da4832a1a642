"""Manual validations of builds: a paused phase goes on, or fails (SEMANTICS 21)."""

from dataclasses import dataclass, replace
from datetime import datetime

from quaymaster.actions.builds import builds, happening
from quaymaster.actions.call import Call
from quaymaster.domain.build import BuildId
from quaymaster.domain.build_access import BuildPermission
from quaymaster.domain.build_events import BuildQuestionAnswered
from quaymaster.domain.build_pauses import over_at
from quaymaster.domain.errors import NotFound
from quaymaster.domain.release import Intervention, JobId
from quaymaster.store.builds import builds as rows
from quaymaster.store.builds.views import BuildView
from quaymaster.store.people import people
from quaymaster.store.people.people import Identity


@dataclass(frozen=True, slots=True)
class Validation:
    """A question with the number of the job that waits for it, when that is over at the latest,
    and who has answered."""

    id: JobId
    asked: Intervention
    due_at: datetime
    answered_by: Identity | None = None


async def listed(call: Call, build_id: int) -> tuple[BuildView, list[Validation]]:
    """Every manual validation of a build, oldest first. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        view = await builds.found(connection, call, build_id)
        build = await rows.load(connection, build_id)
        asked = [
            Validation(job.id, job.question, over_at(build, job) or job.question.due_at)
            for job in (build.jobs if build else ())
            if build and job.question
        ]
        by = [str(one.asked.answered_by) for one in asked if one.asked.answered_by]
        known = await people.get_many(connection, by)
    return view, [replace(one, answered_by=known.get(one.asked.answered_by or "")) for one in asked]


async def get(call: Call, build_id: int, number: int) -> tuple[BuildView, Validation]:
    """One of them. Raises NotFound, Forbidden."""
    view, found = await listed(call, build_id)
    for one in found:
        if one.id == number:
            return view, one
    raise NotFound("manual validation", number)


async def answer(call: Call, build_id: int, number: int, comment: str, *, resumes: bool) -> None:
    """Let the build go on, or reject it. Raises NotFound, Forbidden (queue builds), Refused when it
    has been answered."""
    async with call.database.transaction() as connection:
        await builds.found(connection, call, build_id, BuildPermission.QUEUE_BUILDS)
        event = BuildQuestionAnswered(JobId(number), call.by, resumes, comment)
        await happening.happen_within(connection, call, BuildId(build_id), event)

"""Reading the logs of builds: one step's text, or everything of a build as a zip."""

from collections.abc import AsyncIterator, Iterator

from quaymaster.actions.builds import reading
from quaymaster.actions.builds.reading import Timeline
from quaymaster.actions.call import Call
from quaymaster.actions.storage.zips import Entry, safe_name, zipped_entries
from quaymaster.domain.errors import NotFound
from quaymaster.store.jobs import logs
from quaymaster.store.jobs.logs import Lines


async def of_step(call: Call, build_id: int, step_id: int, lines: Lines) -> AsyncIterator[bytes]:
    """The wanted lines of one step's log, in pieces, also while it is being written.

    Raises NotFound when the step is not one of this build.
    """
    found = await reading.steps(call, build_id)
    if not any(step.id == step_id for step in found.steps):
        raise NotFound("log", step_id, f"Build {build_id} has no log {step_id}.")
    installation = call.installation
    return logs.read(installation.database, installation.files, step_id, lines)


async def zipped(call: Call, build_id: int) -> AsyncIterator[bytes]:
    """A zip with one file for each step of each attempt, made while it is sent."""
    found = await reading.steps(call, build_id)
    return zipped_entries(_entries(call, found))


def _entries(call: Call, found: Timeline) -> Iterator[Entry]:
    installation = call.installation
    jobs = {job.id: job for job in found.jobs}
    for step in found.steps:
        job = jobs[step.job_id]
        attempt = f" (attempt {job.attempt})" if job.attempt > 1 else ""
        name = f"{safe_name(job.key)}{attempt}/{step.rank}_{safe_name(step.name)}.txt"
        yield Entry(name, logs.read(installation.database, installation.files, step.id))

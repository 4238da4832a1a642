"""A part of a build, asked for by the names of a stage, a job and one of its configurations."""

from collections.abc import Iterator
from dataclasses import dataclass

from quaymaster.domain.build import Build
from quaymaster.domain.build_dependencies import result_of
from quaymaster.domain.build_plan import BuildJobPlan, BuildPlan
from quaymaster.domain.errors import NotFound
from quaymaster.domain.statuses import JobStatus


@dataclass(frozen=True, slots=True)
class Part:
    """Names in any case, those that are shown or those that others refer to; "" is all of them.

    A configuration is a leg of a matrix: `py311`, or with its job's name as it is shown, `Test
    py311`.
    """

    stage: str = ""
    job: str = ""
    configuration: str = ""

    @property
    def is_whole(self) -> bool:
        return not (self.stage or self.job or self.configuration)


def result_of_part(build: Build, part: Part) -> JobStatus | None:
    """How the newest attempts of the jobs of a part ended together; None where none was run.

    Raises NotFound for a part that the build does not have.
    """
    plans = list(_jobs(build.plan, part))
    if not plans:
        named = " / ".join(filter(None, (part.stage, part.job, part.configuration)))
        raise NotFound("job", named[:80], f"The build has no stage, job or leg {named[:80]!r}.")
    was_run = any(build.newest(plan.key) for plan in plans)
    return result_of(build, plans) if was_run else None


def _jobs(plan: BuildPlan, part: Part) -> Iterator[BuildJobPlan]:
    shown = {stage.name: stage.display_name for stage in plan.stages}
    for job in plan.jobs:
        name = job.work.name
        job_names = (job.name, name.removesuffix(f" {job.leg}"))
        if (
            _is_one_of(part.stage, job.stage, shown.get(job.stage, ""))
            and _is_one_of(part.job, *job_names)
            and _is_one_of(part.configuration, job.leg, name)
        ):
            yield job


def _is_one_of(wanted: str, *names: str) -> bool:
    return not wanted or wanted.casefold() in map(str.casefold, filter(None, names))

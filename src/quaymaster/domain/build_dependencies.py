"""What a job or a stage of a build knows of those before it: their results and their outputs.

`dependencies.Job.outputs['step.name']` in jobs, `dependencies.Stage.outputs['Job.step.name']` in
the conditions of stages, and `stageDependencies.Stage.Job.outputs['step.name']` in both.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from quaymaster.domain.build import Build
from quaymaster.domain.build_plan import BuildJobPlan, BuildStagePlan
from quaymaster.domain.expressions import Context, Expression, as_text, evaluate_condition, parse
from quaymaster.domain.ordinal import IgnoreCase
from quaymaster.domain.statuses import JobStatus

STATUS_WORDS = {
    JobStatus.SUCCEEDED: "Succeeded",
    JobStatus.WITH_ISSUES: "SucceededWithIssues",
    JobStatus.FAILED: "Failed",
    JobStatus.CANCELED: "Canceled",
    JobStatus.SKIPPED: "Skipped",
}
NAMED = ("dependencies", "stageDependencies")
Outputs: TypeAlias = Mapping[int, Mapping[str, str]]
_BADNESS = list(STATUS_WORDS)
_OPENS, _CLOSES = "$[", "]"


# ---- results --------------------------------------------------------------------------------


def result_of(build: Build, plans: Iterable[BuildJobPlan]) -> JobStatus:
    """How these jobs ended together: what was skipped does not count beside what was not."""
    ended = [build.counts(job) for plan in plans if (job := build.newest(plan.key)) is not None]
    done = [status for status in ended if status is not JobStatus.SKIPPED]
    if ended and not done:
        return JobStatus.SKIPPED
    return max(done, key=_BADNESS.index, default=JobStatus.SUCCEEDED)


def worst(results: Iterable[JobStatus]) -> JobStatus:
    """The worst of several results; one that was skipped is worse than all others."""
    return max(results, key=_BADNESS.index, default=JobStatus.SUCCEEDED)


def before_job(build: Build, plan: BuildJobPlan) -> dict[str, list[BuildJobPlan]]:
    """The jobs and phases that this one waits for, by name, each with all that it became."""
    return _by_name(build.plan.job(key) for key in plan.depends_on)


def _by_name(plans: Iterable[BuildJobPlan]) -> dict[str, list[BuildJobPlan]]:
    found: dict[str, list[BuildJobPlan]] = {}
    for plan in plans:
        found.setdefault(plan.name, []).append(plan)
    return found


def jobs_of(build: Build, stages: Iterable[str]) -> list[BuildJobPlan]:
    """The jobs of these stages."""
    wanted = set(stages)
    return [plan for plan in build.plan.jobs if plan.stage in wanted]


# ---- what expressions look at ------------------------------------------------------------------


def known_to_job(
    build: Build, plan: BuildJobPlan, secret: Outputs | None = None
) -> dict[str, object]:
    """The values that conditions and computed variables of a job may look at; `secret` are
    outputs by the ids of their jobs that only the job itself may see."""
    dependencies = {
        name: _facts(build, jobs, secret) for name, jobs in before_job(build, plan).items()
    }
    return {
        "dependencies": IgnoreCase(dependencies),
        "stageDependencies": _stages(build, _stage(build, plan).depends_on, secret),
    }


def known_to_stage(build: Build, stage: BuildStagePlan) -> dict[str, object]:
    """The same for the condition of a stage."""
    found: dict[str, object] = {}
    for name in stage.depends_on:
        jobs = jobs_of(build, [name])
        outputs = {
            f"{plan.name}.{key}": value
            for plan in jobs
            for key, value in _outputs(build, plan, None).items()
        }
        found[name] = _known(result_of(build, jobs), outputs)
    return {
        "dependencies": IgnoreCase(found),
        "stageDependencies": _stages(build, stage.depends_on, None),
    }


def _stages(build: Build, names: Iterable[str], secret: Outputs | None) -> IgnoreCase[object]:
    found: dict[str, object] = {}
    for name in names:
        jobs = _by_name(jobs_of(build, [name]))
        inside = {job: _facts(build, group, secret) for job, group in jobs.items()}
        found[name] = IgnoreCase(inside)
    return IgnoreCase(found)


def _facts(
    build: Build, jobs: Iterable[BuildJobPlan], secret: Outputs | None
) -> IgnoreCase[object]:
    listed = list(jobs)
    outputs = {
        key: value for plan in listed for key, value in _outputs(build, plan, secret).items()
    }
    return _known(result_of(build, listed), outputs)


def _known(result: JobStatus, outputs: Mapping[str, str]) -> IgnoreCase[object]:
    return IgnoreCase({"result": STATUS_WORDS[result], "outputs": IgnoreCase(outputs)})


def _outputs(build: Build, plan: BuildJobPlan, secret: Outputs | None) -> dict[str, str]:
    """A job's outputs as others name them: those of a leg begin with its name."""
    job = build.newest(plan.key)
    if job is None:
        return {}
    hidden = (secret or {}).get(job.id, {})
    prefix = f"{plan.leg}." if plan.leg else ""
    return {f"{prefix}{name}": value for name, value in {**job.outputs, **hidden}.items()}


def _stage(build: Build, plan: BuildJobPlan) -> BuildStagePlan:
    return next(
        (stage for stage in build.plan.stages if stage.name == plan.stage),
        BuildStagePlan(plan.stage),
    )


# ---- computed variables --------------------------------------------------------------------------


def computed(text: str, named: Iterable[str] = NAMED) -> Expression | None:
    """The expression of a value `$[ … ]`; None for any other text. Raises ExpressionError."""
    text = text.strip()
    if not (text.startswith(_OPENS) and text.endswith(_CLOSES)):
        return None
    return parse(text[len(_OPENS) : -len(_CLOSES)], named)


def own_variables(
    build: Build, plan: BuildJobPlan, secret: Outputs | None = None
) -> dict[str, str]:
    """The job's own variables, with `$[ … ]` computed from the build's variables and from what
    was handed on. Raises ExpressionError."""
    found = {name: computed(value) for name, value in plan.variables.items()}
    if not any(found.values()):
        return plan.variables
    plain = {name: plan.variables[name] for name, value in found.items() if value is None}
    known = known_to_job(build, plan, secret)
    context = Context({**build.variables, **plain}, named=known)
    made = {name: as_text(value.evaluate(context)) for name, value in found.items() if value}
    return {**plain, **made}


# ---- conditions ----------------------------------------------------------------------------------


def stage_holds(build: Build, plan: BuildJobPlan) -> bool:
    """Whether the condition of a job's stage holds. Raises ExpressionError."""
    stage = _stage(build, plan)
    so_far = worst(result_of(build, jobs_of(build, [name])) for name in stage.depends_on)
    if not stage.condition.strip() and so_far in (JobStatus.SUCCEEDED, JobStatus.WITH_ISSUES):
        return True
    known = known_to_stage(build, stage)
    words = STATUS_WORDS[so_far]
    return evaluate_condition(stage.condition, build.variables, words, known).value


def job_holds(build: Build, plan: BuildJobPlan) -> bool:
    """Whether a job's own condition holds. Raises ExpressionError."""
    so_far = worst(result_of(build, jobs) for jobs in before_job(build, plan).values())
    if not plan.work.condition.strip() and so_far in (JobStatus.SUCCEEDED, JobStatus.WITH_ISSUES):
        return True
    variables = {**build.variables, **own_variables(build, plan)}
    known = known_to_job(build, plan)
    words = STATUS_WORDS[so_far]
    return evaluate_condition(plan.work.condition, variables, words, known).value

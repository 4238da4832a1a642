"""Where a plan names service connections, so that each can be allowed where it is new (25.3)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from quaymaster.domain.build_plan import BuildPlan, RepositoryPlan
from quaymaster.domain.plan import ArtifactPlan, Plan, TaskPlan
from quaymaster.plans.connections import InputsOf, named_by

# The keys of an artifact's reference that say which place is asked through its connection.
_PLACES = ("definition", "url", "path", "repository.url", "artifactSourceDefinitionUrl")


@dataclass(frozen=True, slots=True)
class Use:
    """A connection, by the casefold of its id or name, and the words for what names it.

    `place` is what it signs in to as far as the plan says so: with another one the use is another,
    since what authenticates would go there. It is "" for tasks.
    """

    word: str
    place: str = ""
    where: str = field(default="", compare=False)


def uses_in(plan: Plan | BuildPlan, inputs_of: InputsOf) -> frozenset[Use]:
    """All that a plan names as written: artifacts, repositories, and enabled tasks and gates."""
    if isinstance(plan, BuildPlan):
        return frozenset(_of_build(plan, inputs_of))
    return frozenset(_of_release(plan, inputs_of))


def of_artifacts(artifacts: Iterable[ArtifactPlan]) -> frozenset[Use]:
    """What artifacts name in their `definitionReference`."""
    return frozenset(_of_artifacts(artifacts))


def words_of_tasks(uses: Iterable[Use]) -> frozenset[str]:
    """The ids and names that tasks and gates hold, in casefold."""
    return frozenset(use.word for use in uses if not use.place)


def _of_release(plan: Plan, inputs_of: InputsOf) -> Iterator[Use]:
    yield from _of_artifacts(plan.artifacts)
    for stage in plan.stages:
        for phase in stage.phases:
            yield from _of_tasks(phase.tasks, inputs_of, "task", f"stage {stage.name}")
        for gates in (stage.pre_gates, stage.post_gates):
            yield from _of_tasks(gates.tasks, inputs_of, "gate", f"stage {stage.name}")


def _of_build(plan: BuildPlan, inputs_of: InputsOf) -> Iterator[Use]:
    for repository in (plan.repository, *(job.checkout for job in plan.jobs)):
        if repository is not None and (word := repository.connection.strip()):
            yield Use(word.casefold(), _place(repository), "the repository")
    for job in plan.jobs:
        yield from _of_tasks(job.work.tasks, inputs_of, "task", f"job {job.work.name or job.key}")


def _place(repository: RepositoryPlan) -> str:
    named = repository.url or repository.name or repository.id
    return f"{repository.type.casefold()} {named}"


def _of_artifacts(artifacts: Iterable[ArtifactPlan]) -> Iterator[Use]:
    for artifact in artifacts:
        if word := artifact.reference.get("connection", "").strip():
            places = (artifact.reference.get(key, "") for key in _PLACES)
            place = " ".join((artifact.type.casefold(), *places))
            yield Use(word.casefold(), place, f"artifact {artifact.alias}")


def _of_tasks(
    tasks: Iterable[TaskPlan], inputs_of: InputsOf, kind: str, within: str
) -> Iterator[Use]:
    for task in tasks:
        if task.enabled:
            for _, word in named_by(task, inputs_of):
                yield Use(word.casefold(), where=f"{kind} {task.display_name} of {within}")

"""What a build is made of: the plan of its definition, or of the YAML file in its repository."""

from dataclasses import dataclass

from quaymaster.domain.build_plan import BuildPlan, ProcessType
from quaymaster.domain.errors import Refused
from quaymaster.store.build_definitions import BuildDefinition


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan with jobs, and the commit that it was read from where one was looked up."""

    plan: BuildPlan
    commit: str = ""


async def prepared(definition: BuildDefinition, version: str) -> Prepared:
    """The plan of a build of this branch, or of this version of it. Raises Refused, Invalid."""
    plan = definition.plan
    if plan.process is not ProcessType.YAML:
        return Prepared(plan, version)
    raise Refused(
        f"The pipeline {definition.name} is described by the file {plan.yaml_path} in its "
        "repository, which this server cannot read."
    )

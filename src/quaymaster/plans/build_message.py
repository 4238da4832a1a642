"""The message that tells a job host what a job of a build runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from quaymaster.domain.build import BuildJob
from quaymaster.domain.build_plan import BuildJobPlan
from quaymaster.domain.build_predefined import BuildContext, predefined
from quaymaster.domain.variables import Scopes, Variable, effective, plain_and_secret
from quaymaster.plans.job_message import (
    NumberedStep,
    Place,
    seconds,
    step_message,
    system_connection,
)
from quaymaster.protocol.job import Checkout, JobVariable, RunJob


@dataclass(frozen=True, slots=True)
class Given:
    """What a job starts with: its variables, its sources and, where its phase asks, a token.

    What strangers wrote (`is_strange`) runs in a workspace of its own.
    """

    variables: Sequence[JobVariable] = field(repr=False)
    checkout: Checkout | None = None
    access_token: str = field(default="", repr=False)
    is_strange: bool = False


def build_message(
    job: BuildJob,
    plan: BuildJobPlan,
    context: BuildContext,
    steps: Sequence[NumberedStep],
    place: Place,
    given: Given,
) -> RunJob:
    """Everything that a host needs to run this job, secrets included: it is never logged."""
    return RunJob(
        job_id=job.id,
        token=job.token,
        name=plan.work.name,
        plan_id=context.plan_id,
        workspace=f"{context.project_id}/{context.definition_id}{_of(given)}",
        work_directory=place.work_directory,
        steps=[step_message(numbered) for numbered in steps],
        variables=list(given.variables),
        endpoints=[system_connection(context.collection_url, given.access_token)],
        skip_artifacts=True,
        checkout=given.checkout,
        cleans_outputs=plan.cleans_outputs,
        timeout_seconds=seconds(plan.work.timeout),
        cancel_timeout_seconds=plan.work.cancel_timeout.total_seconds(),
        host_type="build",
        agent_name=place.agent_name,
        agent_id=place.agent_id,
        tasks_directory=place.tasks_directory,
        node=place.node,
        allowed_addresses=list(place.allowed_addresses),
    )


def _of(given: Given) -> str:
    """Nothing that a stranger's build leaves behind is there for one that is trusted."""
    return "/strangers" if given.is_strange else ""


def build_variables(
    context: BuildContext,
    plain: Mapping[str, str],
    secret: Mapping[str, str],
    own: Sequence[Variable],
    access_token: str = "",
) -> list[JobVariable]:
    """The variables a job starts with: the job's own win over the build's, ours over all (5.4)."""
    system = [Variable(name, value) for name, value in predefined(context).items()]
    if access_token:  # SEMANTICS 17.3
        system.append(Variable("System.EnableAccessToken", "True"))
        system.append(Variable("System.AccessToken", access_token, is_secret=True))
    found = effective(
        Scopes(
            release=plain_and_secret(plain, secret),
            overrides=tuple(own),
            system=system,
        )
    )
    return [
        JobVariable(one.name, one.value, one.is_secret, one.is_read_only) for one in found.values()
    ]

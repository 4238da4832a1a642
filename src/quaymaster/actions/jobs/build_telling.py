"""Telling a worker what a job of a build is: rows, sources and secrets become one message."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from quaymaster.actions.call import Call
from quaymaster.actions.jobs.telling import equipped, numbered
from quaymaster.actions.people import call_back_tokens, job_tokens
from quaymaster.actions.resources import connections
from quaymaster.actions.resources.connections import DefinitionPlace
from quaymaster.domain.build import Build, BuildJob
from quaymaster.domain.build_dependencies import computed, own_variables
from quaymaster.domain.build_plan import BuildJobPlan, RepositoryPlan
from quaymaster.domain.build_predefined import BuildContext
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.domain.expressions import ExpressionError
from quaymaster.domain.release import JobKind
from quaymaster.domain.variables import Variable
from quaymaster.plans.build_message import Given, build_message, build_variables
from quaymaster.plans.connection_uses import uses_in, words_of_tasks
from quaymaster.plans.endpoints import endpoint
from quaymaster.plans.job_message import (
    Place,
    connections_named,
    none_installed,
    planned_steps,
)
from quaymaster.protocol.job import Checkout, Endpoint, JobVariable, RunJob
from quaymaster.runner.repositories.addresses import repository_text
from quaymaster.store.builds import builds, outputs
from quaymaster.store.builds import facts as build_facts
from quaymaster.store.builds.facts import BuildFacts
from quaymaster.store.definitions import build_plans
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases.release_secrets import Secrets


async def told(
    connection: Connection, call: Call, build: Build, job: BuildJob, place: Place
) -> RunJob:
    """The message of a job that was just claimed; the rows of its steps are made with it.

    Raises VaultError when a secret cannot be opened.
    """
    facts = await build_facts.of_build(connection, call.vault, build.id)
    if facts is None:
        raise NotFound("build", build.id)
    plan = build.plan.job(job.key)
    own = await _own(connection, call, build, plan, facts)
    on_server = job.kind is not JobKind.AGENT
    tasks = None if on_server else call.installation.outside.tasks
    repository = plan.checkout or build.plan.repository
    checks_out = plan.checks_out and not on_server
    signing_in = await _signing_in(connection, call, facts, repository) if checks_out else []
    checkout = _checkout(build, repository, facts, signing_in) if checks_out else None
    sources = f"{repository.name or repository.id or checkout.address} to s" if checkout else ""
    planned = planned_steps(plan.work, (), tasks.chosen if tasks else none_installed, sources)
    steps = await numbered(connection, job.id, job.token, planned)
    context = _context(call.installation.url, build, plan, job, facts)
    is_strange = build.plan.without_secrets
    token = ""
    if not is_strange:
        token = await job_tokens.issue(connection, facts.project_id, plan.work, job, call.now)
    for_scripts = token if plan.work.access_token else ""  # tasks have it anyway (12.10)
    variables = build_variables(context, facts.variables, facts.secrets, own, for_scripts)
    variables += await call_back_tokens.for_job(
        connection, job, plan.work, context, steps, call.now, call.installation.outside.tasks
    )
    named = [] if is_strange else await _named(connection, call, plan, facts, variables)
    given = Given(variables, checkout, token, is_strange)
    message = build_message(
        job, plan, context, steps, equipped(place, call.installation.outside), given
    )
    message.source_endpoints.extend(signing_in)
    message.endpoints.extend({one.id: one for one in named}.values())
    return message


def _checkout(
    build: Build, repository: RepositoryPlan, facts: BuildFacts, signing_in: list[Endpoint]
) -> Checkout | None:
    """What the job checks out; None where the definition does not say where its sources are."""
    opened = signing_in[0] if signing_in else None
    address = repository_text(
        repository.type, repository.name or repository.id, repository.url, opened
    )
    if not address:
        return None
    return Checkout(
        address=address,
        branch=facts.source_branch,
        commit=facts.source_version,
        clean=repository.clean,
        depth=repository.fetch_depth,
        submodules=_submodules(repository.submodules, repository.nested_submodules),
        connection=repository.connection,
        lfs=repository.lfs,
        tags=repository.fetch_tags,
        of_strangers=build.plan.without_secrets,
    )


def _submodules(some: bool, nested: bool) -> Literal["", "direct", "nested"]:
    if not some:
        return ""
    return "nested" if nested else "direct"


async def _signing_in(
    connection: Connection, call: Call, facts: BuildFacts, repository: RepositoryPlan
) -> list[Endpoint]:
    """The connection of the repository, for the checkout alone; it was allowed to whoever wrote it
    into the definition."""
    project = UUID(facts.project_id)
    found = await connections.resolve(connection, call.vault, project, [repository.connection])
    return [endpoint(one) for one in found.values()]


async def _named(
    connection: Connection,
    call: Call,
    plan: BuildJobPlan,
    facts: BuildFacts,
    variables: Sequence[JobVariable],
) -> list[Endpoint]:
    """The connections that the job's tasks name, as far as the definition's author may use them.

    What the definition says as such was checked when it was saved. Raises VaultError.
    """
    inputs_of = call.installation.outside.connection_inputs
    words = connections_named(plan.work, lambda: variables, inputs_of)
    if not words:
        return []
    as_saved = await build_plans.of_definition(connection, facts.definition_id)
    written = words_of_tasks(uses_in(as_saved, inputs_of))
    place = DefinitionPlace(facts.definition_id, UUID(facts.project_id))
    found = await connections.resolve_for(connection, call.vault, place, words, written)
    return [endpoint(one) for one in found.values()]


async def _own(
    connection: Connection, call: Call, build: Build, plan: BuildJobPlan, facts: BuildFacts
) -> list[Variable]:
    """The job's own variables, `$[ … ]` computed; one that depends on a secret is secret itself.

    Raises ExpressionError, VaultError, Invalid.
    """
    if not any(computed(value) for value in plan.variables.values()):
        return [Variable(name, value) for name, value in plan.variables.items()]
    handed_on = await outputs.secret(connection, call.vault, build.id)
    blank = {job: dict.fromkeys(one, "") for job, one in handed_on.items()}
    plain = own_variables(_knowing(build, dict.fromkeys(facts.secrets, "")), plan, blank)
    try:
        found = own_variables(_knowing(build, facts.secrets), plan, handed_on)
    except ExpressionError:  # its text may show a secret
        raise Invalid(
            f"The variables of {plan.work.name} cannot be computed from secret values."
        ) from None
    return [Variable(name, value, is_secret=value != plain[name]) for name, value in found.items()]


def _knowing(build: Build, more: Mapping[str, str]) -> Build:
    return replace(build, variables={**build.variables, **more})


async def given(call: Call, build_id: int, job_id: int) -> tuple[Secrets, list[Endpoint]]:
    """What a job of a build was given that must be masked. Raises VaultError, NotFound."""
    async with call.database.read() as connection:
        build = await builds.load(connection, build_id)
        facts = await build_facts.of_build(connection, call.vault, build_id)
        job = next((one for one in build.jobs if one.id == job_id), None) if build else None
        if build is None or facts is None or job is None:
            raise NotFound("job", job_id)
        plan = build.plan.job(job.key)
        own = await _own(connection, call, build, plan, facts)
        context = _context(call.installation.url, build, plan, job, facts)
        variables = build_variables(context, facts.variables, facts.secrets, own)
        is_strange = build.plan.without_secrets
        named = [] if is_strange else await _named(connection, call, plan, facts, variables)
    return Secrets(release={one.name: one.value for one in variables if one.is_secret}), named


def _context(
    url: str, build: Build, plan: BuildJobPlan, job: BuildJob, facts: BuildFacts
) -> BuildContext:
    collection = f"{url}/{facts.organization_name}"
    return BuildContext(
        collection_url=collection,
        collection_id=facts.organization_id,
        project_id=facts.project_id,
        project_name=facts.project_name,
        definition_id=facts.definition_id,
        definition_name=facts.definition_name,
        definition_revision=facts.definition_revision,
        definition_path=facts.definition_path,
        build_id=facts.build_id,
        number=facts.number,
        reason=facts.reason,
        source_branch=facts.source_branch,
        source_version=facts.source_version,
        repository=plan.checkout or build.plan.repository,
        queued_by=facts.queued_by,
        requested_for=facts.requested_for,
        stage=plan.stage,
        job=plan.key.rpartition(".")[2],
        job_name=plan.work.name,
        attempt=job.attempt,
        job_id=str(uuid5(NAMESPACE_URL, f"{collection}/jobs/{job.id}")),
        plan_id=facts.plan_id,
    )

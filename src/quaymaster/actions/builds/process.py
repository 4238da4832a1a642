"""What a build is made of: its plan, from the definition or its YAML file, and its commits."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from quaymaster.actions.builds.definitions import build_definitions, build_sources, revisions
from quaymaster.actions.builds.definitions.build_sources import Sources
from quaymaster.actions.call import Call
from quaymaster.actions.ports.outside import Commit
from quaymaster.domain.build_plan import BuildJobPlan, BuildPlan, ProcessType
from quaymaster.domain.errors import Invalid, Refused
from quaymaster.plans.yaml_pipeline import compile_yaml
from quaymaster.store.builds import lists
from quaymaster.store.definitions.build_definitions import BuildDefinition
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import pools, variable_groups


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan with jobs, the commit it is about, and what is new since the build before."""

    plan: BuildPlan
    commit: str = ""
    changes: tuple[Commit, ...] = ()


async def prepared(call: Call, definition: BuildDefinition, branch: str, version: str) -> Prepared:
    """The plan of a build of this branch, or of this version of it.

    Raises Invalid for a branch or commit that is not there and for a YAML file that cannot be
    run, Refused where the repository of a YAML definition cannot be read.
    """
    plan = definition.plan
    is_yaml = plan.process is ProcessType.YAML
    sources = await _sources(call, definition, is_needed=is_yaml)
    if sources is None:
        return Prepared(plan, version)
    found = await build_sources.commit(call, sources, branch, version)
    if is_yaml:
        text = await build_sources.file(call, sources, found.id, plan.yaml_path.lstrip("/"))
        plan = await _compiled(call, definition, text)
    changes = await _changes(call, definition, sources, branch, found)
    return Prepared(plan, found.id, changes)


async def yaml_text(call: Call, definition_id: int, revision: int | None = None) -> str:
    """The YAML file of a definition, as a revision of it names file and repository (None: the
    newest one), on its default branch. Raises NotFound, Forbidden, Refused, Invalid where it cannot
    be read."""
    definition = await revisions.as_it_was(call, definition_id, revision)
    if revision is not None:
        definition = await build_definitions.recompiled(call, definition)
    if definition.plan.process is not ProcessType.YAML:
        raise Refused(f"The pipeline {definition.name} is not described by a YAML file.")
    sources = await _sources(call, definition, is_needed=True)
    if sources is None:
        raise Refused(f"The repository of the pipeline {definition.name} cannot be read.")
    found = await build_sources.commit(call, sources, "")
    path = definition.plan.yaml_path.lstrip("/")
    return await build_sources.file(call, sources, found.id, path)


async def _sources(call: Call, definition: BuildDefinition, *, is_needed: bool) -> Sources | None:
    """The definition's repository; None where a designer definition names none that git reads."""
    repository = definition.plan.repository
    is_git = repository.type.casefold() in ("git", "github", "tfsgit", "githubenterprise")
    if call.installation.outside.repositories is None and not is_needed:
        return None
    if not is_needed and not (is_git and repository.url.strip()):
        return None
    if call.installation.outside.repositories is None:
        raise Refused(
            f"The pipeline {definition.name} is described by the file "
            f"{definition.plan.yaml_path} in its repository, which this server cannot read."
        )
    return await build_sources.opened(call, definition.project_id, repository)


async def _compiled(call: Call, definition: BuildDefinition, text: str) -> BuildPlan:
    outside = call.installation.outside
    names, here = outside.tasks.names() if outside.tasks else {}, outside.installed
    project, groups = definition.project_id, definition.plan.variable_groups
    async with call.database.read() as connection:
        linked = frozenset(await variable_groups.names(connection, project, groups))
    # In a thread: whoever pushes a file decides how much there is to read.
    plan = await asyncio.to_thread(
        compile_yaml, text, definition.plan, names, here.versions, here.on_server, linked
    )
    async with call.database.read() as connection:
        return await with_queues(connection, definition.project_id, plan)


async def with_queues(connection: Connection, project: UUID, plan: BuildPlan) -> BuildPlan:
    """The plan with the ids of the queues that its jobs name. Raises Invalid for a queue that the
    project does not have."""
    if not any(job.queue_name for job in plan.jobs):
        return plan
    known = {queue.name.casefold(): queue.id for queue in await pools.queues(connection, project)}
    return replace(plan, jobs=tuple(_in_queue(job, known) for job in plan.jobs))


def _in_queue(job: BuildJobPlan, known: Mapping[str, int]) -> BuildJobPlan:
    if not job.queue_name:
        return job
    number = known.get(job.queue_name.casefold())
    if number is None:
        raise Invalid(
            f"The job {job.work.name} wants the pool {job.queue_name[:80]}, of which the project "
            "has no queue. Name one that it has, or leave the pool out."
        )
    return replace(job, work=replace(job.work, queue_id=number))


async def _changes(
    call: Call, definition: BuildDefinition, sources: Sources, branch: str, found: Commit
) -> tuple[Commit, ...]:
    """The commits since the newest build of the branch before; where those cannot be told, as
    after history was rewritten, the build's own."""
    async with call.database.read() as connection:
        older = await lists.last_version(connection, definition.id, branch)
    if older == found.id:
        return ()
    try:
        return tuple(await build_sources.changes(call, sources, older, found.id))
    except Invalid:
        return (found,)

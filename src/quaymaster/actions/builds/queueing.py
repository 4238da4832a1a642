"""Queueing builds: from what somebody or a trigger asks for to one that waits (SEMANTICS 23.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from quaymaster.actions.builds import happening, process, queues
from quaymaster.actions.builds import values as build_values
from quaymaster.actions.builds.definitions import build_definitions
from quaymaster.actions.builds.definitions.build_definitions import changed_tags
from quaymaster.actions.call import Call
from quaymaster.actions.ports.outside import Commit
from quaymaster.actions.resources import connections
from quaymaster.actions.resources.connections import DefinitionPlace
from quaymaster.domain.build import BuildId
from quaymaster.domain.build_access import BuildPermission
from quaymaster.domain.build_events import BuildCanceled, BuildQueued
from quaymaster.domain.build_plan import BuildPlan, ProcessType
from quaymaster.domain.build_spreading import spread
from quaymaster.domain.errors import Conflict, Invalid, NotFound, Refused
from quaymaster.domain.ordinal import upper
from quaymaster.domain.overrides import MASK, Values
from quaymaster.domain.release_names import Named
from quaymaster.domain.variable_groups import under
from quaymaster.domain.variables import Variable, VariableSet
from quaymaster.plans.azure_demands import demand_in
from quaymaster.plans.connection_uses import uses_in
from quaymaster.store.builds import builds, edits, timelines
from quaymaster.store.builds.builds import NewBuild
from quaymaster.store.builds.timelines import BuildChange
from quaymaster.store.definitions import build_definitions as rows
from quaymaster.store.definitions.build_definitions import BuildDefinition
from quaymaster.store.people import project_settings
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import variable_groups
from quaymaster.store.triggers import build_triggers, firings

ALWAYS_SETTABLE = "SYSTEM.DEBUG"


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What somebody wants built; what is empty the definition decides.

    `parameters` are variables by name, `demands` are in the form `Name -equals value`.
    `lets_pass` queues although something, such as a missing task, will keep the build from
    succeeding.
    """

    definition_id: int
    source_branch: str = ""
    source_version: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    queue_id: int | None = None
    demands: tuple[str, ...] = ()
    priority: str = "normal"
    reason: str = "manual"
    tags: tuple[str, ...] = ()
    requested_for: str | None = None
    lets_pass: bool = False
    trigger_info: Mapping[str, str] = field(default_factory=dict)
    triggered_by_build: int | None = None
    template_parameters: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    supersedes: bool = False  # older builds of the same pull request are canceled
    has_secrets: bool = True  # what strangers wrote is built without
    once: str = ""  # what makes two requests of a trigger the same


async def queue(call: Call, request: BuildRequest) -> BuildId:
    """Queue a build, which starts as soon as a worker is free (23.3).

    The repository is asked before the transaction opens. Raises NotFound, Forbidden (queue
    builds), Refused for a definition that is disabled, that has not what it needs or that
    names a connection which its author may not use, Invalid.
    """
    queued = await queue_once(call, request)
    if queued is None:
        raise Conflict("This build has been queued before.")
    return queued


async def queue_once(call: Call, request: BuildRequest) -> BuildId | None:
    """The same for a trigger; None when what fired it has queued its build before."""
    async with call.database.read() as connection:
        definition = await build_definitions.found(connection, call, request.definition_id)
    build_definitions.require(call, definition, BuildPermission.QUEUE_BUILDS)
    _check_enabled(definition, definition.queue_status)
    if request.template_parameters:
        names = ", ".join(map(str, request.template_parameters))[:200]
        raise Invalid(
            f"The build pipeline {definition.name} has no parameters {names}: parameters of YAML "
            "files are not supported here. Use variables that are settable at queue time."
        )
    as_saved = definition.plan
    definition = await build_definitions.expanded(call, definition)
    request = _completed(request, definition)
    if definition.plan.process is ProcessType.DESIGNER:
        _validated(definition.plan, request)  # before anybody is asked
    source = await process.prepared(call, definition, request.source_branch, request.source_version)
    demands = tuple(demand_in(text) for text in request.demands)
    plan = _with_demands(source.plan, demands)
    if request.has_secrets:
        await _check_connections(call, definition, as_saved, plan)
    validation = _validated(plan, request)
    async with call.database.transaction() as connection:
        if request.once and not await firings.BUILDS.fire(
            connection, definition.id, request.once, call.now
        ):
            return None
        values = await _values(connection, call, definition, plan, request)
        values = await build_values.computed_values(connection, definition.id, values)
        if not request.has_secrets:
            values = replace(values, secret=dict.fromkeys(values.secret, ""))
        plan = replace(spread(plan, values.plain), without_secrets=not request.has_secrets)
        new = await _new_build(connection, call, definition, plan, request, values)
        new = replace(
            new,
            source_version=source.commit or request.source_version,
            validation=(*validation, *new.validation),
        )
        named = _named(call, new)
        if request.supersedes:
            like = new.source_branch, new.reason
            await build_triggers.lock_superseded(connection, definition.id, *like)
        build_id = await builds.insert(connection, call.vault, new, named)
        await timelines.add_changes(
            connection, build_id, [_change(plan, one) for one in source.changes]
        )
        if request.once:
            await build_triggers.fired(connection, definition.id, request.once, build_id)
        is_held = await _is_paused(connection, definition)
        await happening.happen_within(connection, call, build_id, BuildQueued(is_held))
        if request.supersedes:
            for older in await build_triggers.superseded(connection, build_id):
                await happening.happen_within(connection, call, older, BuildCanceled())
        return build_id


def _check_enabled(definition: BuildDefinition, queue_status: str) -> None:
    if queue_status == "disabled":
        raise Refused(
            f"The build pipeline {definition.name} is disabled. Enable it to queue builds."
        )


async def _is_paused(connection: Connection, definition: BuildDefinition) -> bool:
    """Whether its builds wait now that the new one has locked the definition: somebody may have
    changed that while the repository was asked. Raises NotFound, Refused as at first."""
    queue_status = await rows.queue_status(connection, definition.id)
    if queue_status is None:
        raise NotFound(build_definitions.KIND, definition.id)
    _check_enabled(definition, queue_status)
    return queue_status == "paused"


async def _check_connections(
    call: Call, definition: BuildDefinition, as_saved: BuildPlan, plan: BuildPlan
) -> None:
    """Whether the definition's author may use what it names by now, in its YAML file or in task
    groups that have changed. Raises Refused."""
    inputs_of = call.installation.outside.connection_inputs
    if new := uses_in(plan, inputs_of) - uses_in(as_saved, inputs_of):
        place = DefinitionPlace(definition.id, definition.project_id)
        async with call.database.read() as connection:
            await connections.check_reached(connection, place, definition.name, new)


def _change(plan: BuildPlan, commit: Commit) -> BuildChange:
    return BuildChange(
        id=commit.id,
        type=plan.repository.type,
        message=commit.message,
        author_name=commit.author_name,
        author_email=commit.author_email,
        pusher="",
        at=commit.at,
        location="",
        display_uri="",
    )


def _completed(request: BuildRequest, definition: BuildDefinition) -> BuildRequest:
    branch = request.source_branch or definition.plan.repository.default_branch
    return replace(request, source_branch=builds.branch_reference(branch.strip()))


def _with_demands(plan: BuildPlan, demands: tuple[Any, ...]) -> BuildPlan:
    if not demands:
        return plan
    jobs = (
        replace(job, work=replace(job.work, demands=(*job.work.demands, *demands)))
        for job in plan.jobs
    )
    return replace(plan, jobs=tuple(jobs))


def _validated(plan: BuildPlan, request: BuildRequest) -> tuple[Mapping[str, str], ...]:
    """What will keep the build from succeeding. Raises Refused unless that is to be let pass."""
    problems = list(plan.warnings)
    if problems and not request.lets_pass:
        said = " ".join(problem.rstrip(".") + "." for problem in problems)
        raise Refused(
            f"The build cannot be queued: {said} Put that right, or queue with ignoreWarnings=true."
        )
    return tuple({"result": "warning", "message": problem} for problem in problems)


async def _values(
    connection: Connection,
    call: Call,
    definition: BuildDefinition,
    plan: BuildPlan,
    request: BuildRequest,
) -> Values:
    """The variables of the build: groups below the definition's own, the request's on top (5.4)."""
    plain = {name: one.value for name, one in plan.variables.items() if not one.is_secret}
    stored = {name.partition("/")[2]: value for name, value in definition.secrets.items()}
    secret = {name: stored.get(name, "") for name, one in plan.variables.items() if one.is_secret}
    rules = await project_settings.pipeline_rules(connection, definition.project_id)
    known = {upper(name): name for name in plan.variables}
    for given, value in request.parameters.items():
        name = known.get(upper(given), given)
        planned = plan.variables.get(name)
        if planned and planned.is_secret and value in ("", MASK):
            continue
        is_settable = upper(given) == ALWAYS_SETTABLE or (planned and planned.allow_override)
        if rules.limits_variables and not is_settable:
            raise Invalid(
                f"The variable {given} cannot be set when a build is queued. Mark it as settable "
                "at queue time in the pipeline's variables, or leave it out."
            )
        (secret if planned and planned.is_secret else plain)[name] = value
    groups = await variable_groups.get_many(
        connection, call.vault, definition.project_id, sorted(plan.variable_groups)
    )
    missing = sorted(set(plan.variable_groups) - groups.keys())
    if missing:
        raise Invalid(
            f"The build pipeline links the variable groups {', '.join(map(str, missing))}, which "
            "the project does not have. Make them, or remove the links."
        )
    linked = [groups[number] for number in plan.variable_groups]
    return under(Values(plain, secret), linked)


async def _new_build(
    connection: Connection,
    call: Call,
    definition: BuildDefinition,
    plan: BuildPlan,
    request: BuildRequest,
    values: Values,
) -> NewBuild:
    queue_id, warnings = await queues.chosen(connection, definition, plan, request.queue_id)
    return NewBuild(
        project_id=definition.project_id,
        project_name=definition.project_name,
        definition_id=definition.id,
        definition_revision=definition.revision,
        definition_name=definition.name,
        plan=plan,
        reason=request.reason,
        queued_at=call.now,
        requested_by=call.by,
        requested_for=_requester(call, definition, request),
        source_branch=request.source_branch,
        priority=request.priority,
        queue_id=queue_id,
        parameters=_shown_parameters(plan, request),
        variables=values.plain,
        secrets=values.secret,
        demands=request.demands,
        template_parameters=request.template_parameters,
        trigger_info=request.trigger_info,
        triggered_by_build=request.triggered_by_build,
        tags=tuple(changed_tags((), request.tags, ())),
        properties=request.properties,
        validation=warnings,
    )


def _shown_parameters(plan: BuildPlan, request: BuildRequest) -> str:
    """The parameters as they are shown later: secrets are left out."""
    secret = {upper(name) for name, one in plan.variables.items() if one.is_secret}
    shown = {name: one for name, one in request.parameters.items() if upper(name) not in secret}
    return edits.as_json(shown) if shown else ""


def _requester(call: Call, definition: BuildDefinition, request: BuildRequest) -> Any:
    """For whom it is built: the caller, or anybody else where an administrator says so."""
    if request.requested_for in (None, "", call.by):
        return call.by
    if call.caller is not None:
        permission = BuildPermission.ADMINISTER_BUILD_PERMISSIONS
        build_definitions.require(call, definition, permission)
    return request.requested_for


def _named(call: Call, new: NewBuild) -> Named:
    variables = VariableSet(
        [
            *(Variable(name, value) for name, value in new.variables.items()),
            *(Variable(name, "", is_secret=True) for name in new.secrets),
        ]
    )
    return Named(
        call.now,
        team_project=new.project_name,
        definition_name=new.definition_name,
        build_definition_name=new.definition_name,
        source_branch=new.source_branch,
        variables=variables,
    )

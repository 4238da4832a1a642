"""Making releases and changing them as a whole (SEMANTICS 2, 6)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import deciding, happen_within
from quaymaster.actions.definitions import artifacts, definitions
from quaymaster.actions.definitions.artifacts import Choice
from quaymaster.actions.releases import snapshot_edits
from quaymaster.actions.releases.snapshot_edits import SnapshotEdit
from quaymaster.actions.resources import task_groups, variable_groups
from quaymaster.domain.access import Permission, definition_token
from quaymaster.domain.changes import Abandoned, Activated, DetailsChanged, Event
from quaymaster.domain.errors import Invalid, NotFound, Refused
from quaymaster.domain.overrides import Override, overridden
from quaymaster.domain.plan import Plan
from quaymaster.domain.release import PersonId, Release, ReleaseId
from quaymaster.domain.release_names import RELEASE_NAME, Named
from quaymaster.domain.statuses import ReleaseReason, ReleaseStatus
from quaymaster.domain.task_groups import Groups
from quaymaster.domain.variable_groups import VariableGroup, under
from quaymaster.domain.variables import Variable, VariableSet
from quaymaster.plans.connection_uses import uses_in, words_of_tasks
from quaymaster.store.definitions import definitions as definition_rows
from quaymaster.store.definitions.definitions import Definition
from quaymaster.store.deployments import places
from quaymaster.store.deployments.places import Place
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import releases
from quaymaster.store.releases.records import NewRelease, NewStage, ReleaseArtifact
from quaymaster.store.resources.task_groups import keep_for_release
from quaymaster.store.resources.variable_groups import keep_snapshots
from quaymaster.store.triggers import firing, firings

T = TypeVar("T")
Then = Callable[[Connection, ReleaseId], Awaitable[None]]
Look = Callable[[Connection, Release, Mapping[int, Mapping[str, bool]]], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """What somebody wants of a new release; stage variables are keyed by definition stage id."""

    definition_id: int
    description: str = ""
    choices: tuple[Choice, ...] = ()
    is_draft: bool = False
    manual_stages: tuple[str, ...] = ()
    reason: ReleaseReason = ReleaseReason.MANUAL
    variables: Mapping[str, Override] = field(default_factory=dict)
    stage_variables: Mapping[int, Mapping[str, Override]] = field(default_factory=dict)
    properties: Mapping[str, object] = field(default_factory=dict)
    created_for: PersonId | None = None
    created_by: PersonId | None = None  # where a trigger acts for somebody (UNCERTAIN 37)
    name: str = ""  # instead of one by the definition's format
    triggering_alias: str = ""  # the artifact whose new version made it (8.4)


async def create(call: Call, request: ReleaseRequest, then: Then | None = None) -> ReleaseId:
    """Make a release and, unless it is a draft, start the stages whose conditions hold.

    The artifact sources are asked before the transaction opens; `then` is done within it. Raises
    NotFound, Forbidden (create releases on the definition), Invalid for versions, stages or
    variables that do not fit, Refused when the definition is disabled.
    """
    prepared = await _prepared(call, request)
    async with deciding(call) as connection:
        made = await _made(connection, call, prepared, is_draft=request.is_draft)
        if then:
            await then(connection, made)
        return made


async def create_once(
    call: Call, request: ReleaseRequest, key: str, then: Then | None = None
) -> ReleaseId | None:
    """The same for a trigger: None when the definition has fired under this key before (8.13)."""
    prepared = await _prepared(call, request)
    definition = prepared.new.definition_id
    async with deciding(call) as connection:
        if not await firings.RELEASES.fire(connection, definition, key, call.now):
            return None
        made = await _made(connection, call, prepared, is_draft=request.is_draft)
        await firing.made(connection, definition, key, made)
        if then:
            await then(connection, made)
        return made


class _Undo(Exception):
    """Ends the transaction in which a release was made, so that it never was."""


async def rehearse(call: Call, request: ReleaseRequest, look: Look[T]) -> T:
    """What `look` sees of the draft that this request would make; nothing of it is kept.

    It is told which secrets there are, and whether each has a value, by the stage's id in the
    definition; those of the release itself under WHOLE_DEFINITION.

    Raises what making it would raise.
    """
    prepared = await _prepared(call, request)
    new = prepared.new
    scopes = {variable_groups.WHOLE_DEFINITION: new.secrets}
    scopes |= {number: stage.secrets for number, stage in new.stages.items()}
    seen: list[T] = []
    try:
        async with call.database.transaction() as connection:
            draft = await releases.insert(connection, new, call.vault)
            known = {
                number: {name: bool(value) for name, value in secrets.items()}
                for number, secrets in scopes.items()
            }
            seen.append(await look(connection, draft, known))
            raise _Undo  # noqa: TRY301 - only an exception undoes the transaction
    except _Undo:
        return seen[0]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A release that only has to be stored, and the groups that went into it."""

    new: NewRelease
    groups: Mapping[int, list[VariableGroup]]
    task_groups: Groups


async def _prepared(call: Call, request: ReleaseRequest) -> _Prepared:
    definition, taken = await _expanded(call, await _definition(call, request.definition_id))
    choices = {choice.alias.casefold(): choice for choice in request.choices}
    versions = await artifacts.chosen(call, definition.plan, choices, is_draft=request.is_draft)
    async with call.database.read() as connection:
        groups = await variable_groups.taken_by(
            connection, call, definition.project_id, definition.plan
        )
    return _Prepared(_new_release(call, request, definition, versions, groups), groups, taken)


async def _expanded(call: Call, definition: Definition) -> tuple[Definition, Groups]:
    """The definition with its task groups expanded as they are now, and what it took of them."""
    if not definition.plan.task_groups:
        return definition, {}
    document = msgspec.json.decode(definition.document)
    async with call.database.read() as connection:
        groups = await task_groups.used_by(connection, definition.project_id, document)
    made = definitions.compiled(call, document, groups)
    plan = replace(
        made,
        artifacts=definition.plan.artifacts,  # with the ids that names stand for
        named_since=_named_since(call, definition.plan, made),
    )
    return replace(definition, plan=plan), task_groups.chosen(plan, groups)


def _named_since(call: Call, saved: Plan, made: Plan) -> tuple[str, ...]:
    """What task groups name by now that they, and the definition, did not when it was saved."""
    outside = call.installation.outside
    kinds = [outside.connection_inputs]
    if outside.tasks:
        kinds.append(outside.tasks.secure_file_inputs)
    new = (words_of_tasks(uses_in(made, kind) - uses_in(saved, kind)) for kind in kinds)
    return tuple(sorted(frozenset().union(*new)))


async def _made(
    connection: Connection, call: Call, prepared: _Prepared, *, is_draft: bool
) -> ReleaseId:
    release = await releases.insert(connection, prepared.new, call.vault)
    await keep_snapshots(connection, release.id, prepared.groups)
    await keep_for_release(connection, release.id, prepared.task_groups)
    if not is_draft:
        release = await happen_within(connection, call, release.id, Activated(call.by))
    return release.id


async def _definition(call: Call, definition_id: int) -> Definition:
    async with call.database.read() as connection:
        found = await definition_rows.get(connection, call.vault, call.project_id, definition_id)
    if found is None or found.is_deleted:
        raise NotFound("definition", definition_id)
    token = definition_token(str(found.project_id), found.path, found.id)
    call.require(Permission.CREATE_RELEASES, token, f"release pipeline {found.name}")
    if found.is_disabled:
        raise Refused(f"Release pipeline {found.name} is disabled. Enable it to make releases.")
    return found


def _new_release(
    call: Call,
    request: ReleaseRequest,
    definition: Definition,
    versions: tuple[ReleaseArtifact, ...],
    groups: Mapping[int, list[VariableGroup]],
) -> NewRelease:
    plan = definition.plan
    own = overridden(
        plan.variables, _secrets(definition, "variables"), request.variables, "the definition"
    )
    values = under(own, groups.get(variable_groups.WHOLE_DEFINITION, []))
    return NewRelease(
        project_id=definition.project_id,
        definition_id=definition.id,
        definition_revision=definition.revision,
        plan=plan,
        document=definition.document,
        created_at=call.now,
        created_by=request.created_by or call.by,
        created_for=request.created_for or request.created_by or call.by,
        reason=request.reason,
        status=ReleaseStatus.DRAFT,
        description=request.description,
        artifacts=versions,
        variables=values.plain,
        secrets=values.secret,
        properties=request.properties,
        stages=_stages(request, definition, groups),
        triggering_alias=request.triggering_alias,
        name=request.name,
        named=_named(call, definition, versions, values.plain),
    )


def _stages(
    request: ReleaseRequest,
    definition: Definition,
    groups: Mapping[int, list[VariableGroup]],
) -> dict[int, NewStage]:
    plan = definition.plan
    manual = _manual(plan, request.manual_stages)
    _check_stages(plan, request.stage_variables)
    stages = {}
    for stage in plan.stages:
        number = stage.definition_stage_id
        own = overridden(
            stage.variables,
            _secrets(definition, f"environments/{number}/variables"),
            request.stage_variables.get(number, {}),
            f"stage {stage.name}",
        )
        values = under(own, groups.get(number, []))
        is_manual = stage.name.casefold() in manual
        stages[number] = NewStage(is_manual, "", values.plain, values.secret)
    return stages


def _manual(plan: Plan, named: tuple[str, ...]) -> set[str]:
    known = {stage.name.casefold() for stage in plan.stages}
    unknown = [name for name in named if name.casefold() not in known]
    if unknown:
        raise Invalid(f"manualEnvironments names unknown stages: {', '.join(unknown)}.")
    return {name.casefold() for name in named}


def _check_stages(plan: Plan, wanted: Mapping[int, object]) -> None:
    known = {stage.definition_stage_id for stage in plan.stages}
    unknown = [str(number) for number in wanted if number not in known]
    if unknown:
        raise Invalid(f"The definition has no stage with the id {', '.join(unknown)}.")


def _secrets(definition: Definition, prefix: str) -> dict[str, str]:
    """The stored secret values of one scope, by variable name."""
    start = f"{prefix}/"
    return {
        key.removeprefix(start): value
        for key, value in definition.secrets.items()
        if key.startswith(start)
    }


def _named(
    call: Call,
    definition: Definition,
    versions: tuple[ReleaseArtifact, ...],
    variables: Mapping[str, str],
) -> Named:
    """What the tokens of the name format stand for (SEMANTICS 3.4)."""
    primary = next((v for v in versions if v.is_primary and v.is_chosen), None)
    facts = Named(
        now=call.now,
        team_project=call.project.name if call.project else None,
        definition_name=definition.name,
        variables=VariableSet(Variable(name, value) for name, value in variables.items()),
    )
    if primary is None:
        return facts
    return replace(
        facts,
        build_number=primary.version_name,
        build_definition_name=primary.reference.get("definition.name"),
        source_branch=primary.branch or None,
        artifact_type=primary.type,
    )


@dataclass(frozen=True, slots=True)
class ReleaseUpdate:
    """Small changes of a release; None leaves a part as it is."""

    status: ReleaseStatus | None = None
    name: str | None = None
    description: str | None = None
    keep_forever: bool | None = None
    comment: str = ""
    manual_stages: tuple[str, ...] = ()


async def update(
    call: Call, release_id: ReleaseId, wanted: ReleaseUpdate, edit: SnapshotEdit | None = None
) -> None:
    """Start a draft, abandon, rename, describe, keep or edit a release; all of it or nothing.

    Raises NotFound, Forbidden (manage releases; create releases to start a draft), Refused when
    the present status does not allow it, Conflict for a name that is taken.
    """
    versions = await snapshot_edits.versions(call, release_id, edit) if edit else ()
    async with deciding(call) as connection:
        place = await places.of_release(connection, call.project_id, release_id)
        if place is None or place.is_deleted:
            raise NotFound("release", release_id)
        _authorise(call, place, wanted)
        if edit:
            await snapshot_edits.revise(connection, call, place, edit, versions)
        for event in _events(call, wanted):
            await happen_within(connection, call, release_id, event)


def _authorise(call: Call, place: Place, wanted: ReleaseUpdate) -> None:
    token = definition_token(str(place.project_id), place.path, place.definition_id)
    on = f"release {place.release_name}"
    call.require(Permission.VIEW_RELEASES, token, on)
    starts_draft = wanted.status is ReleaseStatus.ACTIVE
    if starts_draft:
        call.require(Permission.CREATE_RELEASES, token, on)
    changes_more = wanted != ReleaseUpdate(status=wanted.status, comment=wanted.comment)
    if changes_more or not starts_draft:
        call.require(Permission.MANAGE_RELEASES, token, on)


def _check_name(name: str | None) -> None:
    """Raise Invalid for a name that nobody could see, find or tell from others."""
    if name is None:
        return
    if not name.strip() or len(name) > RELEASE_NAME.longest or not name.isprintable():
        raise Invalid(
            f"A release needs a name of at most {RELEASE_NAME.longest} characters that can be "
            "printed."
        )


def _events(call: Call, wanted: ReleaseUpdate) -> list[Event]:
    _check_name(wanted.name)
    events: list[Event] = []
    details = DetailsChanged(
        call.by,
        wanted.name,
        wanted.description,
        wanted.keep_forever,
        wanted.comment,
        wanted.manual_stages,
    )
    if details != DetailsChanged(call.by, comment=wanted.comment):
        events.append(details)
    match wanted.status:
        case ReleaseStatus.ACTIVE:
            events.append(Activated(call.by))
        case ReleaseStatus.ABANDONED:
            events.append(Abandoned(call.by, wanted.comment))
        case ReleaseStatus.DRAFT:
            raise Refused("A release cannot become a draft again. Create a new draft.")
        case None:
            pass
    return events

"""Starting, scheduling, deferring and canceling the deployment of a stage (SEMANTICS 7.4-7.6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from quaymaster.actions.call import Call
from quaymaster.actions.candidates import deployment_checks
from quaymaster.actions.candidates.deployment_checks import Checks
from quaymaster.actions.decisions.orchestrate import deciding, happen_within
from quaymaster.actions.repositories import repositories
from quaymaster.domain.access import Permission, stage_token
from quaymaster.domain.changes import (
    CancelRequested,
    DeploymentDeferred,
    DeploymentRequested,
    PriorityChanged,
)
from quaymaster.domain.errors import NotFound
from quaymaster.domain.overrides import Override, Values, overridden
from quaymaster.domain.release import Release, ReleaseId, StageId
from quaymaster.domain.statuses import DeploymentReason, Priority
from quaymaster.store.deployments import places
from quaymaster.store.deployments.places import Place
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import release_secrets, releases


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What somebody wants of a new attempt; `scheduled_for` in the past means now.

    `only_failed_targets` leaves out the targets of deployment groups that have succeeded;
    `override` says why it may start although the environment is frozen, `bypass` why although
    nobody vouches for its pull requests; blank ones say nothing.
    """

    comment: str = ""
    scheduled_for: datetime | None = None
    variables: Mapping[str, Override] = field(default_factory=dict)
    only_failed_targets: bool = False
    override: str = ""
    bypass: str = ""


async def start(
    call: Call, release_id: ReleaseId, stage_id: StageId, request: StartRequest
) -> None:
    """Ask for a new attempt of a stage, or start one now that only waits for its time.

    Raises NotFound, Forbidden (manage deployments on the stage), Invalid for variables that may
    not be set, Refused when an attempt is under way or the release is not active, of the kind
    "unverified" or "cherry-pick" and for a picked commit that it lacks (AVIATOR 1). Going against
    a freeze or without verification needs a permission of its own.
    """
    request = replace(request, override=request.override.strip(), bypass=request.bypass.strip())
    async with call.database.read() as connection:
        place = await _authorised(connection, call, release_id, stage_id)
        found = await repositories.of_stage(connection, call, place)
    at = (release_id, stage_id)
    if found is None:
        async with deciding(call) as connection:
            await _begin(connection, call, at, request, Checks())
        return
    bypasses = deployment_checks.require_bypass(found, request.bypass)

    async def act(connection: Connection, checks: Checks) -> None:
        await _begin(connection, found.call, at, request, checks)
        if bypasses:
            await deployment_checks.keep_bypass(
                connection, call, release_id, stage_id, checks, request.bypass
            )

    await deployment_checks.under(found, place.release_name, act)


async def _begin(
    connection: Connection,
    call: Call,
    at: tuple[ReleaseId, StageId],
    request: StartRequest,
    checks: Checks,
) -> None:
    release_id, stage_id = at
    place = await _authorised(connection, call, release_id, stage_id)
    if request.override:
        call.require(Permission.OVERRIDE_FREEZES, _token(place), f"stage {place.stage_name}")
    values = await _values(connection, call, place, request)
    event = _requested(call, stage_id, request, values)

    def check(_: Release) -> None:
        checks.check(bypasses=bool(request.bypass))

    after = await happen_within(connection, call, release_id, event, check)
    stage = after.stage(stage_id)
    if values.secret and stage and stage.newest:
        kept = await release_secrets.of_stage(connection, call.vault, stage_id)
        secrets = {**kept.deployment, **values.secret}  # of an attempt that is started early, too
        await release_secrets.keep_for_deployment(connection, call.vault, stage.newest.id, secrets)


def _requested(
    call: Call, stage: StageId, request: StartRequest, values: Values
) -> DeploymentRequested:
    later = request.scheduled_for and request.scheduled_for > call.now
    return DeploymentRequested(
        stage=stage,
        by=call.by,
        requested_for=call.by,
        reason=DeploymentReason.SCHEDULED if later else DeploymentReason.MANUAL,
        scheduled_for=request.scheduled_for if later else None,
        comment=request.comment,
        variables=values.plain,
        only_failed_targets=request.only_failed_targets,
        override=request.override,
    )


async def cancel(call: Call, release_id: ReleaseId, stage_id: StageId, comment: str) -> None:
    """Ask to stop the attempt under way. Whoever requested a deployment may always cancel it."""
    async with deciding(call) as connection:
        place = await _found(connection, call, release_id, stage_id)
        token = _token(place)

        def check(release: Release) -> None:
            stage = release.stage(stage_id)
            own = stage and stage.active and stage.active.requested_by == call.by
            if not own:
                call.require(Permission.MANAGE_DEPLOYMENTS, token, f"stage {place.stage_name}")

        event = CancelRequested(stage_id, call.by, comment)
        await happen_within(connection, call, release_id, event, check)


async def defer(call: Call, release_id: ReleaseId, stage_id: StageId, until: datetime) -> None:
    """Hold the attempt's work back until a time, without asking for a new attempt."""
    async with deciding(call) as connection:
        await _authorised(connection, call, release_id, stage_id)
        event = DeploymentDeferred(stage_id, until, call.by)
        await happen_within(connection, call, release_id, event)


async def prioritise(
    call: Call, release_id: ReleaseId, stage_id: StageId, priority: Priority
) -> None:
    """Let an attempt that waits for its environment go before those of lower priority, or after
    those of higher. Raises NotFound, Forbidden (manage deployments), Refused once it is in."""
    async with deciding(call) as connection:
        await _authorised(connection, call, release_id, stage_id)
        event = PriorityChanged(stage_id, priority, call.by)
        await happen_within(connection, call, release_id, event)


async def _found(
    connection: Connection, call: Call, release_id: ReleaseId, stage_id: StageId
) -> Place:
    place = await places.of_stage(connection, call.project_id, stage_id)
    if place is None or place.is_deleted or place.release_id != release_id:
        raise NotFound("stage", stage_id)
    call.require(Permission.VIEW_RELEASES, _token(place), f"release {place.release_name}")
    return place


async def _authorised(
    connection: Connection, call: Call, release_id: ReleaseId, stage_id: StageId
) -> Place:
    place = await _found(connection, call, release_id, stage_id)
    call.require(Permission.MANAGE_DEPLOYMENTS, _token(place), f"stage {place.stage_name}")
    return place


def _token(place: Place) -> str:
    return stage_token(
        str(place.project_id), place.path, place.definition_id, place.definition_stage_id
    )


async def _values(
    connection: Connection, call: Call, place: Place, request: StartRequest
) -> Values:
    """What the caller sets for this attempt, checked against what the snapshot lets be set."""
    if not request.variables:
        return Values()
    release = await releases.load(connection, place.release_id)
    stage = release.stage(StageId(place.stage_id)) if release else None
    if release is None or stage is None:
        raise NotFound("stage", place.stage_id)
    planned = {**release.plan.variables, **stage.plan.variables}
    secrets = await release_secrets.of_stage(connection, call.vault, place.stage_id)
    known = {**secrets.release, **secrets.stage}
    now = overridden(planned, known, request.variables, f"stage {place.stage_name}")
    names = {name.casefold() for name in request.variables}
    return Values(
        {name: value for name, value in now.plain.items() if name.casefold() in names},
        {name: value for name, value in now.secret.items() if name.casefold() in names},
    )

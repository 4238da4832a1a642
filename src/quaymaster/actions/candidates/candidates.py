"""Releases under versions: cut at a commit, deployed, and told of from outside (AVIATOR 3, 4)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from quaymaster.actions.call import Call
from quaymaster.actions.candidates import (
    automatic_deployments,
    candidate_builds,
    contents,
    deployment_checks,
    later_stages,
)
from quaymaster.actions.candidates.deployment_checks import NOT_READY, READY, Checks
from quaymaster.actions.decisions.orchestrate import Check, happen, happen_within
from quaymaster.actions.definitions.artifacts import Choice
from quaymaster.actions.releases import releases
from quaymaster.actions.releases.releases import ReleaseRequest, Then
from quaymaster.actions.repositories import commit_checks, repositories
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.domain.access import Permission
from quaymaster.domain.allowed import ACTIVE, situation
from quaymaster.domain.changes import CancelRequested, DeploymentReported, DeploymentRequested
from quaymaster.domain.errors import Conflict, NotFound, Refused
from quaymaster.domain.release import Outcome, Release, ReleaseId, Stage, StageId
from quaymaster.domain.release_versions import CandidateVersion
from quaymaster.domain.status import operation_status
from quaymaster.domain.statuses import DeploymentReason, ReleaseReason, ReportedStatus
from quaymaster.plans.repository_document import ALIAS
from quaymaster.store.candidates.candidates import Candidate
from quaymaster.store.deployments import environment_deployments
from quaymaster.store.deployments.environment_deployments import EnvironmentDeployment
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import releases as rows

FROZEN, QUARANTINED = "frozen", "quarantined"

First = Callable[[Connection], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Cut:
    """A commit, in lower case, to be released under a version.

    `once` is a key under which the definition cuts no second time; `is_built` by the workflow that
    the definition is set to, before it is ready.
    """

    version: CandidateVersion
    commit: str
    repository: str
    reason: ReleaseReason = ReleaseReason.MANUAL
    once: str = ""
    is_built: bool = False


async def cut(call: Call, project: str, wanted: Cut) -> tuple[Scene, ReleaseId]:
    """Make the release of a version. It is ready at once, or once its build has succeeded.

    Raises NotFound (definition; repository, when it is not the definition's or cannot be reached;
    commit, when the repository has none such), Conflict for a version that there is, Forbidden
    (create releases), Refused of the kind "no build workflow" where nobody builds.
    """
    found = await repositories.looked_up(call, project)
    found.call.require(Permission.CREATE_RELEASES, found.token, found.definition.definition_name)
    if not wanted.repository or wanted.repository != found.definition.repository:
        raise NotFound("repository", wanted.repository)
    commit = await commit_checks.whole(call, found, wanted.commit)
    await deployment_checks.check_picks(found, commit)
    made = await make(found, replace(wanted, commit=commit))
    if made is None:
        raise Conflict(f"{wanted.version} has been cut already.")
    return found, made


async def make(found: Scene, wanted: Cut, then: Then | None = None) -> ReleaseId | None:
    """The same for a commit that is known to be there; None when it was cut once before.

    `then` is done with it or not at all.
    """
    settings = found.definition.settings
    workflow = candidate_builds.workflow_of(settings) if wanted.is_built else None
    choice = Choice(ALIAS, wanted.commit, wanted.commit[:10], commit=wanted.commit)
    request = ReleaseRequest(
        found.definition.definition_id,
        choices=(choice,),
        name=str(wanted.version),
        reason=wanted.reason,
    )
    brought = await contents.brought(found, wanted.version.version, wanted.commit)

    async def follow(connection: Connection, made: ReleaseId) -> None:
        if workflow:
            await candidate_builds.begin(connection, found.call, made, workflow)
        await contents.keep(connection, made, brought)
        await automatic_deployments.want(connection, made)
        if then:
            await then(connection, made)

    if wanted.once:
        return await releases.create_once(found.call, request, wanted.once, follow)
    return await releases.create(found.call, request, follow)


async def deploy(
    call: Call, project: str, environment: str, version: CandidateVersion, bypass: str = ""
) -> EnvironmentDeployment:
    """Ask for a deployment of a version; one of the same version under way gives way to it.

    `bypass` says why it is deployed although nobody vouches for its pull requests. Raises NotFound
    (definition, environment, release), Refused of the kind "frozen", "quarantined", "not ready",
    "unverified" or "cherry-pick" and for a picked commit that it lacks, Conflict while the one
    before cannot be stopped at once, Forbidden (manage deployments; bypass verification).
    """
    found = await repositories.looked_up(call, project, environment)
    found.require(Permission.MANAGE_DEPLOYMENTS)
    wanted = Wanted(str(version), DeploymentReason.MANUAL, bypass.strip())
    stage = await deploy_checked(found, wanted)
    if stage is None:
        raise RuntimeError("a deployment that nothing was asked before was not begun")
    async with call.database.read() as connection:
        return await _shown(connection, stage)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A version to be deployed, why, and why despite unverified pull requests."""

    version: str
    reason: DeploymentReason
    bypass: str = ""


async def deploy_checked(
    found: Scene, wanted: Wanted, first: First | None = None
) -> StageId | None:
    """Deploy after the repository was asked what there is to ask; the stage. `first` is done in the
    same transaction and says whether to go on: None when it does not.

    Raises what `deploy` raises.
    """

    async def act(connection: Connection, checks: Checks) -> StageId | None:
        if first and not await first(connection):
            return None
        return await _deploy(connection, found, wanted, checks)

    return await deployment_checks.under(found, wanted.version, act)


async def _deploy(connection: Connection, found: Scene, wanted: Wanted, checks: Checks) -> StageId:
    call = found.call
    known = await repositories.candidate(connection, found, wanted.version)
    found.require(Permission.MANAGE_DEPLOYMENTS)
    bypasses = deployment_checks.require_bypass(found, wanted.bypass)
    stage = await _stage(connection, found, known)
    check = _policy(stage, known.build, checks, bypasses=bypasses)
    await _make_way(connection, call, known.release, stage)
    request = DeploymentRequested(
        stage=stage, by=call.by, requested_for=call.by, reason=wanted.reason
    )
    await happen_within(connection, call, known.release, request, check)
    if bypasses:
        await deployment_checks.keep_bypass(
            connection, call, known.release, stage, checks, wanted.bypass
        )
    return stage


def _policy(stage_id: StageId, build: str | None, checks: Checks, *, bypasses: bool) -> Check:
    """What is said before a deployment is asked for, in words and in an order of its own."""

    def check(release: Release) -> None:
        stage = release.stage(stage_id)
        if stage and (freezes := release.stands(stage).freezes):
            raise Refused(f"{stage.name} is frozen: {freezes[0].reason}", FROZEN)
        if release.quarantine:
            raise Refused(f"{release.name} is quarantined.", QUARANTINED)
        if build not in READY:
            raise Refused(f"{release.name} is not built yet.", NOT_READY)
        checks.check(bypasses=bypasses)

    return check


async def _make_way(
    connection: Connection, call: Call, release_id: ReleaseId, stage_id: StageId
) -> None:
    """Stop the attempt of this very stage, if there is one. Raises what `deploy` raises."""
    release = await rows.locked(connection, release_id)
    stage = release.stage(stage_id) if release else None
    if not release or not stage or not stage.active:
        return
    after = await stop(connection, call, release_id, stage, "A newer request took its place.")
    if after.active:
        raise Conflict(f"The deployment of {release.name} to {stage.name} is still stopping.")


async def stop(
    connection: Connection, call: Call, release_id: ReleaseId, stage: Stage, why: str
) -> Stage:
    """The stage after its attempt was told to stop, whether or not it has ended by that.

    One that somebody outside said is being canceled already counts as canceled.
    """
    event: CancelRequested | DeploymentReported = CancelRequested(stage.id, call.by, why)
    if stage.active and stage.active.report and not stage.active.cancel_requested_at:
        if stage.active.report.status is ReportedStatus.CANCELING:
            event = DeploymentReported(stage.id, call.by, ReportedStatus.CANCELED)
    elif situation(stage) not in ACTIVE or (stage.active and stage.active.cancel_requested_at):
        return stage
    release = await happen_within(connection, call, release_id, event)
    return release.stage(stage.id) or stage


async def report(
    call: Call,
    project: str,
    environment: str,
    version: CandidateVersion,
    status: ReportedStatus,
    problem: str = "",
) -> EnvironmentDeployment:
    """Take in how a deployment stands that somebody outside does; it begins no work here.

    Raises NotFound (definition, environment, release), Forbidden, Refused for a deployment that
    our own workers run.
    """
    async with call.database.read() as connection:
        told = await repositories.told_of(connection, call, project, environment, str(version))
    found, known = told.scene, told.candidate
    found.require(Permission.MANAGE_DEPLOYMENTS)
    stage = known.stage or await _new_stage(found, known)
    reopens = bool(found.definition.settings.get("patch_reopens"))
    event = DeploymentReported(stage, call.by, status, problem, reopens)
    after = await happen(found.call, known.release, event)
    if shown := _as_told(after, stage, told.newest):
        return shown
    async with call.database.read() as connection:
        return await _shown(connection, stage)


async def _new_stage(found: Scene, known: Candidate) -> StageId:
    async with found.call.database.transaction() as connection:
        return await _stage(connection, found, known)


def _as_told(
    release: Release, stage_id: StageId, before: EnvironmentDeployment | None
) -> EnvironmentDeployment | None:
    """The attempt as it is listed now, if it is the one that was known before; a phase of ours
    that failed is looked up, because its step says why."""
    stage = release.stage(stage_id)
    newest = stage.newest if stage else None
    if stage is None or newest is None or before is None or before.id != newest.id:
        return None
    if newest.outcome is Outcome.PHASE_FAILED and not newest.problem:
        return None
    return replace(
        before,
        completed_at=newest.completed_at,
        outcome=newest.outcome,
        operation_status=operation_status(stage, newest),
        problem=newest.problem,
    )


async def check_exists(
    call: Call, project: str, environment: str, version: CandidateVersion
) -> None:
    """Raise NotFound unless there is a release of this version."""
    async with call.database.read() as connection:
        found = await repositories.scene(connection, call, project, environment)
        await repositories.candidate(connection, found, str(version))


async def _stage(connection: Connection, found: Scene, known: Candidate) -> StageId:
    """The release's stage for the environment, which may be younger than the release."""
    if known.stage is not None:
        return known.stage
    return await later_stages.add(connection, found, known.release)


async def _shown(connection: Connection, stage: StageId) -> EnvironmentDeployment:
    shown = await environment_deployments.newest_of_stage(connection, stage)
    if shown is None:
        raise RuntimeError(f"stage {stage} has no attempt right after it was given one")
    return shown


async def deployments(
    call: Call, project: str, environment: str, count: int, offset: int
) -> tuple[Scene, list[EnvironmentDeployment]]:
    """So many deployments to an environment, the newest first. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        found = await repositories.scene(connection, call, project, environment)
        found.require(Permission.VIEW_RELEASES)
        return found, await environment_deployments.page(
            connection, found.environment.id, count, offset
        )

"""Why a stage is not deploying, and what a release would do: looked up, never changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from quaymaster.actions.call import Call
from quaymaster.actions.candidates import deployment_checks
from quaymaster.actions.decisions import circumstances
from quaymaster.actions.deployments.workflows.standing import standing
from quaymaster.actions.releases import releases as release_actions
from quaymaster.actions.releases.releases import ReleaseRequest
from quaymaster.actions.repositories import repositories
from quaymaster.actions.repositories.repositories import DEPLOYMENT_METHOD, Scene
from quaymaster.actions.resources.variable_groups import WHOLE_DEFINITION
from quaymaster.domain.access import WORDS, Permission, definition_token, stage_token
from quaymaster.domain.errors import NotFound
from quaymaster.domain.explain import explain
from quaymaster.domain.plan import PhaseKind
from quaymaster.domain.preview import Foresight, Known, foresee
from quaymaster.domain.reasons import Offer, Reason, Surroundings
from quaymaster.domain.release import JobKind, Outcome, Release, ReleaseId, Stage, StageId
from quaymaster.domain.workflows import TITLES, of_task
from quaymaster.store.candidates import workflow_runs
from quaymaster.store.deployments import places, queueing
from quaymaster.store.deployments.places import Place
from quaymaster.store.jobs import task_runs
from quaymaster.store.people import people
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import releases
from quaymaster.store.resources import pools, targets, workers


@dataclass(frozen=True, slots=True)
class Explained:
    """The reasons in order, those that hold the stage up first, and how people are called."""

    stage: str
    reasons: tuple[Reason, ...]
    names: Mapping[str, str]


async def reasons(call: Call, release_id: ReleaseId, stage_id: StageId) -> Explained:
    """Every reason why this stage is not deploying in the order in which they hold it up.

    Raises NotFound, Forbidden (view releases).
    """
    async with call.database.read() as connection:
        place = await places.of_stage(connection, call.project_id, stage_id)
        release = await releases.load(connection, release_id)
        stage = release.stage(stage_id) if release else None
        if place is None or place.is_deleted or release is None or stage is None:
            raise NotFound("stage", stage_id, f"The release {release_id} has no stage {stage_id}.")
        token = definition_token(str(place.project_id), place.path, place.definition_id)
        call.require(Permission.VIEW_RELEASES, token, f"release {place.release_name}")
        around = await _around(connection, call, place, stage)
        release = await circumstances.looked_up(connection, call, release)
        environment = await repositories.of_stage(connection, call, place)
    around = replace(around, set_since=_set_since(environment, stage))
    if environment and not stage.active:
        checks = await deployment_checks.asked(environment.call, environment, place.release_name)
        around = replace(around, unverified=checks.unmet)
    return Explained(
        stage.name,
        explain(release, stage, around, call.now),
        around.names,
    )


async def reasons_by_name(call: Call, release_id: ReleaseId, stage: str) -> Explained:
    """The same for a stage by its name, in any case. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        release = await releases.load(connection, release_id)
    if release is None:
        raise NotFound("release", release_id)
    found = release.stage_named(stage)
    if found is None:
        known = ", ".join(other.name for other in release.stages)
        raise NotFound("stage", stage, f"Release {release.name} has no stage {stage}, but {known}.")
    return await reasons(call, release_id, found.id)


async def _around(
    connection: Connection, call: Call, place: Place, stage: Stage, *, creator: str = ""
) -> Surroundings:
    token = stage_token(
        str(place.project_id), place.path, place.definition_id, place.definition_stage_id
    )
    may_start = call.may(Permission.MANAGE_DEPLOYMENTS, token)
    mentioned = set(_mentioned(stage))
    known = await people.get_many(connection, [*mentioned, *([creator] if creator else [])])
    at_work = {job.worker for job in stage.newest.jobs if job.worker} if stage.newest else set()
    called = await workers.names(connection, at_work) if at_work else {}
    return Surroundings(
        standings=tuple(await queueing.standings(connection, stage.plan.definition_stage_id)),
        offers=await _offers(connection, place, stage),
        target_offers=await _target_offers(connection, stage),
        missing_permission="" if may_start else WORDS[Permission.MANAGE_DEPLOYMENTS],
        names=called | {number: found.display_name for number, found in known.items()},
        nobody=frozenset(mentioned - known.keys()),
        failed_step=await _failed_step(connection, stage),
        workflow=await _workflow(connection, stage),
    )


def _set_since(environment: Scene | None, stage: Stage) -> str:
    """Who deploys to the environment by now, where the release was made for somebody else: a
    release keeps what was set when it was made (AVIATOR 1)."""
    jobs = stage.active.jobs if stage.active else ()
    if not any(job.kind is JobKind.EXTERNAL for job in jobs):
        return ""
    settings = environment.environment.settings if environment else {}
    now = repositories.method_of(settings, DEPLOYMENT_METHOD)
    made_for = {of_task(task) for plan in stage.plan.phases for task in plan.tasks}
    if now is None or now in made_for:
        return ""
    return TITLES[now.method]


async def _workflow(connection: Connection, stage: Stage) -> str:
    """Where the workflow outside stands that does the attempt under way; "" without one."""
    if stage.active is None or not any(job.kind is JobKind.EXTERNAL for job in stage.active.jobs):
        return ""
    run = await workflow_runs.of_deployment(connection, stage.active.id)
    return standing(run) if run else ""


async def _failed_step(connection: Connection, stage: Stage) -> str:
    failed = stage.newest
    if failed is None or failed.outcome is not Outcome.PHASE_FAILED:
        return ""
    return await task_runs.failed_step(connection, failed.id)


def _mentioned(stage: Stage) -> Iterable[str]:
    for rules in (stage.plan.pre_approvals, stage.plan.post_approvals):
        yield from (approver.identity for approver in rules.approvers)
    for approval in stage.newest.approvals if stage.newest else ():
        if approval.approver:
            yield approval.approver


async def _target_offers(connection: Connection, stage: Stage) -> dict[int, Mapping[str, str]]:
    """What the targets of each group offer, where a phase demands something of them."""
    groups = {
        plan.queue_id
        for plan in stage.plan.phases
        if plan.kind is PhaseKind.DEPLOYMENT_GROUP and plan.demands
    }
    found = [one for group in groups for one in await targets.listed(connection, group)]
    return {one.id: one.capabilities for one in found}


async def _offers(
    connection: Connection, place: Place, stage: Stage
) -> dict[int, tuple[Offer, ...]]:
    """The workers behind every queue that a phase names; one that nobody knows, or none at all,
    leads to the pool that every installation has."""
    found: dict[int, tuple[Offer, ...]] = {}
    agents = [plan for plan in stage.plan.phases if plan.kind is PhaseKind.AGENT]
    for number in {plan.queue_id for plan in agents}:
        pool = await pools.behind(connection, place.project_id, number)
        offers = await workers.presence(connection, pool) if pool else []
        found[number] = tuple(
            Offer(one.name, one.capabilities, one.is_online, one.is_busy) for one in offers
        )
    return found


# ---- a release that is not made -------------------------------------------------------------


async def preview(call: Call, request: ReleaseRequest) -> Foresight:
    """What a release made by this request would do. Nothing of it is kept.

    Raises what making it would raise: NotFound, Forbidden, Invalid, Refused.
    """

    async def look(
        connection: Connection, draft: Release, secrets: Mapping[int, Mapping[str, bool]]
    ) -> Foresight:
        return foresee(
            await circumstances.looked_up(connection, call, draft),
            Known(
                await _all_around(connection, call, draft),
                secrets.get(WHOLE_DEFINITION, {}),
                secrets,
            ),
            call.now,
        )

    return await release_actions.rehearse(call, request, look)


async def _all_around(
    connection: Connection, call: Call, draft: Release
) -> dict[str, Surroundings]:
    around = {}
    for stage in draft.stages:
        place = await places.of_stage(connection, call.project_id, stage.id)
        if place:
            creator = draft.created_for or ""
            around[stage.name] = await _around(connection, call, place, stage, creator=creator)
    return around

"""Single deployments of an environment by their ids: looked at, and stopped (AVIATOR 7)."""

from dataclasses import replace

from quaymaster.actions.call import Call
from quaymaster.actions.candidates import candidates
from quaymaster.actions.decisions.orchestrate import deciding
from quaymaster.actions.deployments import explaining
from quaymaster.actions.deployments.explaining import Explained
from quaymaster.actions.repositories import repositories
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import Conflict, NotFound
from quaymaster.domain.release import ReleaseId, StageId
from quaymaster.store.deployments import environment_deployments
from quaymaster.store.deployments.environment_deployments import EnvironmentDeployment
from quaymaster.store.releases import releases

LONGEST_COMMENT = 2000


async def one(call: Call, project: str, environment: str, number: int) -> EnvironmentDeployment:
    """One deployment to the environment. Raises NotFound, Forbidden (view releases)."""
    async with call.database.read() as connection:
        found = await repositories.scene(connection, call, project, environment)
        found.require(Permission.VIEW_RELEASES)
        known = await environment_deployments.one(connection, found.environment.id, number)
    if known is None:
        raise NotFound("deployment", number)
    return known


async def reasons(call: Call, deployment: EnvironmentDeployment) -> Explained:
    """What keeps a deployment from going on; nothing of one that has ended. Raises NotFound,
    Forbidden (view releases)."""
    release, stage = ReleaseId(deployment.release_id), StageId(deployment.stage_id)
    found = await explaining.reasons(call, release, stage)
    here = () if deployment.outcome else (one for one in found.reasons if not one.is_ahead)
    return replace(found, reasons=tuple(here))


async def cancel(
    call: Call, project: str, environment: str, number: int, comment: str = ""
) -> EnvironmentDeployment:
    """Stop a deployment that is under way; one that is stopping already stays as it is.

    Raises NotFound, Conflict for one that has ended, Forbidden (manage deployments).
    """
    async with deciding(call) as connection:
        found = await repositories.scene(connection, call, project, environment)
        found.require(Permission.MANAGE_DEPLOYMENTS)
        known = await environment_deployments.one(connection, found.environment.id, number)
        if known is None:
            raise NotFound("deployment", number)
        release = await releases.locked(connection, ReleaseId(known.release_id))
        stage = release.stage(StageId(known.stage_id)) if release else None
        if release is None or stage is None or not stage.active or stage.active.id != number:
            raise Conflict(f"Deployment {number} has ended already.")
        why = comment[:LONGEST_COMMENT] or "Canceled."
        await candidates.stop(connection, found.call, release.id, stage, why)
        shown = await environment_deployments.one(connection, found.environment.id, number)
        return shown or known

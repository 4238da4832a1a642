"""Deploying what has been built to the environments that ask for it (AVIATOR 4)."""

import structlog

from quaymaster.actions.call import Call
from quaymaster.actions.candidates import candidates
from quaymaster.actions.candidates.candidates import Wanted
from quaymaster.actions.candidates.deployment_checks import READY
from quaymaster.actions.repositories import repositories
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.domain.errors import DomainError
from quaymaster.domain.record import Entry
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.statuses import DeploymentReason, ReportedStatus
from quaymaster.store.deployments import places
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import history
from quaymaster.store.triggers import cut_schedules

REFUSED = "AutomaticDeploymentRefused"

_log = structlog.get_logger(__name__)


async def deploy(call: Call, release: ReleaseId) -> int:
    """Deploy a candidate wherever it is still to be deployed by itself; to how many environments.

    Nothing happens while it is being built. The same is checked as when somebody asks; what is
    refused is not tried again, and the release's history says why.
    """
    async with call.database.read() as connection:
        wanted = await cut_schedules.wanted_deployments(connection, release)
        place = await places.of_release(connection, None, release)
    if place is None:
        return 0
    return sum(
        [await _deploy(call, release, place.definition_id, place.release_name, e) for e in wanted]
    )


async def _deploy(
    call: Call, release: ReleaseId, definition: int, version: str, environment: int
) -> bool:
    async with call.database.read() as connection:
        found = await repositories.numbered(connection, call, definition, environment)

    async def take_up(connection: Connection) -> bool:
        build = (await repositories.candidate(connection, found, version)).build
        if build is not None and ReportedStatus(build).is_active:
            return False
        if not await cut_schedules.taken_up(connection, release, environment):
            return False
        if build not in READY:
            await _keep(connection, found, release, f"The build ended as {build}.")
        return build in READY

    try:
        wanted = Wanted(version, DeploymentReason.AUTOMATED)
        return await candidates.deploy_checked(found, wanted, take_up) is not None
    except DomainError as error:
        async with call.database.transaction() as connection:
            if await cut_schedules.taken_up(connection, release, environment):
                await _keep(connection, found, release, str(error))
        return False


async def _keep(connection: Connection, found: Scene, release: ReleaseId, why: str) -> None:
    """Say in the release's history why it was not deployed."""
    _log.warning("an automatic deployment was refused", release=release, reason=why)
    comment = f"{found.environment.name}: {why}"
    await history.append(connection, release, found.call.now, [Entry(REFUSED, comment=comment)])

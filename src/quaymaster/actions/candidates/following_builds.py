"""Deploying what has been built to the environments that ask for it (AVIATOR 4)."""

import structlog

from quaymaster.actions.call import Call
from quaymaster.actions.candidates import candidates
from quaymaster.actions.candidates.candidates import Wanted
from quaymaster.actions.candidates.deployment_checks import READY
from quaymaster.actions.repositories import repositories
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.actions.storage.turns import alone
from quaymaster.domain.errors import DomainError
from quaymaster.domain.record import Entry
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.statuses import DeploymentReason, ReportedStatus
from quaymaster.store.deployments import places
from quaymaster.store.deployments.places import Place
from quaymaster.store.postgres.database import Connection, DatabaseUnavailable
from quaymaster.store.releases import history
from quaymaster.store.storage.vault import VaultError
from quaymaster.store.triggers import cut_schedules

REFUSED = "AutomaticDeploymentRefused"

_log = structlog.get_logger(__name__)


async def deploy(call: Call, release: ReleaseId) -> int:
    """Deploy a candidate wherever it is still to be deployed by itself; to how many environments.

    Nothing happens while it is being built. The same is checked as when somebody asks; what is
    refused is not tried again, and the release's history says why. One process at a time is at a
    candidate.
    """
    name = f"automatic deployments of release {release}"
    return await alone(call, name, lambda: _deployed(call, release)) or 0


async def _deployed(call: Call, release: ReleaseId) -> int:
    async with call.database.read() as connection:
        wanted = await cut_schedules.wanted_deployments(connection, release)
        place = await places.of_release(connection, None, release)
    if place is None:
        return 0
    return sum([await _deploy(call, place, environment) for environment in wanted])


async def _deploy(call: Call, place: Place, environment: int) -> bool:
    """What goes wrong with one environment holds up no other."""
    release, name = ReleaseId(place.release_id), f"Environment {environment}"
    try:
        async with call.database.read() as connection:
            found = await repositories.numbered(connection, call, place.definition_id, environment)
        name = found.environment.name
        return await _deploy_to(found, release, place.release_name)
    except DatabaseUnavailable:
        raise
    except (DomainError, VaultError) as error:
        async with call.database.transaction() as connection:
            if await cut_schedules.taken_up(connection, release, environment):
                await _keep(connection, call, release, f"{name}: {error}")
    except Exception:  # noqa: BLE001 - its row stays, and is looked at again by the next sweep
        _log.exception("an automatic deployment failed", release=release, environment=environment)
    return False


async def _deploy_to(found: Scene, release: ReleaseId, version: str) -> bool:
    environment = found.environment

    async def take_up(connection: Connection) -> bool:
        build = (await repositories.candidate(connection, found, version)).build
        if build is not None and ReportedStatus(build).is_active:
            return False
        if not await cut_schedules.taken_up(connection, release, environment.id):
            return False
        if build not in READY:
            why = f"{environment.name}: The build ended as {build}."
            await _keep(connection, found.call, release, why)
        return build in READY

    wanted = Wanted(version, DeploymentReason.AUTOMATED)
    return await candidates.deploy_checked(found, wanted, take_up) is not None


async def _keep(connection: Connection, call: Call, release: ReleaseId, why: str) -> None:
    """Say in the release's history why it was not deployed."""
    _log.warning("an automatic deployment was refused", release=release, reason=why)
    await history.append(connection, release, call.now, [Entry(REFUSED, comment=why)])

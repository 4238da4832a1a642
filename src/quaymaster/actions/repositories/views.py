"""Looking at repositories, versions and deployments of many at once.

The keys come from a definition that the caller was allowed to look at: whatever hangs below it may
be looked at with it.
"""

from collections.abc import Sequence
from datetime import datetime

from quaymaster.actions.call import Call
from quaymaster.actions.decisions import freeze_times
from quaymaster.actions.repositories import repositories
from quaymaster.domain.access import Permission, definition_token
from quaymaster.domain.freezes import Hold, Standstill
from quaymaster.domain.rollbacks import rollback
from quaymaster.store.candidates import pull_requests as pull_request_rows
from quaymaster.store.candidates import repository_views as views
from quaymaster.store.candidates.pull_requests import CandidatePullRequest
from quaymaster.store.candidates.repositories import RepositoryDefinition, RepositoryEnvironment
from quaymaster.store.candidates.repository_views import CandidateLine, VersionLine
from quaymaster.store.deployments import freezes
from quaymaster.store.deployments.environment_deployments import EnvironmentDeployment


async def definitions(call: Call) -> list[RepositoryDefinition]:
    """All definitions of repositories whose releases the caller may view, by name."""
    return [
        one
        for one in await repositories.listed(call)
        if call.may(
            Permission.VIEW_RELEASES,
            definition_token(str(one.project_id), one.path, one.definition_id),
        )
    ]


async def environments(call: Call, of: Sequence[int]) -> dict[int, list[RepositoryEnvironment]]:
    """The environments of each definition in their order."""
    async with call.database.read() as connection:
        return await views.environments(connection, of)


async def versions(
    call: Call, of: Sequence[int], most: int, before: int | None
) -> dict[int, list[VersionLine]]:
    """So many versions of each definition, the one with the newest candidate first."""
    async with call.database.read() as connection:
        return await views.versions(connection, of, most, before)


async def candidates_of(
    call: Call, wanted: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], list[CandidateLine]]:
    """The candidates of each (definition, version), oldest first."""
    async with call.database.read() as connection:
        return await views.candidates_of(connection, wanted)


async def candidates(call: Call, releases: Sequence[int]) -> dict[int, CandidateLine]:
    """Candidates by the ids of their releases."""
    async with call.database.read() as connection:
        return await views.candidates(connection, releases)


async def pull_requests(
    call: Call, releases: Sequence[int]
) -> dict[int, list[CandidatePullRequest]]:
    """The pull requests of each candidate, by number."""
    async with call.database.read() as connection:
        return await pull_request_rows.of_releases(connection, releases)


async def deployments_of(
    call: Call, releases: Sequence[int]
) -> dict[int, list[EnvironmentDeployment]]:
    """The deployments of each release, the newest first."""
    async with call.database.read() as connection:
        return await views.deployments_of(connection, releases)


async def deployment_pages(
    call: Call, of: Sequence[int], most: int, before: int | None
) -> dict[int, list[EnvironmentDeployment]]:
    """So many deployments to each environment, the newest first."""
    async with call.database.read() as connection:
        return await views.deployment_pages(connection, of, most, before)


async def deployments(call: Call, numbers: Sequence[int]) -> dict[int, EnvironmentDeployment]:
    """Deployments by their ids."""
    async with call.database.read() as connection:
        return await views.deployments(connection, numbers)


async def running(call: Call, of: Sequence[int]) -> dict[int, int]:
    """The release that last succeeded in each environment."""
    async with call.database.read() as connection:
        return await views.running(connection, of)


async def rollback_targets(call: Call, of: Sequence[int]) -> dict[int, int]:
    """The release that a rollback of each environment would bring back (AVIATOR 5)."""
    async with call.database.read() as connection:
        found = await views.past(connection, of)
    planned = {environment: rollback(rows) for environment, rows in found.items()}
    return {environment: plan.target.release for environment, plan in planned.items() if plan}


async def holds(call: Call, of: Sequence[int]) -> dict[int, Hold]:
    """What keeps deployments from starting by themselves after a rollback, where something does."""
    async with call.database.read() as connection:
        return await views.holds(connection, of)


async def standstills(
    call: Call, of: Sequence[int], now: datetime
) -> dict[int, tuple[Standstill, ...]]:
    """The freezes in force in each environment now, at whatever level they were set."""
    async with call.database.read() as connection:
        found = await freezes.reaching_each(connection, of)
    return {
        environment: freeze_times.in_force(reaching, now)[0]
        for environment, reaching in found.items()
    }

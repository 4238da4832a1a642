"""How the last deployment to an environment ended, for badges that everybody may see (24.1)."""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from quaymaster.actions.call import Call, Installation, Project
from quaymaster.domain.errors import NotFound
from quaymaster.domain.statuses import OperationStatus
from quaymaster.store.definitions import definitions
from quaymaster.store.deployments import lists
from quaymaster.store.deployments.lists import DeploymentFilter
from quaymaster.store.postgres.paging import Paging


@dataclass(frozen=True, slots=True)
class Badge:
    """A stage's name and what its last deployment is doing; None before the first."""

    stage: str
    operation: OperationStatus | None


async def badge(
    installation: Installation, project: UUID, definition: int, stage: int, branch: str = ""
) -> Badge:
    """The badge of a stage whose options ask for one, without regard to who asks.

    `branch` limits it to deployments of releases that carry this branch. Raises NotFound in the
    same words for a stage that does not exist and for one without a badge.
    """
    call = Call(installation, None, Project(str(project), "", ""))
    async with call.database.read() as connection:
        found = await definitions.get(connection, call.vault, project, definition)
        name = _stage_with_badge(found, stage) if found and not found.is_deleted else None
        if name is None:
            raise NotFound("badge", stage)
        wanted = DeploymentFilter((project,), definition, stage, source_branch=branch or None)
        page = await lists.page(connection, wanted, Paging(limit=1))
    return Badge(name, page.rows[0].operation_status if page.rows else None)


def _stage_with_badge(found: definitions.Definition, stage: int) -> str | None:
    for environment in msgspec.json.decode(found.document).get("environments") or []:
        options = environment.get("environmentOptions") or {}
        if environment.get("id") == stage and options.get("badgeEnabled") is True:
            return str(environment.get("name"))
    return None

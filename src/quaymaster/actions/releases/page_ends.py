"""Where the page after a long one begins, known before the long one is read in parts."""

from dataclasses import replace

from quaymaster.actions.call import Call
from quaymaster.actions.releases.reading import visible_projects
from quaymaster.store.definitions import lists as definition_lists
from quaymaster.store.definitions.lists import DefinitionFilter, Key
from quaymaster.store.deployments import lists as deployment_lists
from quaymaster.store.deployments.lists import DeploymentFilter
from quaymaster.store.postgres.paging import Paging
from quaymaster.store.releases import lists as release_lists
from quaymaster.store.releases.lists import ReleaseFilter


async def after_releases(call: Call, wanted: ReleaseFilter, paging: Paging) -> int | None:
    """The id that the page of releases after this one begins with; None when this is the last."""
    async with call.database.read() as connection:
        wanted = replace(wanted, projects=await visible_projects(connection, call))
        return await release_lists.following(connection, wanted, paging)


async def after_deployments(call: Call, wanted: DeploymentFilter, paging: Paging) -> int | None:
    """The same of deployments."""
    async with call.database.read() as connection:
        wanted = replace(wanted, projects=await visible_projects(connection, call))
        return await deployment_lists.following(connection, wanted, paging)


async def after_definitions(call: Call, wanted: DefinitionFilter) -> Key | None:
    """The key of the first release definition after this page; None when this is the last."""
    async with call.database.read() as connection:
        wanted = replace(wanted, projects=await visible_projects(connection, call))
        return await definition_lists.following(connection, wanted)

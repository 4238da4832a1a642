"""A definition with its newest releases and what runs where: the `releaseCount` form (B 33)."""

from typing import Any

from litestar import Response

from quaymaster.actions.definitions import definitions
from quaymaster.actions.releases import reading
from quaymaster.actions.releases.reading import ReleaseFound
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.present import release as present
from quaymaster.apis.azure.present.release import Wanted
from quaymaster.apis.azure.present.shown import Shown, definition_reference, release_reference
from quaymaster.apis.azure.values import bool_in, number_in, numbers_in
from quaymaster.apis.shared.query import Query
from quaymaster.domain.statuses import DeploymentStatus
from quaymaster.store.postgres.paging import Paging
from quaymaster.store.releases.lists import ReleaseFilter

MOST = 100
DEPLOYED = (DeploymentStatus.SUCCEEDED, DeploymentStatus.PARTIALLY_SUCCEEDED)


async def answer(request: AzureRequest) -> Response[bytes]:
    """One ReleaseDefinitionSummary; both `definitionId` and `releaseCount` must be there."""
    query = request.parameters
    if not query.text("definitionId"):
        raise Problem(
            400, "ArgumentNullException", "Value cannot be null. Parameter name: definitionId"
        )
    number = number_in(query.text("definitionId"), "definitionId", lowest=1)
    count = number_in(query.text("releaseCount"), "releaseCount", lowest=1)
    found = await definitions.get(request.call, number)
    wanted = ReleaseFilter(projects=(), definition_id=number)
    page, _ = await reading.releases(request.call, wanted, Paging(limit=min(count, MOST)))
    whole = await reading.whole_releases(request.call, [head.id for head in page.rows])
    shown = Shown(request.links, {})
    project = str(found.project_id)
    stages = [(stage.definition_stage_id, stage.name) for stage in found.plan.stages]
    only = numbers_in(query.all("definitionEnvironmentIdsFilter"), "definitionEnvironmentIdsFilter")
    body = {
        "releaseDefinition": definition_reference(shown, project, number, found.name, found.path),
        "environments": [
            _environment(shown, whole, stage, name)
            for stage, name in stages
            if not only or stage in only
        ],
        "releases": [
            present.release(Shown(request.links, one.people), one.view, one.document, _parts(query))
            for one in whole
        ],
    }
    return request.answer("releaseDefinitionSummary", body)


def _parts(query: Query) -> Wanted:
    artifacts = bool_in(query.text("includeArtifact") or "false", "includeArtifact")
    return Wanted(artifacts=artifacts, variables=False)


def _environment(
    shown: Shown, whole: list[ReleaseFound], stage_id: int, name: str
) -> dict[str, Any]:
    """An environment with the releases that were deployed there, the newest first."""
    there = [one.view.head for one in whole if _was_deployed(one, stage_id)]
    return {
        "id": stage_id,
        "name": name,
        "lastReleases": [
            release_reference(shown, str(head.project_id), head.id, head.name) for head in there
        ],
    }


def _was_deployed(found: ReleaseFound, stage_id: int) -> bool:
    return any(
        attempt.status in DEPLOYED
        for stage in found.view.stages
        if stage.definition_stage_id == stage_id
        for attempt in stage.attempts
    )

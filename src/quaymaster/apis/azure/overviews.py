"""Overviews of a project: counts, branches, environments, projects, what waits (CONTRACT B.4)."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from quaymaster.actions.releases import overviews, reading
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.definitions import definition_number
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present.shown import Shown, definition_reference
from quaymaster.apis.azure.releases import release_number
from quaymaster.apis.azure.values import date_in, guid_in, list_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.deployments.overviews import TriggerProblem
from quaymaster.store.releases.records import ReleaseArtifact

USUAL_METRICS = timedelta(days=30)
BUILD = "Build"
METRICS = {
    "releases": "ReleasesCreated",
    "started": "DeploymentsStarted",
    "succeeded": "DeploymentsSucceeded",
    "partially_succeeded": "DeploymentsPartiallySucceeded",
    "failed": "DeploymentsFailed",
    "under_way": "DeploymentsInProgress",
}
# Which published kind of artifact an agent would download (CONTRACT C AgentArtifactDefinition).
AGENT_KINDS = {
    "build": "build",
    "jenkins": "jenkins",
    "nuget": "nuget",
    "github": "gitHub",
    "git": "tfGit",
    "tfvc": "tfvc",
    "team build (external)": "xamlBuild",
    "externaltfsbuild": "externalTfsBuild",
}


@get("/release/metrics", opt=needs(Scope.RELEASE))
async def get_metrics(request: AzureRequest) -> Response[bytes]:
    """Counts of releases and deployments since `minMetricsTime`, else of the last 30 days."""
    call = request.in_project()
    since = date_in(request.parameters.text("minMetricsTime"), "minMetricsTime")
    found = await overviews.counts(call, since or call.now - USUAL_METRICS)
    counted = asdict(found)
    values = [{"name": name, "value": counted[key]} for key, name in METRICS.items()]
    return request.collection("metric", values)


@get("/release/definitions/{definition_id:str}/sourcebranches", opt=needs(Scope.RELEASE))
async def get_source_branches(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """The branches that releases of the definition were made from, by name."""
    number = definition_number(definition_id)
    return request.collection("branch", await overviews.source_branches(request.call, number))


@get("/release/definitionenvironments", opt=needs(Scope.RELEASE))
async def get_definition_environments(request: AzureRequest) -> Response[bytes]:
    """Environments of the project's definitions, by `taskGroupId` and `propertyFilters`."""
    call, query = request.in_project(), request.parameters
    group = query.text("taskGroupId")
    group = guid_in(group, "taskGroupId") if group else ""
    found = await overviews.environments(call, group, list_in(query.all("propertyFilters")))
    values = [
        {
            "definitionEnvironmentId": one.id,
            "definitionEnvironmentName": one.name,
            "releaseDefinitionId": one.definition_id,
            "releaseDefinitionName": one.definition_name,
        }
        for one in found
    ]
    return request.collection("definitionEnvironmentReference", values)


@get("/release/artifacts/sources", opt=needs(Scope.RELEASE))
async def get_artifact_sources(request: AzureRequest) -> Response[bytes]:
    """The sources of artifacts that the project's definitions take, as 2.2 and 3.0 asked for."""
    found = await overviews.sources(request.in_project(), request.parameters.text("typeId"))
    values = [
        {
            "artifactTypeId": one.type,
            "sourceIdInputs": [{"id": text, "name": name} for text, name in one.inputs],
        }
        for one in found
    ]
    return request.answer("artifactSourceIds", {"artifactSourceIds": values})


@get("/release/projects", opt=needs(Scope.RELEASE))
async def get_release_projects(request: AzureRequest) -> Response[bytes]:
    """The projects with a definition that takes artifacts of `artifactType` and of the source."""
    query = request.parameters
    found = await overviews.projects_using(
        request.call, query.text("artifactType"), query.text("artifactSourceId")
    )
    values = [{"id": str(number), "name": name} for number, name in found]
    return request.collection("projectReference", values)


@get("/release/throttlingqueue", opt=needs(Scope.RELEASE))
async def get_throttling_queue(request: AzureRequest) -> Response[bytes]:
    """The releases whose jobs wait for a worker, each with its place in the line."""
    values = [
        {"projectId": str(one.project_id), "releaseId": one.release_id, "queuePosition": place}
        for place, one in await overviews.waiting(request.call)
    ]
    return request.collection("queuedReleaseData", values)


@get("/release/flightassignments", opt=needs(Scope.RELEASE))
async def get_flight_assignments(request: AzureRequest) -> Response[bytes]:
    """The experiments that are switched on for somebody; this server makes none."""
    return request.collection("flight", [])


@get("/release/autotriggerissues", opt=needs(Scope.RELEASE))
async def get_auto_trigger_issues(request: AzureRequest) -> Response[bytes]:
    """Why triggers have made no release of the version `artifactVersionId` of a source."""
    query = request.parameters
    kind, source = _named(request, "artifactType"), _named(request, "sourceId")
    return await _issues(request, kind, source, query.text("artifactVersionId"))


@get("/release/issues/{build_id:str}", opt=needs(Scope.RELEASE))
async def get_issues(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """The same for a build of the definition that `sourceId` names."""
    source = request.parameters.text("sourceId")
    return await _issues(request, BUILD, source, build_id)


@get("/release/releases/{release_id:str}/agentartifacts", opt=needs(Scope.RELEASE))
async def get_agent_artifacts(request: AzureRequest, release_id: FromPath[str]) -> Response[bytes]:
    """The artifacts of a release as an agent downloads them."""
    found = await reading.release(request.call, release_number(release_id))
    values = [_agent_artifact(one) for one in found.view.head.artifacts]
    return request.collection("agentArtifactDefinition", values)


def _agent_artifact(found: ReleaseArtifact) -> dict[str, Any]:
    return {
        "alias": found.alias,
        "artifactType": AGENT_KINDS.get(found.type.casefold(), "custom"),
        "name": found.reference.get("definition.name") or found.reference.get("definition", ""),
        "version": found.version_id or None,
        "details": msgspec.json.encode(found.reference, order="sorted").decode(),
    }


async def _issues(request: AzureRequest, kind: str, source: str, version: str) -> Response[bytes]:
    found = await overviews.trigger_problems(request.in_project(), kind, source, version)
    shown = Shown(request.links, {})
    return request.collection("autoTriggerIssue", [_issue(shown, one) for one in found])


def _issue(shown: Shown, found: TriggerProblem) -> dict[str, Any]:
    project = str(found.project_id)
    return {
        "issueSource": "system",
        "issue": {"issueType": "Error", "message": found.problem, "data": {}},
        "releaseTriggerType": found.kind,
        "project": {"id": project, "name": found.project_name},
        "releaseDefinitionReference": definition_reference(
            shown, project, found.definition_id, found.name, found.path
        ),
    }


def _named(request: AzureRequest, name: str) -> str:
    text = request.parameters.text(name)
    if not text:
        raise Problem(400, "ArgumentNullException", f"Value cannot be null. Parameter name: {name}")
    return text


ROUTES = [
    get_metrics,
    get_source_branches,
    get_definition_environments,
    get_artifact_sources,
    get_release_projects,
    get_throttling_queue,
    get_flight_assignments,
    get_auto_trigger_issues,
    get_issues,
    get_agent_artifacts,
]

"""What lies around builds: the YAML text, changes between builds (CONTRACT B.1)."""

from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from quaymaster.actions.builds import explaining, process, reading
from quaymaster.apis.azure import paging
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.build import present
from quaymaster.apis.azure.build.builds import ONE as BUILD
from quaymaster.apis.azure.build.builds import build_number
from quaymaster.apis.azure.build.definitions import ONE as DEFINITION
from quaymaster.apis.azure.build.definitions import definition_number, revision_in
from quaymaster.apis.azure.build.timelines import change
from quaymaster.apis.azure.explaining import reason
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import number_in
from quaymaster.apis.shared.scopes import Scope

MOST_COMMITS = 5000  # of several builds, as many as of a release


@get(f"{DEFINITION}/yaml", opt=needs(Scope.BUILD))
async def get_definition_yaml(
    request: AzureRequest, definition_id: FromPath[str]
) -> Response[bytes]:
    """The file that describes a YAML definition, as it is on its default branch.

    With a `revision` it is the file that was named then.
    """
    number, revision = definition_number(definition_id), revision_in(request.parameters, "revision")
    text = await process.yaml_text(request.call, number, revision)
    return request.answer("yamlBuild", {"yaml": text})


@get("/build/changes", opt=needs(Scope.BUILD))
async def get_changes_between_builds(request: AzureRequest) -> Response[bytes]:
    """The commits of the builds of one definition after `fromBuildId`, up to `toBuildId`."""
    query = request.parameters
    older = number_in(query.text("fromBuildId"), "fromBuildId", lowest=1)
    newer = number_in(query.text("toBuildId"), "toBuildId", lowest=1)
    most = paging.top(query, usual=100, most=1000)
    found = await reading.changes_between(request.call, older, newer, most)
    return request.collection("change", [change(one) for one in found])


@get("/build/workitems", opt=needs(Scope.BUILD))
async def get_work_items_between_builds(request: AzureRequest) -> Response[bytes]:
    """The work items that these commits name by `#number`, `$top` of them."""
    query = request.parameters
    older = number_in(query.text("fromBuildId"), "fromBuildId", lowest=1)
    newer = number_in(query.text("toBuildId"), "toBuildId", lowest=1)
    found = await reading.changes_between(request.call, older, newer, MOST_COMMITS)
    items = reading.work_items(found)[: paging.top(query, usual=100, most=1000)]
    return request.collection("resourceRef", present.work_items(request.links, items))


@get(f"{BUILD}/report", opt=needs(Scope.BUILD))
async def get_build_report(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """How a build ended, in one line of text."""
    found = await reading.build(request.call, build_number(build_id))
    [view] = found.views
    body: dict[str, Any] = {
        "buildId": view.id,
        "content": f"{view.definition_name} {view.number}: {view.result or view.status}",
        "type": "text/plain",
    }
    return request.answer("buildReport", body)


@get(f"{BUILD}/explain", opt=needs(Scope.BUILD))
async def explain_build(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """Every reason why the build goes on no further, those that hold it up now first.

    An addition of our own to the published API.
    """
    number = build_number(build_id)
    found = await explaining.reasons(request.call, number)
    body = {"buildId": number, "reasons": [reason(one) for one in found]}
    return request.answer("explanation", body)


ROUTES = [
    explain_build,
    get_definition_yaml,
    get_changes_between_builds,
    get_work_items_between_builds,
    get_build_report,
]

"""What lies around the builds of a project: metrics, options, workers, badges (CONTRACT B.1)."""

from dataclasses import replace

from litestar import Response, delete, get, post
from litestar.params import FromPath

from quaymaster.actions.builds import reading
from quaymaster.actions.resources import pools
from quaymaster.apis.azure import paging
from quaymaster.apis.azure.asked import AzureRequest, array_in, text_in
from quaymaster.apis.azure.build import present
from quaymaster.apis.azure.build.builds import ONE, build_number
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import date_in, number_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.errors import NotFound

ALL_OF_PROJECT = 0
MOST_COMMITS = 1000


@get("/build/metrics/{aggregation:str}", opt=needs(Scope.BUILD))
async def get_project_metrics(request: AzureRequest, aggregation: FromPath[str]) -> Response[bytes]:
    """How many builds ended on each day since `minMetricsTime`, and how many are under way."""
    call = request.in_project()
    if aggregation.casefold() != "daily":
        raise Problem(
            400, "InvalidRequestException", "Builds are counted by the day: ask for metrics/daily."
        )
    given = date_in(request.parameters.text("minMetricsTime"), "minMetricsTime")
    since = given or reading.month_before(call.now)
    counted = await reading.project_metrics(call, since)
    summed = [replace(one, definition_id=ALL_OF_PROJECT) for one in counted]
    found = present.metrics(summed, call.now).get(ALL_OF_PROJECT, [])
    return request.collection("buildMetric", found)


@get("/build/options", opt=needs(Scope.BUILD))
async def list_build_options(request: AzureRequest) -> Response[bytes]:
    """The options that a definition can have beside its process.

    None is served here; what a document has of them is kept.
    """
    request.in_project()
    return request.collection("buildOptionDefinition", [])


@get("/build/controllers", opt=needs(Scope.BUILD))
async def list_build_controllers(request: AzureRequest) -> Response[bytes]:
    """Controllers of XAML builds, of which there are none."""
    return request.collection("buildController", [])


@get("/build/controllers/{controller_id:str}", opt=needs(Scope.BUILD))
async def get_build_controller(
    request: AzureRequest, controller_id: FromPath[str]
) -> Response[bytes]:
    """One of them."""
    number = number_in(controller_id, "controllerId", lowest=1)
    raise NotFound("controller", number, f"There is no build controller {number}: {request.url}")


@get("/build/resourceusage", opt=needs(Scope.BUILD))
async def get_build_resource_usage(request: AzureRequest) -> Response[bytes]:
    """How many workers are online, how many jobs they can run at once and how many they do."""
    usage = await pools.usage(request.call)
    body = {
        "distributedTaskAgents": usage.workers,
        "paidPrivateAgentSlots": usage.slots,
        "totalUsage": usage.running,
        "xamlControllers": 0,
    }
    return request.answer("buildResourceUsage", body)


@get("/build/repos/{repository_type:str}/badge", opt=needs(Scope.BUILD))
async def get_build_badge_data(
    request: AzureRequest, repository_type: FromPath[str]
) -> Response[bytes]:
    """The newest completed build of a repository's branch, and where its badge is."""
    call, query = request.in_project(), request.parameters
    named, branch = query.text("repoId"), query.text("branchName")
    if not named:
        raise Problem(400, "ArgumentNullException", "Value cannot be null. Parameter name: repoId")
    view = await reading.newest_of_repository(call, repository_type, named, branch)
    address = present.badge_url(request.links, str(view.project_id), view.definition_id)
    return request.answer("buildBadge", {"buildId": view.id, "imageUrl": address})


@delete("/build/tags/{tag:path}", opt=needs(Scope.BUILD_EXECUTE), status_code=200)
async def delete_tag(request: AzureRequest) -> Response[bytes]:
    """Take a tag from every build and build definition of the project; the tags that are left."""
    call, tag = request.in_project(), "/".join(request.asked.tail[2:])
    return request.collection("tag", await reading.remove_tag_everywhere(call, tag))


@post(f"{ONE}/workitems", opt=needs(Scope.BUILD), status_code=200)
async def get_work_items_of_commits(
    request: AzureRequest, build_id: FromPath[str]
) -> Response[bytes]:
    """The work items that the commits named in the body tell of, `$top` of them.

    Without any id they are those that the newest `$top` commits of the build name.
    """
    entries = array_in(await request.document("commitIds"), "body")
    wanted = {text_in(one, "commitIds") for one in entries}
    top = paging.top(request.parameters, usual=MOST_COMMITS, most=MOST_COMMITS)
    number = build_number(build_id)
    found = await reading.changes(request.call, number, 0, MOST_COMMITS if wanted else top)
    items = reading.work_items([one for one in found if not wanted or one.id in wanted])
    kept = items[:top] if wanted else items
    return request.collection("resourceRef", present.work_items(request.links, kept))


ROUTES = [
    get_project_metrics,
    list_build_options,
    list_build_controllers,
    get_build_controller,
    get_build_resource_usage,
    get_build_badge_data,
    delete_tag,
    get_work_items_of_commits,
]

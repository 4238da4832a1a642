"""Source providers: repositories that definitions name, their branches and files (CONTRACT B.1)."""

from urllib.parse import urlencode

from litestar import Response, get
from litestar.params import FromPath

from quaymaster.actions.builds.definitions import source_providers
from quaymaster.actions.builds.definitions.source_providers import KINDS, Wanted, kind_of
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import number_in
from quaymaster.apis.shared.scopes import Scope

ALL = "/sourceproviders"
ONE = ALL + "/{provider:str}"
CAPABILITIES = {
    "queryBranches": True,
    "queryFileContents": True,
    "queryPathContents": True,
    "queryRepositories": True,
    "queryPullRequest": True,
    "queryWebhooks": False,
    "createWebhooks": False,
}
TRIGGERS = ("continuousIntegration", "pullRequest")


@get(ALL, opt=needs(Scope.BUILD))
async def list_source_providers(request: AzureRequest) -> Response[bytes]:
    """The kinds of repositories that builds are made of, and what can be asked of them."""
    request.in_project()
    triggers = [{"type": one, "supportedCapabilities": {}} for one in TRIGGERS]
    values = [
        {"name": name, "supportedCapabilities": CAPABILITIES, "supportedTriggers": triggers}
        for name in KINDS
    ]
    return request.collection("sourceProviderAttributes", values)


@get(f"{ONE}/repositories", opt=needs(Scope.BUILD))
async def list_source_repositories(
    request: AzureRequest, provider: FromPath[str]
) -> Response[bytes]:
    """The repositories of a provider that the project's build definitions name."""
    request.in_project()
    found = await source_providers.repositories(request.call, _wanted(request, provider))
    values = [
        {
            "id": one.id or one.url,
            "name": one.name,
            "fullName": one.name,
            "defaultBranch": one.default_branch,
            "url": one.url,
            "sourceProviderName": kind_of(provider),
            "properties": {},
        }
        for one in found
    ]
    body = {"repositories": values, "pageLength": len(values), "totalPageCount": 1}
    return request.answer("sourceRepositories", body)


@get(f"{ONE}/branches", opt=needs(Scope.BUILD))
async def list_source_branches(request: AzureRequest, provider: FromPath[str]) -> Response[bytes]:
    """The names of a repository's branches; of `branchName` alone, if one is given."""
    request.in_project()
    found = await source_providers.branches(request.call, _wanted(request, provider))
    only = request.parameters.text("branchName").removeprefix("refs/heads/")
    return request.collection("branch", [one for one in found if not only or one == only])


@get(f"{ONE}/filecontents", opt=needs(Scope.BUILD))
async def get_source_file(request: AzureRequest, provider: FromPath[str]) -> Response[bytes]:
    """The text of a file at `commitOrBranch`."""
    request.in_project()
    wanted, query = _wanted(request, provider), request.parameters
    version = query.text("commitOrBranch")
    text = await source_providers.file(request.call, wanted, version, query.text("path"))
    return request.text(text.encode(), "text/plain")


@get(f"{ONE}/pathcontents", opt=needs(Scope.BUILD))
async def list_source_folder(request: AzureRequest, provider: FromPath[str]) -> Response[bytes]:
    """What is in a folder at `commitOrBranch`."""
    project = request.in_project().project_id
    wanted, query = _wanted(request, provider), request.parameters
    version, path = query.text("commitOrBranch"), query.text("path")
    found = await source_providers.folder(request.call, wanted, version, path)
    values = []
    for one in found:
        where = "pathContents" if one.is_folder else "fileContents"
        asked = {"repository": wanted.repository, "commitOrBranch": version, "path": one.path}
        address = f"sourceProviders/{kind_of(provider)}/{where}?{urlencode(asked)}"
        values.append(
            {
                "path": one.path,
                "type": "folder" if one.is_folder else "file",
                "isContainer": one.is_folder,
                "url": request.links.apis(str(project), address),
            }
        )
    return request.collection("sourceRepositoryItem", values)


@get(f"{ONE}/pullrequests/{{pull_request_id:str}}", opt=needs(Scope.BUILD))
async def get_source_pull_request(
    request: AzureRequest, provider: FromPath[str], pull_request_id: FromPath[str]
) -> Response[bytes]:
    """A pull request as a webhook told of it last; `repositoryId` names its repository."""
    request.in_project()
    query = request.parameters
    wanted = Wanted(provider, query.text("repositoryId"), query.text("serviceEndpointId"))
    number = number_in(pull_request_id, "pullRequestId", lowest=1)
    found = await source_providers.pull_request(request.call, wanted, number)
    body = {
        "id": str(found.number),
        "providerName": kind_of(provider),
        "title": found.title,
        "author": {"displayName": found.author},
        "currentState": "merged" if found.is_merged else None,  # it may be open or closed
        "_links": {"web": {"href": found.url}} if found.url else {},
    }
    return request.answer("sourcePullRequest", body)


def _wanted(request: AzureRequest, provider: str) -> Wanted:
    query = request.parameters
    return Wanted(provider, query.text("repository"), query.text("serviceEndpointId"))


ROUTES = [
    list_source_providers,
    list_source_repositories,
    list_source_branches,
    get_source_file,
    list_source_folder,
    get_source_pull_request,
]

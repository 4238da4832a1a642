"""Releases of a project and their candidates (AVIATOR 7)."""

from litestar import Response, get
from litestar.params import FromPath

from quaymaster.actions.candidates import version_lists
from quaymaster.actions.deployments.rollbacks import automatic_refusals
from quaymaster.apis.aviator import present
from quaymaster.apis.aviator.asked import AviatorRequest
from quaymaster.apis.aviator.candidates import PATH
from quaymaster.apis.aviator.paging import links, page_of
from quaymaster.apis.aviator.policy import needs
from quaymaster.apis.aviator.projects import ONE
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain import release_versions
from quaymaster.domain.errors import NotFound


@get(ONE + "/releases", opt=needs(Scope.RELEASE))
async def list_releases(request: AviatorRequest, project: FromPath[str]) -> Response[bytes]:
    """A page of releases, the one with the newest candidate first."""
    page = page_of(request)
    found, known = await version_lists.listed(
        request.call, project, page.count + 1, page.count * (page.number - 1)
    )
    repository = found.definition.repository
    shown = [present.release(one, repository) for one in known[: page.count]]
    return request.answer(shown, headers=links(request, page, is_more=len(known) > page.count))


@get(PATH, opt=needs(Scope.RELEASE))
async def get_release(
    request: AviatorRequest, project: FromPath[str], version: FromPath[str]
) -> Response[bytes]:
    """A release with its candidates, or the one candidate that the path names; with
    `?expand=build,quarantine,refusals` how its build stands, why it must be deployed nowhere, and
    what did not happen by itself, too."""
    read = release_versions.read(version)
    found, known = await version_lists.one(
        request.call, project, release_versions.version_of(version)
    )
    repository = found.definition.repository
    if read is None:
        return request.answer(present.release(known, repository))
    for one in known.candidates:
        if one.name == version:
            shown = present.candidate_line(one, repository)
            wanted = request.expanded()
            if "build" in wanted:
                shown["build"] = present.build(one)
            if "quarantine" in wanted:
                shown["quarantine"] = {"reason": one.quarantine} if one.quarantine else None
            if "refusals" in wanted:
                lines = await automatic_refusals.of(request.call, one.id)
                shown["refusals"] = [present.refusal(line) for line in lines]
            return request.answer(shown)
    raise NotFound("release", version)


ROUTES = [list_releases, get_release]

"""Create a release candidate (AVIATOR 3)."""

from litestar import Response, delete, post, put
from litestar.params import FromPath

from quaymaster.actions.candidates import candidates
from quaymaster.actions.candidates.candidates import Cut
from quaymaster.actions.deployments import quarantines
from quaymaster.actions.repositories import repositories, views
from quaymaster.apis.aviator import present
from quaymaster.apis.aviator.asked import AviatorRequest, flag_in, text_in
from quaymaster.apis.aviator.errors import Problem
from quaymaster.apis.aviator.policy import needs
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain import release_versions
from quaymaster.domain.errors import Conflict, NotFound
from quaymaster.domain.release_versions import CandidateVersion

PATH = "/api/releases/{project:str}/releases/{version:str}"


def version_in(text: object) -> CandidateVersion:
    """Raises Problem 400 for what is not `<version>-rc<number>`."""
    version = release_versions.read(text)
    if version is None:
        raise Problem(400, "Invalid release candidate version")
    return version


@post(PATH, opt=needs(Scope.RELEASE_EXECUTE))
async def create_candidate(
    request: AviatorRequest, project: FromPath[str], version: FromPath[str]
) -> Response[bytes]:
    """A release of this version at a commit, ready to be deployed."""
    body = await request.fields()
    await repositories.looked_up(request.call, project)
    wanted = version_in(version)
    commit = release_versions.commit(body.get("commit"))
    if commit is None:
        raise Problem(400, "Invalid commit hash")
    repository = body.get("repo")
    if not isinstance(repository, str):
        raise NotFound("repository", "")
    builds = flag_in(body, "trigger_build_workflow")
    try:
        found, number = await candidates.cut(
            request.call, project, Cut(wanted, commit, repository, is_built=builds)
        )
    except Conflict as taken:
        raise Problem(409, "Release candidate already exists") from taken
    made = await views.candidates(found.call, [number])
    shown = present.candidate_line(made[number], repository)
    return request.answer(shown, 201)


@put(PATH + "/quarantine", opt=needs(Scope.RELEASE_MANAGE))
async def quarantine(
    request: AviatorRequest, project: FromPath[str], version: FromPath[str]
) -> Response[bytes]:
    """Have this candidate deployed nowhere from now on; `reason` says why."""
    body = await request.fields()
    reason = text_in(body, "reason")
    await quarantines.put_by_version(request.call, project, version_in(version), reason)
    return request.answer({"release_candidate_version": version, "quarantined": True})


@delete(PATH + "/quarantine", opt=needs(Scope.RELEASE_MANAGE), status_code=200)
async def lift_quarantine(
    request: AviatorRequest, project: FromPath[str], version: FromPath[str]
) -> Response[bytes]:
    """Let it be deployed again."""
    await quarantines.put_by_version(request.call, project, version_in(version), None)
    return request.answer({"release_candidate_version": version, "quarantined": False})


ROUTES = [create_candidate, quarantine, lift_quarantine]

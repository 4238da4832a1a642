"""Deployments of an environment: create, report, list, roll back (AVIATOR 3, 4, 5)."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, patch, post
from litestar.params import FromPath

from quaymaster.actions.candidates import candidates
from quaymaster.actions.deployments import candidate_deployments
from quaymaster.actions.deployments.rollbacks import requests
from quaymaster.actions.deployments.rollbacks.rolling_back import RollbackRequest
from quaymaster.actions.deployments.workflows import call_backs
from quaymaster.actions.repositories import repositories
from quaymaster.apis.aviator import present
from quaymaster.apis.aviator.asked import AviatorRequest, flag_in, number_in, text_in
from quaymaster.apis.aviator.candidates import version_in
from quaymaster.apis.aviator.errors import Problem
from quaymaster.apis.aviator.paging import links, page_of
from quaymaster.apis.aviator.policy import needs
from quaymaster.apis.aviator.words import REPORTED
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain import release_versions
from quaymaster.domain.release_versions import CandidateVersion

ENVIRONMENT = "/api/releases/{project:str}/environments/{environment:str}"
DEPLOYMENTS = ENVIRONMENT + "/deployments"
DEPLOYMENT = DEPLOYMENTS + "/{number:str}"
LONGEST_REASON = 2000
FORCED = "Rolled back by force."


@post(DEPLOYMENTS, opt=needs(Scope.RELEASE_EXECUTE))
async def create_deployment(
    request: AviatorRequest, project: FromPath[str], environment: FromPath[str]
) -> Response[bytes]:
    """Deploy a release candidate: its environment's queue, approvals and method take over."""
    body = await request.fields()
    version = await _version(request, project, environment, body)
    bypass = reason_in(text_in(body, "bypass_verification"), "bypass_verification")
    made = await candidates.deploy(request.call, project, environment, version, bypass)
    return request.answer(present.deployment(environment, made), 201)


def reason_in(text: str, name: str) -> str:
    """A reason that can be kept. Raises Problem 400 `Invalid <name>`."""
    if len(text) > LONGEST_REASON:
        raise Problem(400, f"Invalid {name}")
    return text


@patch(DEPLOYMENTS, opt=needs(Scope.RELEASE_EXECUTE))
async def update_deployment(
    request: AviatorRequest, project: FromPath[str], environment: FromPath[str]
) -> Response[bytes]:
    """Tell how a deployment stands that is done outside; never begins a workflow."""
    body = await request.fields()
    word = body.get("status")
    status = REPORTED.get(word) if isinstance(word, str) else None
    version = await _version(request, project, environment, body)
    call = request.call
    if status is None:
        await candidates.check_exists(call, project, environment, version)
        raise Problem(400, "Invalid deployment status")
    problem = text_in(body, "error_message")
    told = await candidates.report(call, project, environment, version, status, problem)
    return request.answer(present.deployment(environment, told))


@get(DEPLOYMENTS, opt=needs(Scope.RELEASE))
async def list_deployments(
    request: AviatorRequest, project: FromPath[str], environment: FromPath[str]
) -> Response[bytes]:
    """A page of deployments, the newest first."""
    try:
        page = page_of(request)
    except Problem:
        await repositories.looked_up(request.call, project, environment)
        raise
    _, found = await candidates.deployments(
        request.call, project, environment, page.count + 1, (page.number - 1) * page.count
    )
    shown = [present.deployment(environment, one) for one in found[: page.count]]
    return request.answer(shown, headers=links(request, page, is_more=len(found) > page.count))


@get(DEPLOYMENT, opt=needs(Scope.RELEASE))
async def get_deployment(
    request: AviatorRequest,
    project: FromPath[str],
    environment: FromPath[str],
    number: FromPath[str],
) -> Response[bytes]:
    """One deployment by its id; with `?expand=workflow,reasons` the run that does it, and what it
    waits for, too."""
    wanted = number_in(number, "deployment")
    found = await candidate_deployments.one(request.call, project, environment, wanted)
    shown = present.deployment(environment, found)
    asked = request.expanded()
    if "workflow" in asked:
        run = await call_backs.of_deployment(request.call, found.id)
        shown["workflow"] = present.workflow(run) if run else None
    if "reasons" in asked:
        known = await candidate_deployments.reasons(request.call, found)
        shown["reasons"] = [present.reason(one, known.names) for one in known.reasons]
    return request.answer(shown)


@post(DEPLOYMENT + "/cancel", opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def cancel_deployment(
    request: AviatorRequest,
    project: FromPath[str],
    environment: FromPath[str],
    number: FromPath[str],
) -> Response[bytes]:
    """Stop a deployment; it is `canceling` until its work has stopped."""
    body = await request.fields()
    found = await candidate_deployments.cancel(
        request.call,
        project,
        environment,
        number_in(number, "deployment"),
        text_in(body, "comment"),
    )
    return request.answer(present.deployment(environment, found))


async def _version(
    request: AviatorRequest, project: str, environment: str, body: Mapping[str, Any]
) -> CandidateVersion:
    """The version that the body names. What the path names is looked for first where it is none:
    otherwise whatever is asked next does so."""
    version = release_versions.read(body.get("release_candidate_version"))
    if version is None:
        await repositories.looked_up(request.call, project, environment)
        raise Problem(400, "Invalid release candidate version")
    return version


@post(ENVIRONMENT + "/rollback", opt=needs(Scope.RELEASE_EXECUTE))
async def roll_back(
    request: AviatorRequest, project: FromPath[str], environment: FromPath[str]
) -> Response[bytes]:
    """Bring the environment back to the candidate that it ran before."""
    body = await request.fields()
    force = flag_in(body, "force")
    wanted = body.get("release_candidate_version")
    find = requests.named(request.call, project, environment)
    asked = RollbackRequest(override=FORCED if force else "", comment=text_in(body, "comment"))
    made = await requests.roll_back(
        request.call, find, asked, None if wanted is None else version_in(wanted)
    )
    return request.answer(present.deployment(environment, made), 201)


@get(ENVIRONMENT + "/rollback", opt=needs(Scope.RELEASE))
async def plan_rollback(
    request: AviatorRequest, project: FromPath[str], environment: FromPath[str]
) -> Response[bytes]:
    """Where a rollback would go now, for whoever is about to ask for one."""
    find = requests.named(request.call, project, environment)
    plan, target = await requests.planned(request.call, find)
    shown = {
        "target": present.deployment(environment, target),
        "canceled": [str(row.id) for row in plan.canceled],
    }
    return request.answer(shown)


@post(ENVIRONMENT + "/resume", opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def resume(
    request: AviatorRequest, project: FromPath[str], environment: FromPath[str]
) -> Response[bytes]:
    """Let deployments start by themselves again after a rollback."""
    await request.fields()
    find = requests.named(request.call, project, environment)
    await requests.resume(request.call, find)
    return request.answer({"environment_name": environment, "held": False})


ROUTES = [
    create_deployment,
    update_deployment,
    list_deployments,
    get_deployment,
    cancel_deployment,
    roll_back,
    plan_rollback,
    resume,
]

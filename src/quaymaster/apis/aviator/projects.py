"""Projects, environments and their freezes (AVIATOR 7)."""

from datetime import timedelta
from typing import Any

from litestar import Response, delete, get, post, put
from litestar.params import FromPath

from quaymaster.actions.deployments import environment_freezes
from quaymaster.actions.repositories import repositories, views
from quaymaster.actions.repositories.repositories import (
    DEPLOYMENT_METHOD,
    NewDefinition,
    NewEnvironment,
)
from quaymaster.actions.triggers import scheduled_cuts
from quaymaster.apis.aviator import methods, present
from quaymaster.apis.aviator.asked import AviatorRequest, flag_in, text_in, time_in
from quaymaster.apis.aviator.errors import Problem
from quaymaster.apis.aviator.paging import MOST, links, page_of
from quaymaster.apis.aviator.policy import needs
from quaymaster.apis.aviator.project_settings import settings_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.freezes import Freeze, FreezeKind, OnRunning
from quaymaster.domain.release_versions import Numbering

ALL = "/api/releases"
ONE = ALL + "/{project:str}"
ENVIRONMENTS = ONE + "/environments"
ENVIRONMENT = ENVIRONMENTS + "/{environment:str}"
FREEZE = ENVIRONMENT + "/freeze"
ENVIRONMENT_FLAGS = (
    "hold_after_rollback",
    "rollback_on_failure",
    "deploy_after_build",
    "require_verification",
)
LONGEST_MINUTES = 366 * 24 * 60


@post(ALL, opt=needs(Scope.RELEASE_MANAGE))
async def create_project(request: AviatorRequest) -> Response[bytes]:
    """A project that releases one repository; give it environments next."""
    body = await request.fields()
    new = NewDefinition(
        text_in(body, "name"),
        text_in(body, "repository"),
        settings_in(body),
        text_in(body, "team_project"),
    )
    made = await repositories.create(request.call, new)
    return request.answer(present.project(made.definition), 201)


@get(ALL, opt=needs(Scope.RELEASE))
async def list_projects(request: AviatorRequest) -> Response[bytes]:
    """A page of the projects, by name: whatever calls of this contract can be about."""
    page = page_of(request, usual=MOST)
    found = await repositories.listed(request.call)
    start = (page.number - 1) * page.count
    shown = [present.project(one) for one in found[start : start + page.count]]
    return request.answer(
        shown, headers=links(request, page, is_more=len(found) > start + page.count)
    )


@get(ONE, opt=needs(Scope.RELEASE))
async def get_project(request: AviatorRequest, project: FromPath[str]) -> Response[bytes]:
    """One project."""
    found = await repositories.looked_up(request.call, project)
    clock = await scheduled_cuts.standing(found.call, found.definition.definition_id)
    shown = present.project(found.definition)
    return request.answer({**shown, "next_cut": present.next_cut(clock) if clock else None})


@get(ONE + "/next_version", opt=needs(Scope.RELEASE))
async def get_next_version(request: AviatorRequest, project: FromPath[str]) -> Response[bytes]:
    """The version that a candidate would be cut under now; `versions` and `time_zone` say how."""
    query = request.asked.query
    numbering = query.text("versions") or Numbering.CALVER
    if numbering not in set(Numbering):
        raise Problem(400, f"Invalid versions: use one of {', '.join(Numbering)}")
    found = await repositories.looked_up(request.call, project)
    version = await scheduled_cuts.suggested(
        found.call, found, Numbering(numbering), query.text("time_zone") or "UTC"
    )
    shown = {"release_version": version.version, "release_candidate_version": str(version)}
    return request.answer(shown)


@post(ENVIRONMENTS, opt=needs(Scope.RELEASE_MANAGE))
async def create_environment(request: AviatorRequest, project: FromPath[str]) -> Response[bytes]:
    """An environment that somebody outside deploys to, until its method is set."""
    body = await request.fields()
    new = NewEnvironment(
        text_in(body, "name"),
        text_in(body, "tier", "development"),
        text_in(body, "parent"),
        {name: flag_in(body, name) for name in ENVIRONMENT_FLAGS if name in body},
        workflow=methods.method_in(body.get(DEPLOYMENT_METHOD), DEPLOYMENT_METHOD, builds=False),
    )
    made = await repositories.add_environment(request.call, project, new)
    return request.answer(present.environment(made.environment, new.parent or None), 201)


@get(ENVIRONMENTS, opt=needs(Scope.RELEASE))
async def list_environments(request: AviatorRequest, project: FromPath[str]) -> Response[bytes]:
    """The environments of a project in their order."""
    found = await repositories.looked_up(request.call, project)
    known = await repositories.environments(request.call, found)
    names = {one.id: one.name for one in known}
    stopped = await views.standstills(request.call, [one.id for one in known], request.call.now)
    held = await views.holds(request.call, [one.id for one in known])
    return request.answer(
        [
            present.environment(
                one,
                names.get(one.parent_id or 0),
                is_frozen=bool(stopped.get(one.id)),
                hold=held.get(one.id),
            )
            for one in known
        ]
    )


@get(ENVIRONMENT, opt=needs(Scope.RELEASE))
async def get_environment(
    request: AviatorRequest, project: FromPath[str], environment: FromPath[str]
) -> Response[bytes]:
    """One environment with the freezes that were set for it."""
    return await shown(request, project, environment)


async def shown(request: AviatorRequest, project: str, environment: str) -> Response[bytes]:
    """An environment with its freezes, and whether one of any level is in force now."""
    found = await repositories.looked_up(request.call, project, environment)
    known = await repositories.environments(request.call, found)
    names = {one.id: one.name for one in known}
    freezes = await environment_freezes.listed(request.call, project, environment)
    parent = names.get(found.environment.parent_id or 0)
    number, call = found.environment.id, found.call
    is_frozen = bool((await views.standstills(call, [number], call.now)).get(number))
    hold = (await views.holds(call, [number])).get(number)
    return request.answer(
        present.environment(found.environment, parent, freezes, is_frozen=is_frozen, hold=hold)
    )


@put(FREEZE, opt=needs(Scope.RELEASE_EXECUTE))
async def freeze(
    request: AviatorRequest, project: FromPath[str], environment: FromPath[str]
) -> Response[bytes]:
    """Let no deployment start here, until a time or until it is lifted; replaces earlier ones."""
    body = await request.fields()
    await environment_freezes.put(request.call, project, environment, freeze_in(body))
    return await shown(request, project, environment)


@delete(FREEZE, opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def unfreeze(
    request: AviatorRequest, project: FromPath[str], environment: FromPath[str]
) -> Response[bytes]:
    """Lift the freezes of this environment; what waited starts by itself."""
    await environment_freezes.lift(request.call, project, environment)
    return await shown(request, project, environment)


def freeze_in(body: Any) -> Freeze:
    """The freeze that a body asks for. Raises Problem 400 `Invalid <field>`."""
    minutes = body.get("duration_minutes") or 0
    if not isinstance(minutes, int) or isinstance(minutes, bool) or minutes > LONGEST_MINUTES:
        raise Problem(400, "Invalid duration_minutes")
    kind, running = text_in(body, "kind", "deny"), text_in(body, "running", "continue")
    if kind not in set(FreezeKind):
        raise Problem(400, "Invalid kind")
    if running not in set(OnRunning):
        raise Problem(400, "Invalid running")
    return Freeze(
        id=0,
        kind=FreezeKind(kind),
        reason=text_in(body, "reason"),
        running=OnRunning(running),
        starts_at=time_in(body, "from"),
        ends_at=time_in(body, "until"),
        cron=text_in(body, "cron"),
        duration=timedelta(minutes=minutes),
        time_zone=text_in(body, "time_zone", "UTC"),
    )


ROUTES = [
    create_project,
    list_projects,
    get_project,
    get_next_version,
    create_environment,
    list_environments,
    get_environment,
    freeze,
    unfreeze,
]

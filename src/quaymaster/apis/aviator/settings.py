"""Settings of projects and environments, and what is between two candidates (AVIATOR 7)."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, delete, get, patch
from litestar.params import FromPath

from quaymaster.actions.repositories import changelogs, settings
from quaymaster.actions.repositories.repositories import DEPLOYMENT_METHOD
from quaymaster.actions.repositories.settings import EnvironmentChange
from quaymaster.apis.aviator import methods, present
from quaymaster.apis.aviator.asked import AviatorRequest, flag_in, text_in
from quaymaster.apis.aviator.candidates import version_in
from quaymaster.apis.aviator.errors import Problem
from quaymaster.apis.aviator.policy import needs
from quaymaster.apis.aviator.project_settings import KEYS, settings_in
from quaymaster.apis.aviator.projects import ENVIRONMENT, ENVIRONMENT_FLAGS, ONE, shown
from quaymaster.apis.shared.scopes import Scope


@patch(ONE, opt=needs(Scope.RELEASE_MANAGE))
async def change_project(request: AviatorRequest, project: FromPath[str]) -> Response[bytes]:
    """Change what the body names: where the repository is, how it is signed in to, and so on."""
    body = await request.fields()
    check_known(body, ("name", *KEYS))
    name = text_in(body, "name") if "name" in body else None
    found = await settings.change(request.call, project, settings_in(body), name)
    return request.answer(present.project(found.definition))


@delete(ONE, opt=needs(Scope.RELEASE_MANAGE), status_code=204)
async def delete_project(request: AviatorRequest, project: FromPath[str]) -> None:
    """Delete a project softly; refused while something of it is being deployed."""
    await settings.delete(request.call, project)


@patch(ENVIRONMENT, opt=needs(Scope.RELEASE_MANAGE))
async def change_environment(
    request: AviatorRequest, project: FromPath[str], environment: FromPath[str]
) -> Response[bytes]:
    """Change what the body names; releases cut from then on follow it."""
    body = await request.fields()
    known = ("name", "tier", "parent", DEPLOYMENT_METHOD, *ENVIRONMENT_FLAGS)
    check_known(body, known)
    change = EnvironmentChange(
        name=text_in(body, "name") if "name" in body else None,
        tier=text_in(body, "tier") or None,
        parent=text_in(body, "parent") if "parent" in body else None,
        sets_method=DEPLOYMENT_METHOD in body,
        workflow=methods.method_in(body.get(DEPLOYMENT_METHOD), DEPLOYMENT_METHOD, builds=False),
        **{name: _flag(body, name) for name in ENVIRONMENT_FLAGS},
    )
    found = await settings.change_environment(request.call, project, environment, change)
    return await shown(request, project, found.environment.name)


@get(ONE + "/changelog", opt=needs(Scope.RELEASE))
async def changelog(request: AviatorRequest, project: FromPath[str]) -> Response[bytes]:
    """The commits of the candidate `to` that the candidate `from` does not have, newest first.

    Without `to` those of the default branch, which no candidate may have yet.
    """
    older, newer = request.asked.query.text("from"), request.asked.query.text("to")
    found = await changelogs.between(
        request.call,
        project,
        version_in(older) if older else None,
        version_in(newer) if request.asked.query.has("to") else None,
    )
    shown = [
        {
            "commit": one.id,
            "message": one.message,
            "author": one.author_name,
            "committed_at": present.time(one.at),
        }
        for one in found
    ]
    return request.answer(shown)


@delete(ENVIRONMENT, opt=needs(Scope.RELEASE_MANAGE), status_code=204)
async def delete_environment(
    request: AviatorRequest, project: FromPath[str], environment: FromPath[str]
) -> None:
    """Remove an environment; refused while something is being deployed to it."""
    await settings.delete_environment(request.call, project, environment)


def check_known(body: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in body:
        if name not in known:
            raise Problem(400, f"Invalid {name[:100]}: only {', '.join(known)} can be changed")


def _flag(body: Mapping[str, Any], name: str) -> bool | None:
    return flag_in(body, name) if name in body else None


ROUTES = [change_project, delete_project, change_environment, delete_environment, changelog]

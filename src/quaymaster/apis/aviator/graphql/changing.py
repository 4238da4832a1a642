"""The mutations: the same actions as the REST calls, and the same texts when they are refused."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from quaymaster.actions.candidates import candidates, cherry_picks
from quaymaster.actions.candidates.candidates import Cut
from quaymaster.actions.candidates.cherry_picks import PickRequest
from quaymaster.actions.deployments import environment_freezes
from quaymaster.actions.deployments.rollbacks import requests
from quaymaster.actions.deployments.rollbacks.rolling_back import RollbackRequest
from quaymaster.actions.repositories import repositories, views
from quaymaster.apis.aviator.asked import read_time
from quaymaster.apis.aviator.candidates import version_in
from quaymaster.apis.aviator.deployments import FORCED, reason_in
from quaymaster.apis.aviator.errors import Problem
from quaymaster.apis.aviator.graphql import contents
from quaymaster.apis.aviator.graphql.reading import (
    Info,
    Shown,
    candidate,
    deployment,
    environment,
)
from quaymaster.apis.aviator.words import REPORTED
from quaymaster.apis.shared.scopes import Scope, allows
from quaymaster.domain import release_versions
from quaymaster.domain.errors import Conflict, NotFound
from quaymaster.domain.freezes import Freeze, FreezeKind

INVALID_UNTIL = "Invalid until"


async def cut_release(_: None, info: Info, input: Shown) -> Shown:  # noqa: A002 - the contract's word
    """Create a release candidate."""
    call = _may(info, Scope.RELEASE_EXECUTE)
    await repositories.looked_up(call, input["project"])
    version = version_in(input["releaseCandidateVersion"])
    commit = release_versions.commit(input["commit"])
    if commit is None:
        raise Problem(400, "Invalid commit hash")
    wanted = Cut(version, commit, input["repo"], is_built=bool(input["triggerBuildWorkflow"]))
    try:
        _found, number = await candidates.cut(call, input["project"], wanted)
    except Conflict as taken:
        raise Problem(409, "Release candidate already exists") from taken
    made = await views.candidates(call, [number])
    return {"releaseCandidate": candidate(made[number])}


async def create_deployment(_: None, info: Info, input: Shown) -> Shown:  # noqa: A002 - the contract's word
    """Deploy a candidate."""
    call = _may(info, Scope.RELEASE_EXECUTE)
    project, at = input["project"], input["environment"]
    await repositories.looked_up(call, project, at)
    version = version_in(input["releaseCandidateVersion"])
    bypass = reason_in(input.get("bypassVerification") or "", "bypassVerification")
    made = await candidates.deploy(call, project, at, version, bypass)
    return await _deployment(info, made.id)


async def update_deployment(_: None, info: Info, input: Shown) -> Shown:  # noqa: A002 - the contract's word
    """Tell how a deployment stands that is done outside."""
    call = _may(info, Scope.RELEASE_EXECUTE)
    project, at = input["project"], input["environment"]
    await repositories.looked_up(call, project, at)
    version = version_in(input["releaseCandidateVersion"])
    status = REPORTED[input["status"].lower()]
    told = await candidates.report(call, project, at, version, status)
    return await _deployment(info, told.id)


async def roll_back(_: None, info: Info, input: Shown) -> Shown:  # noqa: A002 - the contract's word
    """Bring an environment back to the candidate that it ran before."""
    call = _may(info, Scope.RELEASE_EXECUTE)
    find = requests.named(call, input["project"], input["environment"])
    asked = RollbackRequest(override=FORCED if input["force"] else "")
    made = await requests.roll_back(call, find, asked)
    return await _deployment(info, made.id)


async def cherry_pick(_: None, info: Info, input: Shown) -> Shown:  # noqa: A002 - the contract's word
    """Put commits or pull requests on releases."""
    call = _may(info, Scope.RELEASE_EXECUTE)
    if any(number < 1 for number in input["pullRequests"] or ()):
        raise Problem(400, "Invalid pull_requests")
    wanted = PickRequest(
        input["version"],
        tuple(input["commits"] or ()),
        tuple(input["pullRequests"] or ()),
        newer=bool(input["newer"]),
        without=tuple(input["without"] or ()),
    )
    made = await cherry_picks.ask(call, input["project"], wanted)
    return {"cherryPicks": [contents.cherry_pick(one) for one in made]}


async def set_freeze(_: None, info: Info, input: Shown) -> Shown:  # noqa: A002 - the contract's word
    """Freeze an environment, or lift its freezes."""
    call = _may(info, Scope.RELEASE_EXECUTE)
    project, at = input["project"], input["environment"]
    if input["frozen"]:
        ends_at = _time(input.get("until"))
        freeze = Freeze(0, FreezeKind.DENY, input.get("reason") or "", ends_at=ends_at)
        await environment_freezes.put(call, project, at, freeze)
    else:
        await environment_freezes.lift(call, project, at)
    found = await repositories.looked_up(call, project, at)
    return {"environment": environment(found.definition.definition_id, found.environment)}


def _may(info: Info, needed: Scope) -> Any:
    """The call, for a token that may be used to change things."""
    call = info.context.call
    if call.caller is None or not allows(call.caller.scopes, needed):
        raise Problem(403, "Forbidden")
    return call


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    at = read_time(text) if isinstance(text, str) else None
    if at is None:
        raise Problem(400, INVALID_UNTIL)
    return at


async def _deployment(info: Info, number: int) -> Shown:
    made = await views.deployments(info.context.call, [number])
    if number not in made:
        raise NotFound("deployment", number)
    return {"deployment": deployment(made[number])}


RESOLVERS: dict[str, Callable[..., Any]] = {
    "cutRelease": cut_release,
    "createDeployment": create_deployment,
    "updateDeployment": update_deployment,
    "rollback": roll_back,
    "setFreeze": set_freeze,
    "cherryPick": cherry_pick,
}

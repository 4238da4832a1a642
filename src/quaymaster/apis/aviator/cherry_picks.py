"""Cherry-picks: commits put on a release, and how a conflict ends (AVIATOR 1, 7)."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, delete, get, post
from litestar.params import FromPath

from quaymaster.actions.candidates import cherry_picks
from quaymaster.actions.candidates.cherry_picks import PickRequest
from quaymaster.apis.aviator import present
from quaymaster.apis.aviator.asked import AviatorRequest, flag_in, number_in, text_in
from quaymaster.apis.aviator.candidates import PATH
from quaymaster.apis.aviator.errors import Problem
from quaymaster.apis.aviator.policy import needs
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain import release_versions

ALL = PATH + "/cherry_picks"
ONE = ALL + "/{number:str}"
MOST_NUMBER = 2**31 - 1


@post(ALL, opt=needs(Scope.RELEASE_EXECUTE))
async def create_cherry_picks(
    request: AviatorRequest, project: FromPath[str], version: FromPath[str]
) -> Response[bytes]:
    """Put commits or pull requests on a release and, if wanted, on every newer one."""
    body = await request.fields()
    wanted = PickRequest(
        version,
        texts_in(body, "commits"),
        numbers_in(body, "pull_requests"),
        newer=flag_in(body, "newer"),
        without=texts_in(body, "without"),
    )
    made = await cherry_picks.ask(request.call, project, wanted)
    return request.answer([present.cherry_pick(one) for one in made], 201)


@get(ALL, opt=needs(Scope.RELEASE))
async def list_cherry_picks(
    request: AviatorRequest, project: FromPath[str], version: FromPath[str]
) -> Response[bytes]:
    """Those of a release, the newest first."""
    found = await cherry_picks.listed(request.call, project, version)
    return request.answer([present.cherry_pick(one) for one in found])


@get(ONE, opt=needs(Scope.RELEASE))
async def get_cherry_pick(
    request: AviatorRequest, project: FromPath[str], version: FromPath[str], number: FromPath[str]
) -> Response[bytes]:
    """One of them."""
    found = await cherry_picks.one(request.call, project, version, number_in(number, "cherry-pick"))
    return request.answer(present.cherry_pick(found))


@post(ONE + "/accept", opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def accept_cherry_pick(
    request: AviatorRequest, project: FromPath[str], version: FromPath[str], number: FromPath[str]
) -> Response[bytes]:
    """Cut the candidate from what somebody made of a conflict."""
    body = await request.fields()
    text = text_in(body, "commit")
    commit = release_versions.commit(text) if text else None
    if text and commit is None:
        raise Problem(400, "Invalid commit hash")
    found = await cherry_picks.accept(
        request.call, project, version, number_in(number, "cherry-pick"), commit
    )
    return request.answer(present.cherry_pick(found))


@delete(ONE, opt=needs(Scope.RELEASE_EXECUTE), status_code=204)
async def give_up_cherry_pick(
    request: AviatorRequest, project: FromPath[str], version: FromPath[str], number: FromPath[str]
) -> None:
    """End one that has not ended, without a candidate."""
    await cherry_picks.give_up(request.call, project, version, number_in(number, "cherry-pick"))


def texts_in(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of texts. Raises Problem 400 `Invalid <name>`."""
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Problem(400, f"Invalid {name}")
    return tuple(value)


def numbers_in(body: Mapping[str, Any], name: str) -> tuple[int, ...]:
    """A list of whole numbers of 1 or more. Raises Problem 400 `Invalid <name>`."""
    value = body.get(name) or []
    if not isinstance(value, list) or not all(
        type(one) is int and 0 < one <= MOST_NUMBER for one in value
    ):
        raise Problem(400, f"Invalid {name}")
    return tuple(value)


ROUTES = [
    create_cherry_picks,
    list_cherry_picks,
    get_cherry_pick,
    accept_cherry_pick,
    give_up_cherry_pick,
]

"""Pull requests of a candidate, and who vouches for them (AVIATOR 1, 7)."""

from litestar import Response, delete, get, put
from litestar.params import FromPath

from quaymaster.actions.repositories import verifications
from quaymaster.apis.aviator import present
from quaymaster.apis.aviator.asked import AviatorRequest, number_in, text_in
from quaymaster.apis.aviator.candidates import PATH, version_in
from quaymaster.apis.aviator.errors import Problem
from quaymaster.apis.aviator.policy import needs
from quaymaster.apis.shared.scopes import Scope

ALL = PATH + "/verifications"
ONE = ALL + "/{number:str}"
LONGEST_COMMENT = 2000


@get(ALL, opt=needs(Scope.RELEASE))
async def list_pull_requests(
    request: AviatorRequest, project: FromPath[str], version: FromPath[str]
) -> Response[bytes]:
    """The pull requests whose commits the release before this candidate's has not."""
    found = await verifications.listed(request.call, project, version_in(version))
    return request.answer([present.pull_request(one) for one in found])


@put(ONE, opt=needs(Scope.RELEASE_EXECUTE))
async def verify(
    request: AviatorRequest, project: FromPath[str], version: FromPath[str], number: FromPath[str]
) -> Response[bytes]:
    """Vouch for one of them."""
    comment = text_in(await request.fields(), "comment")
    if len(comment) > LONGEST_COMMENT:
        raise Problem(400, "Invalid comment")
    read = number_in(number, "pull request")
    await verifications.verify(request.call, project, version_in(version), read, comment)
    return request.answer({"number": read, "verified": True})


@delete(ONE, opt=needs(Scope.RELEASE_EXECUTE), status_code=204)
async def withdraw(
    request: AviatorRequest, project: FromPath[str], version: FromPath[str], number: FromPath[str]
) -> None:
    """Vouch for it no longer."""
    read = number_in(number, "pull request")
    await verifications.withdraw(request.call, project, version_in(version), read)


ROUTES = [list_pull_requests, verify, withdraw]

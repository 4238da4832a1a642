"""What is served past Litestar's routing is answered as Litestar would have answered it."""

import httpx
import pytest

from quaymaster.apis.azure import router
from quaymaster.apis.azure.edge import Edge
from quaymaster.apis.shared.limiting import RequestLimits
from tests.apis.azure.server import BASE, MAX_BODY, Server, elsewhere
from tests.apis.azure.test_releases import three

OF_THE_REQUEST = {"activityid", "x-vss-e2eid", "x-tfs-session"}
LIST = "/default/Default/_apis/Release/Releases"


async def by_litestar(server: Server, path: str, token: str) -> httpx.Response:
    routes = router.application(MAX_BODY)
    app = Edge(elsewhere, routes, lambda: server.installation, RequestLimits())
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await client.get(path, headers=headers)


def said(answer: httpx.Response) -> tuple[int, dict[str, str], object]:
    headers = {key: value for key, value in answer.headers.items() if key not in OF_THE_REQUEST}
    body = answer.json() if "json" in headers["content-type"] else answer.text
    if isinstance(body, dict):
        body.pop("id", None)  # the activity
        headers.pop("content-length")
    return answer.status_code, headers, body


@pytest.mark.parametrize(
    ("path", "scopes", "status"),
    [
        (LIST, ("vso.full",), 200),
        (f"{LIST}?$top=2&api-version=6.0-preview.1", ("vso.release",), 200),
        (f"{LIST}?$top=1&api-version=4.1-preview", ("vso.release",), 200),
        (f"{LIST}?$expand=environments", ("vso.release",), 200),
        (f"{LIST}?definitionId=1&releaseCount=2", ("vso.release",), 200),
        (f"{LIST}?$top=0", ("vso.release",), 400),
        (f"{LIST}?continuationToken=me", ("vso.release",), 400),
        (f"{LIST}?api-version=99.0", ("vso.release",), 400),
        (f"{LIST}?definitionId=99&releaseCount=2", ("vso.release",), 404),
        ("/default/Nowhere/_apis/release/releases", ("vso.full",), 404),
        (LIST, ("vso.build",), 403),
        (LIST, (), 401),
    ],
)
async def test_the_straight_way_answers_as_the_long_one(server: Server, path, scopes, status):
    await three(server)
    token = await server.token_of("admin", *scopes) if scopes else ""
    straight = said(await server.get(path, token=token))
    assert straight == said(await by_litestar(server, path, token))
    assert straight[0] == status

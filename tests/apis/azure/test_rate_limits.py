"""An identity that sends too much is refused in the contract's words (CONTRACT A.7, A.8)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from quaymaster.apis.aviator import router as aviator
from quaymaster.apis.azure import router
from quaymaster.apis.shared.limiting import RequestLimits
from tests.apis.azure.server import BASE, MAX_BODY, Server, elsewhere, serving

LIMIT = 6


def at_rest() -> RequestLimits:
    """Limits for which no time goes by, however long the test takes."""
    return RequestLimits(clock=lambda: 0.0)


@pytest.fixture
async def limited(database: Any, tmp_path: Path) -> Any:
    async with serving(database, tmp_path) as server:
        installation = replace(server.installation, requests_per_minute=LIMIT)
        app = router.edge(elsewhere, lambda: installation, MAX_BODY, at_rest())
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            yield replace(server, installation=installation, client=client)


async def test_beyond_the_limit_the_answer_is_429_and_says_when_to_come_back(
    limited: Server,
) -> None:
    answers = [await limited.project("GET", "releases") for _ in range(LIMIT + 1)]
    assert [one.status_code for one in answers] == [200] * LIMIT + [429]
    assert "x-ratelimit-limit" not in answers[0].headers
    told = answers[LIMIT - 1].headers
    assert (told["x-ratelimit-limit"], told["x-ratelimit-remaining"]) == (str(LIMIT), "0")
    assert float(told["x-ratelimit-delay"]) == 0
    assert "retry-after" not in told
    refused = answers[-1]
    assert refused.json()["typeKey"] == "RequestBlockedException"
    assert 1 <= int(refused.headers["retry-after"]) <= 60 // LIMIT
    assert float(refused.headers["x-ratelimit-delay"]) > 0
    assert refused.headers["x-ratelimit-resource"]
    assert int(refused.headers["x-ratelimit-reset"]) > 1_700_000_000


async def test_others_and_the_handshake_go_on(limited: Server) -> None:
    ann = await limited.user("ann", groups=("Readers",))
    for _ in range(LIMIT + 1):
        last = await limited.project("GET", "releases")
    assert last.status_code == 429
    assert (await limited.project("GET", "releases", token=ann)).status_code == 200
    assert (await limited.ask("OPTIONS", "/default/_apis")).status_code == 200
    assert (await limited.project("GET", "releases", token="nobody")).status_code == 401


async def test_both_dialects_count_together_and_each_refuses_in_its_own_words(
    limited: Server,
) -> None:
    limits = at_rest()
    app: Any = elsewhere
    for api in (router, aviator):
        app = api.edge(app, lambda: limited.installation, MAX_BODY, limits)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        both = replace(limited, client=client)
        for _ in range(LIMIT // 2):
            assert (await both.project("GET", "releases")).status_code == 200
            last = await both.get("/api/releases")
        assert last.status_code == 200
        assert last.headers["x-ratelimit-remaining"] == "0"
        refused = await both.get("/api/releases")
        assert refused.status_code == 429
        assert "QUAYMASTER_REQUESTS_PER_MINUTE" in refused.json()["error"]
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["x-ratelimit-limit"] == str(LIMIT)
        assert (await both.project("GET", "releases")).status_code == 429
        assert (await both.get("/graphql")).status_code == 429
        assert (await both.get("/api/releases", token="")).status_code == 401


async def test_without_a_limit_nothing_is_counted(server: Server) -> None:
    answers = [await server.project("GET", "releases") for _ in range(20)]
    assert {one.status_code for one in answers} == {200}
    assert "x-ratelimit-limit" not in answers[-1].headers

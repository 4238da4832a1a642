"""Who gets in, and what the edge makes of odd requests (R-01, R-03, R-04, A.1, A.7, A.8)."""

import json
import re
from time import monotonic
from uuid import UUID

import pytest
from litestar.handlers import HTTPRouteHandler

from quaymaster.actions.people import people, projects
from quaymaster.apis.azure import policy, router
from quaymaster.apis.shared import remembering
from quaymaster.apis.shared.scopes import Scope
from tests.apis.azure.server import Server
from tests.server.waiting import eventually
from tests.vectors import shared_folder

SWAGGER = shared_folder() / "contract" / "azure" / "swagger"
BADGE = "/public/release/badge/{project_id:str}/{definition_id:str}/{environment_id:str}"
BUILD_BADGE = "/public/build/definitions/{project:str}/{definition_id:str}/badge"
PUBLIC = {("GET", BADGE), ("GET", BADGE + "/{branch:path}"), ("GET", BUILD_BADGE)}
# These look for something else than a person: the token of one job, its ticket for one file, the
# signature of a repository.
OWN_CHECKS = (
    "/distributedtask/hubs/",
    "/distributedtask/securefiles/{secure_file_id:str}",
    "/public/distributedtask/webhooks/",
    "/public/release/receiveexternalevent/",
)


def routes() -> list[tuple[str, str, Scope | None]]:
    """Every route there is: path, method and what it says it needs."""
    found = []
    for route in router.application(1000).routes:
        for handler in getattr(route, "route_handlers", []):
            assert isinstance(handler, HTTPRouteHandler)
            needed = handler.opt.get(policy.KEY)
            found.extend(
                (route.path, method, needed)
                for method in handler.http_methods
                if method != "OPTIONS"
            )
    return found


def filled(path: str) -> str:
    """The path with something in place of each parameter."""
    parts = (
        ("1" if part.endswith(":int}") else "x") if "{" in part else part
        for part in path.split("/")
    )
    return "/".join(parts)


async def test_every_route_says_what_it_needs_and_lets_nobody_in_without_it(server: Server):
    poor = await server.user("poor", "vso.code")
    for path, method, needed in routes():
        assert isinstance(needed, Scope), f"{method} {path} declares no policy"
        address = f"/default/Default/_apis{filled(path)}"
        if needed is Scope.PUBLIC and path.startswith(OWN_CHECKS):
            answer = await server.ask(method, address, token="", json={})
            assert answer.status_code in (401, 404), (path, answer.text)
            continue
        if needed is Scope.PUBLIC:
            assert (method, path) in PUBLIC
            continue
        assert (await server.ask(method, address, token="")).status_code == 401
        if needed is not Scope.ANY:
            assert (await server.ask(method, address, token=poor)).status_code in (403, 404)


async def test_401_has_a_body_and_names_the_ways_in_and_never_redirects(server: Server):
    for path in ("/default/_apis/projects", "/default/_apis/nonsense", "/nowhere/x/_apis/y"):
        for headers in (
            {},
            {"X-TFS-FedAuthRedirect": "Suppress"},
            {"Authorization": "Bearer wrong"},
        ):
            answer = await server.get(path, token="", headers=headers)
            assert answer.status_code == 401
            assert answer.json()["typeKey"] == "UnauthorizedRequestException"
            assert "Basic" in answer.headers["www-authenticate"]
            assert "Bearer" in answer.headers["www-authenticate"]


async def test_a_browser_of_another_site_gets_nowhere_and_a_token_always_works(server: Server):
    """R-48: nothing that a browser adds by itself signs in, and no other site may read answers."""
    path, elsewhere = "/default/_apis/projects", {"Origin": "https://evil.example"}
    for cookie in (f"FedAuth={server.token}", f"UserAuthentication={server.token}"):
        forged = {**elsewhere, "Cookie": cookie}
        assert (await server.get(path, token="", headers=forged)).status_code == 401
        body = {"name": "Forged"}
        made = await server.ask("POST", path, token="", headers=forged, json=body)
        assert made.status_code == 401
    answer = await server.get(path, headers=elsewhere)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


TRICKS = [
    "/default/_apis/projects;x.css",
    "/default/_apis//projects",
    "/default//_apis/projects",
    "/default/_apis/./projects",
    "/default/x/../_apis/projects",
    "/default/_apis/%2e%2e/_apis/projects",
    "/default/_apis/projects%00",
    "/default/_apis/projects.",
    "/default/_apis/projects%2f",
    "/default/_apis/projects%c0%ae",
    "/default/%5fapis/projects",
    "/default/_apis/%70rojects",
    "/DEFAULT/_APIS/PROJECTS/",
]


@pytest.mark.parametrize("path", TRICKS)
async def test_tricks_with_the_path_never_get_more_than_the_plain_path(server: Server, path):
    without = await server.get(path, token="")
    assert without.status_code in (400, 401, 404, 299)
    if without.status_code == 299:
        assert "_apis" not in path.casefold()
    header = {"X-Original-URL": "/health/live", "X-Rewrite-URL": "/health/live"}
    assert (await server.get(path, token="", headers=header)).status_code == without.status_code
    poor = await server.user("poor", "vso.code")
    assert (await server.get(path, token=poor)).status_code in (400, 403, 404)
    held = await server.get(path)
    assert held.status_code in (200, 400, 404)
    if held.status_code == 200:
        assert held.json()["value"][0]["name"] == "Default"


async def test_other_paths_go_to_the_rest_of_the_product(server: Server):
    for path in ("/", "/health/live", "/default/Default/_release", "/apis"):
        assert (await server.get(path, token="")).status_code == 299


async def test_an_unknown_route_answers_in_plain_text(server: Server):
    answer = await server.get("/default/_apis/nonsense/here")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "IController" in answer.text
    assert "IController" in answer.headers["x-tfs-serviceerror"]


async def test_a_thing_that_is_not_there_answers_in_json_on_every_route(server: Server):
    for method, path in (
        ("PATCH", "release/folders/Nowhere"),
        ("PATCH", "release/gates/1"),
        ("GET", "release/releases/1/manualinterventions/1"),
        ("GET", "resourceareas/none"),
        ("GET", "distributedtask/queues/99"),
    ):
        body = {"gatesToIgnore": ["x"]} if method == "PATCH" else None
        answer = await server.ask(method, f"/default/Default/_apis/{path}", json=body)
        assert (answer.status_code, "message" in answer.json()) == (404, True), path


async def test_a_published_operation_that_is_not_served_says_so(server: Server):
    answer = await server.get("/default/Default/_apis/Release/ContinuousDeployment")
    assert answer.status_code == 501
    assert answer.json()["typeKey"] == "NotImplementedException"


def published_methods() -> set[tuple[str, str]]:
    """Method and path after `_apis/`, placeholders as `1`, of each operation in the swaggers."""
    found = set()
    for document in SWAGGER.glob("*/*/*.json"):
        described = json.loads(document.read_text("utf-8-sig"))
        paths = [*described.get("paths", {}).items(), *described.get("x-ms-paths", {}).items()]
        for path, methods in paths:
            tail = re.sub(r"\{\w+\}", "1", path.partition("/_apis/")[2].partition("?")[0])
            found |= {
                (method.upper(), tail.lower()) for method in methods if method != "parameters"
            }
    return found


@pytest.mark.skipif(not SWAGGER.exists(), reason=f"there is no {SWAGGER}")
def test_405_is_only_for_methods_that_the_contract_does_not_have():
    served: dict[str, set[str]] = {}
    for route in router.application(1000).routes:
        pattern = re.sub(r"\{[^}]*\}", "[^/]+", route.path.strip("/"))
        served.setdefault(pattern, set()).update(getattr(route, "methods", ()))
    wrong = set()
    for method, tail in published_methods():
        here = [methods for pattern, methods in served.items() if re.fullmatch(pattern, tail)]
        if here and not any(method in methods for methods in here):
            wrong.add((method, tail))
    assert len(published_methods()) > 100
    assert wrong == set()


async def test_the_wrong_method_is_405_and_only_post_may_stand_for_another(server: Server):
    answer = await server.ask("DELETE", "/default/_apis/projects")
    assert answer.status_code == 405
    assert answer.json()["message"] == (
        "The requested resource does not support http method 'DELETE'."
    )
    patch = {"X-HTTP-Method-Override": "PATCH"}
    assert (await server.get("/default/_apis/projects", headers=patch)).status_code == 200
    overridden = await server.ask("POST", "/default/_apis/projects", headers=patch)
    assert "'PATCH'" in overridden.json()["message"]
    get = await server.ask(
        "POST", "/default/_apis/projects", headers={"X-HTTP-Method-Override": "GET"}
    )
    assert get.status_code == 400


async def test_errors_have_the_published_body_under_both_spellings_of_the_id(server: Server):
    answer = await server.get("/default/Nowhere/_apis/release/definitions/1")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    body = answer.json()
    assert body["$id"] == "1"
    assert UUID(body["id"])
    assert body["innerException"] is None
    assert body["typeName"].split(",")[0].endswith(body["typeKey"])
    assert (body["errorCode"], body["eventId"]) == (0, 3000)


async def test_every_answer_carries_the_published_headers(server: Server):
    session = "7f0f3a4e-8c1b-4f5b-9a58-1d0c7d1d6b1e"
    answer = await server.get("/default/_apis/projects", headers={"X-TFS-Session": session})
    assert answer.headers["x-tfs-session"] == session
    assert answer.headers["activityid"] == answer.headers["x-vss-e2eid"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-vss-userdata"].endswith(":admin")
    other = await server.get("/default/_apis/projects", headers={"X-TFS-Session": "<script>"})
    assert UUID(other.headers["x-tfs-session"])
    assert other.headers["activityid"] != answer.headers["activityid"]
    refused = await server.get("/default/_apis/projects", token="")
    assert UUID(refused.headers["activityid"])
    assert "x-vss-userdata" not in refused.headers


async def test_a_version_out_of_range_is_refused_and_any_other_is_repeated(server: Server):
    refused = await server.get("/default/_apis/projects?api-version=9.0")
    assert refused.status_code == 400
    assert refused.json()["typeKey"] == "VssVersionOutOfRangeException"
    assert "api-version" not in refused.headers["content-type"]
    for version in ("5.0", "7.2-preview.4", "2.2-preview.1"):
        answer = await server.get(f"/default/_apis/projects?API-VERSION={version}")
        assert answer.headers["content-type"] == (
            f"application/json; charset=utf-8; api-version={version}"
        )


async def test_a_token_dies_within_seconds_of_being_revoked(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    """R-06: what is remembered of a token is forgotten sooner than five seconds after."""
    token = await server.user("leaver", groups=("Readers",))
    path = "/default/_apis/projects"
    assert (await server.get(path, token=token)).status_code == 200
    async with server.database.transaction() as connection:
        await connection.execute(
            "UPDATE tokens SET revoked_at = now() WHERE identity_id ="
            " (SELECT id FROM identities WHERE unique_name = 'leaver')"
        )
    five_seconds_later = monotonic() + 5
    monkeypatch.setattr(remembering, "monotonic", lambda: five_seconds_later)
    assert (await server.get(path, token=token)).status_code == 401


async def test_another_organization_looks_like_none_at_all(server: Server):
    async with server.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO organizations (name, name_key) VALUES ('other', 'other')"
        )
    there = await server.get("/other/_apis/projects")
    nowhere = await server.get("/nowhere/_apis/projects")
    assert there.status_code == nowhere.status_code == 404
    assert {**there.json(), "id": ""} == {**nowhere.json(), "id": ""}


async def test_a_project_without_any_right_looks_like_none_at_all(server: Server):
    await projects.create(server.database, "Secret")
    token = await server.user("reader", groups=("Readers",))
    hidden = await server.get("/default/Secret/_apis/release/definitions", token=token)
    missing = await server.get("/default/Nowhere/_apis/release/definitions", token=token)
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json()["message"].replace("Secret", "Nowhere") == missing.json()["message"]
    listed = (await server.get("/default/_apis/projects", token=token)).json()
    assert [project["name"] for project in listed["value"]] == ["Default"]


async def test_a_request_does_not_wait_until_the_use_of_its_token_is_written(server: Server):
    poor = await server.user("poor", "vso.code")

    async def used() -> bool:
        [token] = await people.tokens_of(server.database, "poor")
        return token.last_used_at is not None

    async with server.database.transaction() as connection:
        await connection.execute("LOCK TABLE tokens IN EXCLUSIVE MODE")
        assert await server.me(poor)
        assert not await used()
    await eventually(used, "the use to be written")

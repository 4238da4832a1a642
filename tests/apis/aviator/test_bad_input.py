"""What is wrong with a request, in the words of this contract; nothing is changed by it."""

from urllib.parse import quote

import pytest

from tests.apis.aviator.server import COMMIT, REPOSITORY, Aviator

INVALID_VERSION = "Invalid release candidate version"
GOOD = {"release_candidate_version": "1.0-rc1"}


def said(status: int, text: str) -> tuple[int, dict[str, str]]:
    return status, {"error": text}


async def test_names_are_case_sensitive(aviator: Aviator):
    answer = await aviator.ask("GET", "/Shop/environments/production/deployments")
    assert (answer.status_code, answer.json()) == said(404, "Release project not found")
    answer = await aviator.in_project("GET", "/environments/Production/deployments")
    assert (answer.status_code, answer.json()) == said(404, "Release environment not found")


@pytest.mark.parametrize(
    "name",
    ["shop%2fx", "sh%C3%B6p", "%D1%95hop", "shop%20", "..%2f", "shop%00", "%ff", "a" * 5000],
)
async def test_names_that_are_none_are_not_found_or_refused(aviator: Aviator, name: str):
    for path in (f"/{name}", f"/{name}/environments/production/deployments"):
        answer = await aviator.ask("GET", path)
        assert answer.status_code in (400, 404), answer.text
        assert set(answer.json()) == {"error"}


TWINS = [
    "pr\u043eduction",
    "production\u200b",
    "\uff50roduction",
    "prod/uction",
    "%2f",
    "..",
    "x" * 10_000,
]


async def test_nothing_is_found_under_the_twin_of_a_name(aviator: Aviator):
    """Letters that look alike, slashes that are encoded, and names without end: all of the path."""
    await aviator.cut("1.0-rc1")
    for name in TWINS:
        path = f"/environments/{quote(name, safe='')}"
        for method, below, body in (
            ("POST", "/deployments", GOOD),
            ("PATCH", "/deployments", {**GOOD, "status": "success"}),
            ("GET", "/deployments", None),
            ("POST", "/rollback", {"force": True}),
        ):
            answer = await aviator.in_project(method, path + below, json=body)
            assert answer.status_code in (400, 404), (name, answer.text)
            assert set(answer.json()) == {"error"}
    for version in (
        "1.0\uff0drc1",
        "1.0-rc\u0661",
        "1.\u03bf-rc1",
        "1.0-rc1\u200b",
        "1.0/-rc1",
        " 1.0-rc1",
    ):
        body = {"release_candidate_version": version}
        answer = await aviator.here("POST", "/deployments", json=body)
        assert (answer.status_code, answer.json()) == said(400, INVALID_VERSION)
        assert (await aviator.cut(version)).status_code == 400
    assert await aviator.listed() == []


@pytest.mark.parametrize(
    "name", ["", "a/b", "a\\b", "shöp", "sh\u043ep", "a\u0000", " a", "x" * 300, 7, None]
)
async def test_projects_have_plain_names(empty: Aviator, name: object):
    answer = await empty.ask("POST", json={"name": name, "repository": REPOSITORY})
    assert answer.status_code == 400
    assert (await empty.ask("GET")).json() == []


async def test_a_name_with_spaces_can_be_asked_for(empty: Aviator):
    answer = await empty.ask("POST", json={"name": "web shop", "repository": REPOSITORY})
    assert answer.status_code == 201
    assert (await empty.ask("GET", "/web%20shop")).json()["name"] == "web shop"
    twice = await empty.ask("POST", json={"name": "Web Shop", "repository": REPOSITORY})
    assert twice.status_code == 409


@pytest.mark.parametrize("name", ["a b", "a/b", "", "ä", "x" * 300, ["a"]])
async def test_environments_have_plain_names(aviator: Aviator, name: object):
    answer = await aviator.in_project("POST", "/environments", json={"name": name})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        *(b"{", b"[]", b"1", b"{a: 1}", b'"x"', b"\xff", b"[" * 5000),
        b'{"force": false, "force": true}',
    ],
)
async def test_a_body_that_is_no_json_object(aviator: Aviator, body: bytes):
    kind = {"Content-Type": "application/json"}
    for method, path in (
        ("POST", "/deployments"),
        ("PATCH", "/deployments"),
        ("POST", "/rollback"),
    ):
        answer = await aviator.here(method, path, content=body, headers=kind)
        assert (answer.status_code, answer.json()) == said(400, "Invalid JSON")


async def test_a_body_of_another_kind(aviator: Aviator):
    answer = await aviator.here("POST", "/rollback", data={"force": "true"})
    assert (answer.status_code, answer.json()) == said(415, "Unsupported content type")


async def test_json_comes_before_names_and_names_before_versions(aviator: Aviator):
    path = "/none/environments/none/deployments"
    kind = {"Content-Type": "application/json"}
    answer = await aviator.ask("POST", path, content=b"{", headers=kind)
    assert answer.json() == {"error": "Invalid JSON"}
    answer = await aviator.ask("POST", path, json={})
    assert answer.json() == {"error": "Release project not found"}
    answer = await aviator.in_project("POST", "/environments/none/deployments", json={})
    assert answer.json() == {"error": "Release environment not found"}
    answer = await aviator.here("POST", "/deployments", json={})
    assert answer.json() == {"error": "Invalid release candidate version"}
    answer = await aviator.here("PATCH", "/deployments", json={**GOOD, "status": "done"})
    assert (answer.status_code, answer.json()) == said(404, "Release not found")


@pytest.mark.parametrize("version", ["1" * 10_000 + "-rc1", "1.0-rc9999999999", 7, None, ["1-rc1"]])
async def test_versions_that_are_none(aviator: Aviator, version: object):
    body = {"release_candidate_version": version}
    answer = await aviator.here("POST", "/deployments", json=body)
    assert (answer.status_code, answer.json()) == said(400, "Invalid release candidate version")


async def test_a_version_beyond_reason_in_the_path(aviator: Aviator):
    answer = await aviator.cut("1" * 10_000 + "-rc1")
    assert answer.status_code == 400


@pytest.mark.parametrize("status", ["SUCCESS", "Success", " success", "", None, 3, ["success"]])
async def test_unknown_statuses(aviator: Aviator, status: object):
    await aviator.cut("1.0-rc1")
    answer = await aviator.here("PATCH", "/deployments", json={**GOOD, "status": status})
    assert (answer.status_code, answer.json()) == said(400, "Invalid deployment status")
    assert await aviator.listed() == []


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"commit": "xyz"}, 400, "Invalid commit hash"),
        ({"commit": None}, 400, "Invalid commit hash"),
        ({"commit": "a" * 41}, 400, "Invalid commit hash"),
        ({"repo": "acme/other"}, 404, "GitHub repository not found"),
        ({"repo": "ACME/shop"}, 404, "GitHub repository not found"),
        ({"repo": 5}, 404, "GitHub repository not found"),
        ({"trigger_build_workflow": "yes"}, 400, "Invalid trigger_build_workflow"),
        ({"trigger_build_workflow": True}, 400, "Build workflow is not configured"),
    ],
)
async def test_candidates_that_cannot_be_cut(aviator: Aviator, body, status, text):
    answer = await aviator.cut("1.0-rc1", **body)
    assert (answer.status_code, answer.json()) == said(status, text)
    assert (await aviator.deploy("1.0-rc1")).json() == {"error": "Release not found"}


async def test_a_candidate_is_cut_once(aviator: Aviator):
    assert (await aviator.cut("1.0-rc1", commit=COMMIT.upper())).json()["commit"] == COMMIT
    answer = await aviator.cut("1.0-rc1")
    assert (answer.status_code, answer.json()) == said(409, "Release candidate already exists")


@pytest.mark.parametrize("force", ["true", 1, None, {}])
async def test_force_is_true_or_false(aviator: Aviator, force: object):
    answer = await aviator.roll_back(force=force)
    assert (answer.status_code, answer.json()) == said(400, "Invalid force")


async def test_a_rollback_needs_no_body(aviator: Aviator):
    await aviator.history([("1.0-rc1", "success"), ("1.1-rc1", "success")])
    assert (await aviator.here("POST", "/rollback")).status_code == 201


@pytest.mark.parametrize("name", ["page", "per_page"])
@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", "", "1" * 40, "٣"])
async def test_pages_are_whole_numbers(aviator: Aviator, name: str, value: str):
    answer = await aviator.here("GET", "/deployments", params={name: value})
    assert (answer.status_code, answer.json()) == said(400, f"Invalid {name}")


async def test_pages(aviator: Aviator):
    await aviator.history([(f"1.{number}-rc1", "success") for number in range(5)])
    first = await aviator.here("GET", "/deployments", params={"per_page": 2})
    assert [one["release_version"] for one in first.json()] == ["1.4", "1.3"]
    assert 'page=2&per_page=2>; rel="next"' in first.headers["link"]
    assert "prev" not in first.headers["link"]
    last = await aviator.here("GET", "/deployments", params={"per_page": 2, "page": 3})
    assert [one["release_version"] for one in last.json()] == ["1.0"]
    assert 'page=2&per_page=2>; rel="prev"' in last.headers["link"]
    assert await aviator.listed(page=9) == []
    assert len(await aviator.listed(per_page=1000)) == 5


async def test_who_may(aviator: Aviator):
    await aviator.cut("1.0-rc1")
    path = "/shop/environments/production/deployments"
    for token in ("", "nonsense"):
        answer = await aviator.ask("GET", path, token=token)
        assert (answer.status_code, answer.json()) == said(401, "Unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
    reader = await aviator.azure.user("rita", "vso.full", groups=("Readers",))
    assert (await aviator.ask("GET", path, token=reader)).status_code == 200
    answer = await aviator.ask("POST", path, token=reader, json=GOOD)
    assert (answer.status_code, answer.json()) == said(403, "Forbidden")
    narrow = await aviator.azure.user("nora", "vso.release", groups=("Project Administrators",))
    answer = await aviator.ask("POST", path, token=narrow, json=GOOD)
    assert (answer.status_code, answer.json()) == said(403, "Forbidden")
    stranger = await aviator.azure.user("sven", "vso.full")
    answer = await aviator.ask("GET", path, token=stranger)
    assert (answer.status_code, answer.json()) == said(404, "Release project not found")


async def test_force_needs_a_permission_of_its_own(aviator: Aviator):
    await aviator.history([("1.0-rc1", "success"), ("1.1-rc1", "success")])
    await aviator.here("PUT", "/freeze", json={"reason": "Closing the books"})
    token = await aviator.azure.user("carl", "vso.full", groups=("Contributors",))
    path = "/shop/environments/production/rollback"
    answer = await aviator.ask("POST", path, token=token, json={"force": True})
    assert (answer.status_code, answer.json()) == said(403, "Forbidden")
    assert len(await aviator.listed()) == 2


async def test_routes_and_methods_that_are_not_served(aviator: Aviator):
    answer = await aviator.here("PUT", "/deployments", json={})
    assert (answer.status_code, answer.json()) == said(405, "Method not allowed")
    answer = await aviator.here("GET", "/nonsense")
    assert (answer.status_code, answer.json()) == said(404, "Not found")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"reason": ""},
        {"reason": "x", "until": "soon"},
        {"reason": "x", "until": "2026-01-01T00:00:00"},
        {"reason": "x", "cron": "0 18 * * 5"},
        {"reason": "x", "cron": "nonsense", "duration_minutes": 10},
        {"reason": "x", "cron": "0 0 31 2 *", "duration_minutes": 10},
        {"reason": "x", "time_zone": "Mars/Olympus"},
        {"reason": "x", "kind": "maybe"},
        {"reason": "x", "running": "explode"},
        {"reason": "x", "duration_minutes": "long"},
    ],
)
async def test_freezes_that_make_no_sense(aviator: Aviator, body):
    answer = await aviator.here("PUT", "/freeze", json=body)
    assert answer.status_code == 400
    assert (await aviator.here("GET", "")).json()["frozen"] is False

"""Bad requests get the documented body and one sentence, and change nothing (R-04, R-05, R-41)."""

from typing import Any

from quaymaster.actions.people import projects
from tests.apis.azure.server import MAX_BODY, Server
from tests.documents import asks, definition, stage

# But for when a token was used last, which is noted beside the requests.
TABLES = """
SELECT string_agg(format('SELECT %L || md5(coalesce(string_agg(row, chr(10) ORDER BY row), %L)) FROM
  (SELECT (to_jsonb(t) - %L)::text AS row FROM %I t) rows', relname, '', 'last_used_at', relname),
  ' UNION ALL ' ORDER BY relname)
FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


async def everything(server: Server) -> list[str]:
    """What stands in the database, table by table."""
    async with server.database.read() as connection:
        statement = await connection.fetchval(TABLES)
        return [row[0] for row in await connection.fetch(statement)]


async def refused(server: Server, method: str, path: str, **more: Any) -> str:
    """The message of a request that must be refused in the documented way."""
    answer = await server.project(method, path, **more)
    assert 400 <= answer.status_code < 500, f"{method} {path}: {answer.status_code} {answer.text}"
    body = answer.json()
    assert {"$id", "id", "message", "typeKey", "typeName", "errorCode", "eventId"} <= set(body)
    assert body["message"].strip()
    assert "Traceback" not in body["message"]
    return str(body["message"])


BODIES: list[bytes] = [
    b"{",
    b"[]",
    b'"text"',
    b"null",
    b"",
    b"{'a':}",
    b"[" * 5000,
    b'{"a":' * 5000,
    b'{"status": NaN}',
    b'{"id": 1e999}',
    b'{"name": "a", "name": "b"}',
    b'{"name": "\\ud800"}',
    b'{"name": "a\\u0000b", "environments": []}',
    b"\xff\xfe{}",
    b'{"status": {"a": 1}, "definitionId": [], "environments": 5, "approver": 7}',
    b'{"status": "nonsense", "definitionId": "x", "environments": [1, null, "x"]}',
    b'{"status": true, "definitionId": true, "revision": "x", "environments": {}}',
    b'{"status": 4096, "definitionId": 99999999999999999999}',
    b'{"definitionId": -1, "status": -1}',
]


async def test_bodies_that_make_no_sense_change_nothing(server: Server):
    made = await server.made(
        "definitions", definition("Web", stage("Dev", preDeployApprovals=asks(await server.me())))
    )
    release = await server.made("releases", {"definitionId": made["id"]})
    dev = release["environments"][0]["id"]
    writes = [
        ("POST", "definitions"),
        ("PUT", "definitions"),
        ("PUT", f"definitions/{made['id']}"),
        ("POST", "releases"),
        ("PATCH", f"releases/{release['id']}"),
        ("PATCH", f"releases/{release['id']}/environments/{dev}"),
        ("PATCH", "approvals/1"),
        ("PATCH", "approvals"),
    ]
    before = await everything(server)
    harmless = {
        ("PATCH", "approvals", b"[]"),
        ("PATCH", "approvals", b"null"),
        ("PATCH", "approvals", b""),
    }
    for method, path in writes:
        for body in BODIES:
            if (method, path, body) in harmless:
                continue
            await refused(server, method, path, content=body)
    assert await everything(server) == before


async def test_a_body_over_the_limit_is_refused_unread(server: Server):
    before = await everything(server)
    large = b'{"name": "' + b"x" * MAX_BODY + b'"}'
    answer = await server.project("POST", "definitions", content=large)
    assert answer.status_code == 413
    assert "QUAYMASTER_MAX_BODY_BYTES" in answer.json()["message"]

    async def pieces() -> Any:
        for _ in range(MAX_BODY // 1000 + 2):
            yield b"x" * 1000

    assert (await server.project("POST", "releases", content=pieces())).status_code == 413
    assert await everything(server) == before


async def test_bodies_of_another_kind_are_415_and_none_at_all_is_fine(server: Server):
    for kind in ("text/xml", "application/x-www-form-urlencoded", "multipart/form-data"):
        headers = {"Content-Type": kind}
        answer = await server.project("POST", "definitions", content=b"{}", headers=headers)
        assert answer.status_code == 415
        assert f'"{kind}"' in answer.json()["message"]
    zipped = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = await server.project("POST", "definitions", content=b"{}", headers=zipped)
    assert answer.status_code == 415
    with_kind_only = {"Content-Type": "application/json; charset=utf-8"}
    assert (await server.project("GET", "releases", headers=with_kind_only)).status_code == 200


async def test_unknown_ids_and_senseless_ones_are_4xx(server: Server):
    before = await everything(server)
    for number in ("999", "0", "-1", "x", "1.5", "9" * 12, "9" * 40, "1%2F2", "%201", "%00", "1_0"):
        for method, path in [
            ("GET", f"definitions/{number}"),
            ("GET", f"definitions/{number}/revisions"),
            ("GET", f"definitions/1/revisions/{number}"),
            ("DELETE", f"definitions/{number}"),
            ("GET", f"releases/{number}"),
            ("GET", f"releases/{number}/logs"),
            ("GET", f"releases/{number}/environments/1"),
            ("GET", f"releases/1/environments/{number}"),
            ("GET", f"approvals/{number}"),
        ]:
            answer = await server.project(method, path)
            assert answer.status_code in (400, 404), (method, path, answer.text)
        for parameter in ("definitionId", "continuationToken", "$top", "definitionEnvironmentId"):
            answer = await server.project("GET", f"releases?{parameter}={number}")
            assert answer.status_code in (200, 400), (parameter, number, answer.text)
    assert await everything(server) == before


async def test_definitions_that_nearly_say_something_are_kept_in_order_or_refused(server: Server):
    web = definition("Web", stage("Dev"))
    made = await server.made("definitions", {**web, "tags": "a, b", "path": "A/B"})
    assert (made["tags"], made["path"]) == (["a", "b"], "\\A\\B")
    for body, said in [
        ({**web, "name": "Web ", "path": "\\A\\B"}, "already exists"),
        ({**web, "path": "\\A\\..\\C"}, "$.path"),
        ({**web, "source": 99}, "$.source"),
    ]:
        assert said in await refused(server, "POST", "definitions", json=body), body


async def test_values_that_mean_nothing_are_refused_by_their_name(server: Server):
    made = await server.made("definitions", definition("Web", stage("Dev")))
    release = await server.made("releases", {"definitionId": made["id"], "isDraft": True})
    path = f"releases/{release['id']}"
    dev = release["environments"][0]["id"]
    before = await everything(server)
    for query, name in [
        (f"{path}?$topGateRecords=abc", "$topGateRecords"),
        (f"{path}?$topGateRecords=0", "$topGateRecords"),
        (f"{path}?$expand=garbage", "$expand"),
        (f"{path}/environments/{dev}?$expand=garbage", "$expand"),
        ("../projects?stateFilter=zz", "stateFilter"),
    ]:
        assert name in await refused(server, "GET", query), query
    for method, body, said in [
        ("PATCH", {"manualEnvironments": ["Nowhere"]}, "Nowhere"),
        ("PATCH", {"status": "zz"}, "a value of status."),
        ("PATCH", {"status": "draft"}, "draft"),
        ("PUT", {**release, "id": release["id"] + 1}, "names the release"),
    ]:
        assert said in await refused(server, method, path, json=body), body
    start = {"definitionId": made["id"], "createdFor": "Nobody Known"}
    assert "Nobody Known" in await refused(server, "POST", "releases", json=start)
    stage_path = f"{path}/environments/{dev}"
    later = {"status": "scheduled"}
    assert "VS402964" in await refused(server, "PATCH", stage_path, json=later)
    assert await everything(server) == before
    await server.project("PATCH", path, json={"status": "active"})
    again = await refused(server, "PATCH", stage_path, json={"status": "inProgress"})
    assert again.startswith("VS402964: ")
    for query in (f"{path}?$expand=tasks", f"{path}?$expand=1", "../projects?stateFilter=-1"):
        assert (await server.project("GET", query)).status_code == 200, query
    assert (await server.seen("../projects?stateFilter=deleted"))["count"] == 0


async def test_names_that_nobody_can_see_are_refused(server: Server):
    before = await everything(server)
    for name in ("", "   ", "a\nb", "a\x1bb", "x" * 5000):
        await refused(server, "POST", "definitions", json=definition(name, stage("Dev")))
        await refused(server, "POST", "definitions", json=definition("Web", stage(name)))
    assert await everything(server) == before


async def test_what_the_caller_may_not_do_is_refused_with_a_sentence(server: Server):
    reader = await server.user("reader", groups=("Readers",))
    narrow = await server.token_of("admin", "vso.release")
    made = await server.made(
        "definitions", definition("Web", stage("Dev", preDeployApprovals=asks(await server.me())))
    )
    release = await server.made("releases", {"definitionId": made["id"]})
    dev = release["environments"][0]["id"]
    writes: list[tuple[str, str, Any]] = [
        ("POST", "definitions", definition("Other", stage("Dev"))),
        ("PUT", "definitions", {**made, "description": "mine"}),
        ("PUT", f"definitions/{made['id']}", {**made, "description": "mine"}),
        ("DELETE", f"definitions/{made['id']}?forceDelete=true", None),
        ("POST", "releases", {"definitionId": made["id"]}),
        ("PATCH", f"releases/{release['id']}", {"keepForever": True}),
        ("PUT", f"releases/{release['id']}", {"description": "mine"}),
        ("PATCH", f"releases/{release['id']}/environments/{dev}", {"status": "canceled"}),
    ]
    before = await everything(server)
    for token in (reader, narrow):
        for method, path, body in writes:
            answer = await server.project(method, path, json=body, token=token)
            assert answer.status_code == 403, (method, path, answer.text)
            assert answer.json()["message"].startswith("VS402904")
        assert (await server.seen(f"releases/{release['id']}", token=token))["name"] == "Release-1"
    assert await everything(server) == before


async def test_ids_of_another_project_do_not_exist_here(server: Server):
    await projects.create(server.database, "Other")
    made = await server.made("definitions", definition("Web", stage("Dev")))
    release = await server.made("releases", {"definitionId": made["id"]})
    dev = release["environments"][0]["id"]
    number = release["id"]
    before = await everything(server)
    for method, path, body in [
        ("GET", f"definitions/{made['id']}", None),
        ("PUT", "definitions", made),
        ("DELETE", f"definitions/{made['id']}", None),
        ("GET", f"definitions/{made['id']}/revisions/1", None),
        ("POST", "releases", {"definitionId": made["id"]}),
        ("GET", f"releases/{number}", None),
        ("PATCH", f"releases/{number}", {"keepForever": True}),
        ("GET", f"releases/{number}/environments/{dev}", None),
        ("PATCH", f"releases/{number}/environments/{dev}", {"status": "canceled"}),
        ("GET", f"releases/{number}/logs", None),
    ]:
        here = await server.ask(method, f"/default/Other/_apis/release/{path}", json=body)
        nowhere = path.replace(f"/{number}", "/777").replace(
            f"definitions/{made['id']}", "definitions/777"
        )
        assert here.status_code == 404, (method, path, here.text)
        missing = await server.ask(method, f"/default/Other/_apis/release/{nowhere}", json=body)
        assert missing.json()["typeKey"] == here.json()["typeKey"]
    for path in ("definitions", "releases", "deployments", "approvals"):
        listed = await server.get(f"/default/Other/_apis/release/{path}")
        assert listed.json()["count"] == 0
    assert await everything(server) == before

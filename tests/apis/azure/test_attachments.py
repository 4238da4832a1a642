"""Tasks of a deployment and the files that they attached, over the wire (CONTRACT B 23-26, B.4)."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from quaymaster.store.releases import retention
from tests.apis.azure.server import Server
from tests.documents import definition, stage

FREE = {"concurrencyCount": 0, "queueDepthCount": 0}
ADD = """
INSERT INTO attachments (task_run_id, release_id, type, name, byte_count, object_key, created_at,
  modified_at) VALUES ($1, $2, 'report', 'one ü.md', 4, $3, $4, $4)
"""
STEP = """
INSERT INTO task_runs (job_id, release_id, rank, kind, name, details, outputs)
SELECT id, release_id, 1, 'task', 'Say', $2, $3 FROM jobs WHERE release_id = $1
RETURNING id, job_id, instance_id::text AS record
"""
DETAIL = (
    '[{"id":"3a3a2a60-14c7-570b-14a4-fa42ad92f52a","fields":{"name":"part","state":"Completed"}}]'
)
OUTPUTS = '[{"name":"a.url","value":"x"},{"name":"a.key","is_secret":true}]'


async def attached(server: Server) -> tuple[dict[str, Any], str, str]:
    """A release under way with a step that has attached a file; where its attempt is; the plan."""
    made = await server.made("definitions", definition("Web", stage("Dev", executionPolicy=FREE)))
    release = await server.made("releases", {"definitionId": made["id"]})
    key = f"attachments/{uuid4().hex}"
    await server.installation.files.put(key, b"fine")
    async with server.database.transaction() as connection:
        row = await connection.fetchrow(STEP, release["id"], DETAIL, OUTPUTS)
        assert row is not None
        await connection.execute(ADD, row["id"], release["id"], key, datetime.now(UTC))
    dev = (await server.seen(f"releases/{release['id']}"))["environments"][0]
    plan = dev["deploySteps"][0]["releaseDeployPhases"][0]["runPlanId"]
    return dev, f"releases/{release['id']}/environments/{dev['id']}/attempts/1", plan


async def test_a_file_is_found_by_its_type_and_read_as_bytes(server: Server) -> None:
    _, attempt, plan = await attached(server)
    (file,) = (await server.seen(f"{attempt}/plan/{plan}/attachments/Report"))["value"]
    older = await server.seen(f"{attempt}/timelines/{plan}/attachments/report")
    assert older["value"] == [file]
    assert (file["type"], file["name"], file["timelineId"]) == ("report", "one ü.md", plan)
    assert (await server.seen(f"{attempt}/plan/{plan}/attachments/other"))["value"] == []
    answer = await server.get(file["_links"]["self"]["href"])
    assert (answer.status_code, answer.content) == (200, b"fine")
    assert answer.headers["content-type"].startswith("application/octet-stream")
    assert answer.headers["content-disposition"].startswith("attachment;")
    one = f"records/{file['recordId']}/attachments/report/one%20%C3%BC.md"
    again = await server.project("GET", f"{attempt}/timelines/{plan}/{one}")
    assert again.content == b"fine"


async def test_what_is_not_there_or_not_theirs_is_not_found(server: Server) -> None:
    _, attempt, plan = await attached(server)
    record = str(uuid4())
    for path, status in {
        f"{attempt}/plan/{uuid4()}/attachments/report": 404,
        f"{attempt}/plan/no-guid/attachments/report": 400,
        f"{attempt[:-1]}2/plan/{plan}/attachments/report": 404,
        f"{attempt[:-1]}x/plan/{plan}/attachments/report": 400,
        f"{attempt}/plan/{plan}/timelines/{uuid4()}/records/{record}/attachments/a/b": 404,
        f"{attempt}/plan/{plan}/timelines/{plan}/records/{record}/attachments/report/x": 404,
        f"{attempt}/timelines/{plan}/records/x/attachments/report/x": 400,
    }.items():
        answer = await server.project("GET", path)
        assert answer.status_code == status, (path, answer.text)
    stranger = await server.user("stranger")
    path = f"{attempt}/plan/{plan}/attachments/report"
    assert (await server.project("GET", path, token=stranger)).status_code in (403, 404)
    assert (await server.project("GET", path, token="")).status_code == 401


async def test_tasks_are_listed_by_attempt_phase_and_timeline(server: Server) -> None:
    dev, attempt, plan = await attached(server)
    environment = attempt.removesuffix("/attempts/1")
    (task,) = (await server.seen(f"{environment}/tasks"))["value"]
    assert task["name"] == "Say"
    assert task["outputVariables"] == {
        "a.url": {"value": "x", "isSecret": False},
        "a.key": {"value": None, "isSecret": True},
    }
    assert (await server.seen(f"{environment}/tasks?attemptId=1"))["value"] == [task]
    phase = dev["deploySteps"][0]["releaseDeployPhases"][0]["id"]
    assert (await server.seen(f"{environment}/deployPhases/{phase}/tasks"))["value"] == [task]
    first, part = (await server.seen(f"{attempt}/timelines/{plan}/tasks"))["value"]
    assert first == task
    assert (part["name"], part["status"], part["id"]) == ("part", "succeeded", task["id"])
    log = await server.project("GET", f"{attempt}/timelines/{plan}/tasks/{task['id']}/logs")
    assert log.status_code == 200
    for path, status in {
        f"{environment}/tasks?attemptId=7": 404,
        f"{environment}/tasks?attemptId=x": 400,
        f"{environment}/deployPhases/{phase + 1}/tasks": 404,
        f"{attempt}/timelines/{uuid4()}/tasks": 404,
    }.items():
        assert (await server.project("GET", path)).status_code == status, path


async def test_files_go_with_their_release(server: Server) -> None:
    dev, _, _ = await attached(server)
    async with server.database.transaction() as connection:
        (key,) = await retention.object_keys(connection, [dev["releaseId"]])
        assert await server.installation.files.get(key) == b"fine"
        await connection.execute("DELETE FROM releases WHERE id = $1", dev["releaseId"])
        assert await connection.fetchval("SELECT count(*) FROM attachments") == 0

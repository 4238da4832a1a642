"""Builds end when their time is over, and not while anybody needs them (SEMANTICS 4.6, 23.7)."""

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from quaymaster.actions.builds import happening
from quaymaster.actions.builds.results import retention
from quaymaster.actions.call import Call, Project
from quaymaster.actions.people import projects
from quaymaster.actions.releases import releases
from quaymaster.actions.releases.releases import ReleaseRequest
from quaymaster.actions.storage import leftovers
from quaymaster.domain.build import BuildId
from quaymaster.domain.build_events import BuildRetried
from quaymaster.domain.release import ReleaseId
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage import leftovers as rows
from tests import documents
from tests.apis.azure.build.asking import asked, made, queued
from tests.apis.azure.server import Server
from tests.server.locks import waits_for

RULE = {"branches": ["+refs/heads/*"], "daysToKeep": 10, "minimumToKeep": 1}


async def built(server: Server, definition: Any, days_ago: float, *files: str) -> int:
    """A good build that ended so long ago, with these files."""
    body = {"definition": {"id": definition["id"]}}
    number: int = (await asked(server, "POST", "builds", json=body))["id"]
    for name in files:
        path = f"/default/_apis/resources/containers/{number}?itemPath=drop/{name}"
        stored = await server.ask("PUT", path, content=b"content of " + name.encode())
        assert stored.status_code == 201, stored.text
    if files:
        artifact = {"name": "drop", "resource": {"type": "Container", "data": f"#/{number}/drop"}}
        await asked(server, "POST", f"builds/{number}/artifacts", json=artifact)
    async with server.database.transaction() as connection:
        await connection.execute(
            "UPDATE builds SET status = 'completed', result = 'succeeded', finished_at = $2"
            " WHERE id = $1",
            number,
            datetime.now(UTC) - timedelta(days=days_ago),
        )
    return number


async def left(server: Server) -> list[int]:
    return sorted(one["id"] for one in (await asked(server, "GET", "builds"))["value"])


def later(server: Server, days: float = 0) -> Call:
    return Call(server.installation, now=datetime.now(UTC) + timedelta(days=days))


def objects(server: Server) -> list[Path]:
    folder = Path(server.installation.files.url.removeprefix("file://"))
    return [one for one in folder.rglob("*") if one.is_file()]


async def test_old_builds_go_first_softly_and_later_with_all_their_files(server: Server):
    web = await made(server, "Web", retentionRules=[RULE])
    old, newest = await built(server, web, 30, "a", "b"), await built(server, web, 20, "c")
    [explained] = await retention.explained(later(server))
    assert [one.fate for one in explained.verdicts] == ["goes", "kept"]
    assert await left(server) == [old, newest], "explaining changes nothing"
    assert await retention.run_if_due(later(server)) == 1
    assert await retention.run_if_due(later(server)) == 0, "once a day"
    assert await left(server) == [newest]
    [gone] = (await asked(server, "GET", "builds?deletedFilter=onlyDeleted"))["value"]
    assert gone["deletedReason"] == "Its retention time is over."
    assert len(objects(server)) == 3
    assert await retention.run(later(server, 31)) == 1
    assert [one.read_bytes() for one in objects(server)] == [b"content of c"]


async def test_four_processes_delete_a_build_once(server: Server):
    web = await made(server, "Web", retentionRules=[{**RULE, "minimumToKeep": 0}])
    await built(server, web, 30)
    done = await asyncio.gather(*(retention.run_if_due(later(server)) for _ in range(4)))
    assert sorted(done) == [0, 0, 0, 1]


async def test_a_rule_may_keep_the_record_without_artifacts(server: Server):
    rule = {**RULE, "minimumToKeep": 0, "deleteBuildRecord": False}
    web = await made(server, "Web", retentionRules=[rule])
    number = await built(server, web, 30, "a")
    assert await retention.run(later(server)) == 1
    assert await left(server) == [number]
    assert objects(server) == []
    assert await retention.run(later(server)) == 0


async def test_a_release_retains_its_build_until_it_is_deleted(server: Server):
    web = await made(server, "Web", retentionRules=[{**RULE, "minimumToKeep": 0}])
    number = await built(server, web, 30)
    artifact = documents.build_artifact("_Web")
    artifact["definitionReference"] = {"definition": {"id": "Web"}}
    document = documents.definition("Web CD", documents.stage("Dev"), artifacts=[artifact])
    saved = await server.made("definitions", document)
    release = await server.made("releases", {"definitionId": saved["id"], "isDraft": True})
    build = await asked(server, "GET", f"builds/{number}")
    assert build["retainedByRelease"] is True
    assert release["artifacts"][0]["isRetained"] is True
    [explained] = await retention.explained(later(server))
    assert explained.verdicts[0].reasons == ("It is retained by Release-1.",)
    assert await retention.run(later(server)) == 0
    refused = await asked(server, "DELETE", f"builds/{number}", 400)
    assert "retained" in refused["message"]
    await server.project("DELETE", f"releases/{release['id']}")
    assert (await asked(server, "GET", f"builds/{number}"))["retainedByRelease"] is False
    assert await retention.run(later(server)) == 1
    await server.project("PATCH", f"releases/{release['id']}", json={"isDeleted": False})


async def test_leases_and_people_keep_builds(server: Server):
    web = await made(server, "Web", retentionRules=[{**RULE, "minimumToKeep": 0}])
    leased, kept = await built(server, web, 30), await built(server, web, 30)
    lease = {"daysValid": 5, "definitionId": web["id"], "ownerId": "me", "runId": leased}
    await asked(server, "POST", "retention/leases", json=[lease])
    await asked(server, "PATCH", f"builds/{kept}", json={"keepForever": True})
    assert await retention.run(later(server)) == 0
    assert await retention.run(later(server, 6)) == 1
    assert await left(server) == [kept]


async def test_leases_are_found_as_the_published_clients_ask_for_them(server: Server):
    web = await made(server, "Web")
    first, second = await built(server, web, 3), await built(server, web, 2)
    ann = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
    owners = [(f"User:{ann}", first), ("a|b, c", first), ("a|b, c", second)]
    new = [
        {"daysValid": 5, "definitionId": web["id"], "ownerId": owner, "runId": run}
        for owner, run in owners
    ]
    kept = (await asked(server, "POST", "retention/leases", json=new))["value"]
    ids = [one["leaseId"] for one in kept]

    async def found(**query: Any) -> list[int]:
        answer = await asked(server, "GET", "retention/leases", params=query)
        return [one["leaseId"] for one in answer["value"]]

    def minimal(*wanted: dict[str, Any]) -> str:
        return "|".join(json.dumps(one, separators=(",", ":")) for one in wanted)

    of_ann = {"definitionId": web["id"], "ownerId": f"User:{ann}", "runId": first}
    of_both = {"definitionId": web["id"], "ownerId": "a|b, c", "runId": None}
    assert await found(leasesToFetch=minimal(of_ann)) == ids[:1]
    assert await found(leasesToFetch=minimal(of_ann, of_both, of_ann)) == ids
    assert await found(leasesToFetch=minimal({**of_ann, "runId": second})) == []
    assert await found(userOwnerId=ann.upper()) == ids[:1]
    assert await found(userOwnerId=ann, runId=second) == []
    assert await found(ownerId="a|b, c", definitionId=web["id"]) == ids[1:]
    assert await found(ids=f"{ids[0]},{ids[2]}") == [ids[0], ids[2]]
    await projects.create(server.database, "Other")
    elsewhere = await server.get("/default/Other/_apis/build/retention/leases")
    assert elsewhere.json()["value"] == [], "leases are those of builds of the project"
    async with server.database.transaction() as connection:
        await connection.execute("UPDATE builds SET is_deleted = true WHERE id = $1", second)
    assert await found(ownerId="a|b, c") == ids[1:2]
    for wrong in ("x", "{}", "[]", "{", minimal({"runId": "x"}), minimal(*[of_ann] * 101)):
        await asked(server, "GET", "retention/leases", 400, params={"leasesToFetch": wrong})
    await asked(server, "GET", "retention/leases?userOwnerId=ann", 400)


async def test_objects_that_no_row_knows_are_swept_after_a_day(server: Server):
    web = await made(server, "Web")
    number = await built(server, web, 0, "a")
    files = server.installation.files
    lost = [f"builds/0/{number}/feed", "logs/0/9/000000001-x", "attachments/0/9/x", "gates/0/9/1-1"]
    for key in [*lost, "elsewhere/0/1/x", "builds/readme"]:
        await files.put(key, b"left behind")
    assert await leftovers.sweep_if_due(later(server)) == 0, "they may be about to be written down"
    for one in objects(server):
        os.utime(one, (0, 0))
    await files.put(leftovers.OWNER, b"somebody else")
    assert await leftovers.sweep(later(server)) == 0, "it is not ours to sweep"
    await files.remove(leftovers.OWNER)
    assert await leftovers.sweep(later(server)) == len(lost)
    [as_copied] = await marks(server)
    assert await leftovers.sweep(later(server)) == 0
    await files.put(lost[0], b"left behind")
    os.utime(next(one for one in objects(server) if one.name == "feed"), (0, 0))
    held = await marks(server, [as_copied, "somewhere else"])
    assert await leftovers.sweep(later(server)) == 0, "a copy of the database swept since"
    await marks(server, [held[1], "cut short before the storage was told"])
    assert await leftovers.sweep(later(server)) == 1
    kept = [one for one in objects(server) if one.name != leftovers.OWNER]
    assert sorted(one.read_bytes() for one in kept) == [
        b"content of a",
        b"left behind",
        b"left behind",
    ]


async def marks(server: Server, changed: list[str] | None = None) -> list[str]:
    """The marks by which the installation knew its storage, changed if these are given."""
    async with server.database.transaction() as connection:
        known = await rows.marks(connection)
        if changed is not None:
            await rows.keep_marks(connection, changed)
        return known


async def test_what_is_deployed_or_being_deployed_keeps_its_build(server: Server):
    web = await made(server, "Web", retentionRules=[{**RULE, "minimumToKeep": 0}])
    number = await built(server, web, 30)
    artifact = documents.build_artifact("_Web")
    artifact["definitionReference"] = {"definition": {"id": "Web"}}
    policy = {"daysToKeep": 1, "releasesToKeep": 0, "retainBuild": False}
    stage = documents.stage("Dev", retentionPolicy=policy)
    document = documents.definition("Web CD", stage, artifacts=[artifact])
    saved = await server.made("definitions", document)
    await server.made("releases", {"definitionId": saved["id"]})

    async def said() -> list[str]:
        [found] = await retention.explained(later(server))
        return list(found.verdicts[0].reasons)

    assert await said() == ["It is needed by Release-1, which has work to do."]
    assert (await asked(server, "GET", f"builds/{number}"))["retainedByRelease"] is False
    async with server.database.transaction() as connection:
        await connection.execute("UPDATE deployments SET outcome = 'x', status = 'succeeded'")
    assert await said() == ["It is what is deployed to Dev now."]
    assert await retention.run(later(server)) == 0
    async with server.database.transaction() as connection:
        await connection.execute("UPDATE deployments SET status = 'rejected'")
    assert await retention.run(later(server)) == 1


async def sent_meanwhile(
    server: Server, connection: Connection, path: str
) -> "asyncio.Task[httpx.Response]":
    """A DELETE of this path that waits for the open transaction, or has not."""
    sent = asyncio.create_task(server.ask("DELETE", f"/default/Default/_apis/build/{path}"))
    await waits_for(connection, sent)
    return sent


async def test_a_build_that_a_release_is_just_made_of_is_not_deleted(server: Server):
    web = await made(server, "Web")
    number = await built(server, web, 1)
    artifact = documents.build_artifact("_Web")
    artifact["definitionReference"] = {"definition": {"id": "Web"}}
    document = documents.definition("Web CD", documents.stage("Dev"), artifacts=[artifact])
    saved = await server.made("definitions", document)
    call = Call(server.installation, project=Project(web["project"]["id"], "Default", "default"))
    for path in (f"builds/{number}", f"definitions/{web['id']}"):
        sent: list[asyncio.Task[httpx.Response]] = []

        async def delete(connection: Connection, _: ReleaseId, path=path, sent=sent) -> None:
            sent.append(await sent_meanwhile(server, connection, path))

        wanted = ReleaseRequest(saved["id"], is_draft=True)
        release = await releases.create(call, wanted, delete)
        answer = await sent[0]
        assert answer.status_code == 400
        assert "retained" in answer.text or "keeps its builds" in answer.text
        await server.project("DELETE", f"releases/{release}")


async def test_a_build_that_is_just_retried_is_not_deleted(server: Server):
    web = await made(server, "Web")
    number = (await queued(server, web))["id"]
    await asked(server, "PATCH", f"builds/{number}", json={"status": "cancelling"})
    async with server.database.transaction() as connection:
        await happening.happen_within(connection, later(server), BuildId(number), BuildRetried())
        sent = await sent_meanwhile(server, connection, f"builds/{number}")
    answer = await sent
    assert (answer.status_code, "under way" in answer.text) == (400, True)


async def test_a_lease_is_changed_part_by_part(server: Server) -> None:
    build = await queued(server, await made(server, "Web"))
    of = {"runId": build["id"], "definitionId": build["definition"]["id"]}
    body = {**of, "ownerId": "User:ann", "daysValid": 3}
    [lease] = (await asked(server, "POST", "retention/leases", json=[body]))["value"]
    url = f"retention/leases/{lease['leaseId']}"
    protects = await asked(server, "PATCH", url, json={"protectPipeline": True})
    assert protects == {**lease, "protectPipeline": True}
    longer = await asked(server, "PATCH", url, json={"daysValid": 30})
    assert longer["validUntil"] > lease["validUntil"]
    assert {**longer, "validUntil": lease["validUntil"]} == protects
    assert await asked(server, "GET", url) == longer
    for wrong in ({"daysValid": 0}, {"protectPipeline": "perhaps"}, {"daysValid": "x"}):
        await asked(server, "PATCH", url, 400, json=wrong)
    reader = await server.user("rita", groups=("Readers",))
    await asked(server, "PATCH", url, 403, json={"daysValid": 1}, token=reader)
    assert await asked(server, "GET", url) == longer
    await asked(server, "PATCH", "retention/leases/99999", 404, json={"daysValid": 1})

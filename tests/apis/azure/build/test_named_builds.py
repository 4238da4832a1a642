"""Release definitions find the builds that they name, in every published form (SEMANTICS 4.1)."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from quaymaster.actions.builds import happening
from quaymaster.actions.call import Call
from quaymaster.actions.people import projects
from quaymaster.actions.releases import artifact_events
from quaymaster.domain.build import BuildId
from quaymaster.domain.events import JobClaimed, JobFinished
from quaymaster.domain.statuses import JobStatus
from quaymaster.domain.triggers import ArtifactEvent
from quaymaster.store.triggers import artifact_events as rows
from tests import documents
from tests.apis.azure.build.asking import asked, definition, made, queued
from tests.apis.azure.server import Server


async def watching(
    server: Server, name: str = "Web CD", conditions: Sequence[Any] = (), **reference: Any
) -> Any:
    """A release definition with a trigger on a Build artifact that is referenced so."""
    artifact = documents.build_artifact("_Web")
    chosen = {"id": "selectDuringReleaseCreationType"}
    artifact["definitionReference"] = {"defaultVersionType": chosen, **reference}
    return await server.made(
        "definitions",
        documents.definition(
            name,
            documents.stage("Dev"),
            artifacts=[artifact],
            triggers=[documents.artifact_trigger("_Web", *conditions)],
        ),
    )


async def released(server: Server, build: Any) -> int:
    """How many releases a good build of the definition makes."""
    body = {"definition": {"id": build["id"]}}
    version = str((await asked(server, "POST", "builds", json=body))["id"])
    async with server.database.transaction() as connection:
        await connection.execute(
            "UPDATE builds SET status = 'completed', result = 'succeeded', finished_at = now()"
        )
    source = f"{build['project']['id']}:{build['id']}"
    call = Call(server.installation)
    await artifact_events.happened(
        call, ArtifactEvent("Build", source, version, result="succeeded")
    )
    async with server.database.read() as connection:
        due = await rows.due(connection, datetime.now(UTC))
    return sum([await artifact_events.answer(call, number) for number in due])


async def warnings(server: Server, saved: Any) -> list[str]:
    """What the preview of a release warns of."""
    path = f"definitions/{saved['id']}/preview"
    answer = await server.project("POST", path, json={"isDraft": True})
    assert answer.status_code == 200, answer.text
    return [one for one in answer.json()["warnings"] if "$.artifacts" in one]


@pytest.mark.parametrize(
    "form",
    [
        lambda build: {
            "project": {"id": build["project"]["id"]},
            "definition": {"id": build["id"]},
        },
        lambda build: {"project": {"id": "dEFAULT"}, "definition": {"id": str(build["id"])}},
        lambda _: {"project": {"id": "Default"}, "definition": {"id": "web ci"}},
        lambda _: {"definition": {"id": "Web CI"}},
        lambda build: {"definition": {"id": str(build["id"]), "name": "Web CI"}},
        lambda build: {"project": "Default", "definition": str(build["id"])},
        lambda build: {"definition": {"id": "0"}, "definitions": {"id": f"Other;{build['id']}"}},
        lambda _: {"definition": {"id": "Web CI"}, "definitions": {"id": "Other,Web CI"}},
    ],
    ids=["ids", "project name", "names", "name alone", "id alone", "texts", "several", "both"],
)
async def test_every_form_fires(server: Server, form: Any):
    build = await made(server, "Web CI")
    await made(server, "Other")
    saved = await watching(server, **form(build))
    assert await warnings(server, saved) == []
    assert await released(server, build) == 1


async def test_it_stays_the_same_definition_when_that_is_renamed(server: Server):
    build = await made(server, "Web CI")
    await watching(server, definition={"id": "Web CI"})
    renamed = {**definition("Web build"), "id": build["id"], "revision": build["revision"]}
    await asked(server, "PUT", f"definitions/{build['id']}", json=renamed)
    successor = await made(server, "Web CI")
    assert await released(server, build) == 1
    assert await released(server, successor) == 0


async def test_what_is_not_here_is_warned_of_until_it_is(server: Server):
    saved = await watching(server, definition={"id": "Web CI"})
    [warning] = await warnings(server, saved)
    assert "no build pipeline Web CI yet" in warning
    build = await made(server, "Web CI")
    assert await warnings(server, saved) == []
    assert await released(server, build) == 1


async def test_a_definition_that_gets_the_name_later_is_found(server: Server):
    await watching(server, definition={"id": "Web CI"})
    build = await made(server, "Draft of it")
    renamed = {**definition("Web CI"), "id": build["id"], "revision": build["revision"]}
    await asked(server, "PUT", f"definitions/{build['id']}", json=renamed)
    assert await released(server, build) == 1


async def test_a_deleted_one_is_followed_by_the_next_of_its_name(server: Server):
    first = await made(server, "Web CI")
    await watching(server, definition={"id": "Web CI"})
    await asked(server, "DELETE", f"definitions/{first['id']}", 204)
    assert await released(server, await made(server, "Web CI")) == 1


async def test_one_name_in_two_folders_is_said(server: Server):
    build = await made(server, "Web CI")
    await made(server, "Web CI", path="\\Old")
    saved = await watching(server, definition={"id": "Web CI"})
    [warning] = await warnings(server, saved)
    assert "several build pipelines are called Web CI" in warning
    assert await released(server, build) == 0


async def test_an_unknown_project_is_said_by_name(server: Server):
    build = await made(server, "Web CI")
    saved = await watching(server, project={"id": "Contoso"}, definition={"id": str(build["id"])})
    [warning] = await warnings(server, saved)
    assert "there is no project Contoso here" in warning
    assert await released(server, build) == 0


async def test_another_trigger_of_a_build_definition_counts_from_its_save(server: Server):
    build = await made(server, "Web CI")
    trigger = {"triggerType": "continuousIntegration", "branchFilters": ["+main"]}
    changed = {**definition("Web CI"), "id": build["id"], "revision": 1, "triggers": [trigger]}
    await asked(server, "PUT", f"definitions/{build['id']}", json=changed)
    async with server.database.read() as connection:
        assert await connection.fetchval("SELECT on_push FROM build_triggers")


async def test_two_builds_that_end_at_once_make_one_release_each(server: Server):
    web = await made(server, "Web CI")
    await watching(server, definition={"id": "Web CI"})
    body = {"definition": {"id": web["id"]}}
    numbers = [(await asked(server, "POST", "builds", json=body))["id"] for _ in range(4)]
    async with server.database.read() as connection:
        jobs = await connection.fetch("SELECT id, build_id FROM jobs ORDER BY id")
    call = Call(server.installation)

    async def run(job: int, build: int) -> None:
        begun, ended = JobClaimed(job, "w", "t"), JobFinished(job, "t", JobStatus.SUCCEEDED)
        for event in (begun, ended):
            await happening.happen(call, BuildId(build), event)

    await asyncio.gather(*(run(one["id"], one["build_id"]) for one in jobs))
    async with server.database.read() as connection:
        due = await rows.due(connection, datetime.now(UTC))
    answered = await asyncio.gather(*(artifact_events.answer(call, one) for one in due + due))
    assert sum(answered) == 4
    listed = (await server.seen("releases?$expand=artifacts"))["value"]
    versions = [one["artifacts"][0]["definitionReference"]["version"]["id"] for one in listed]
    assert sorted(versions) == sorted(map(str, numbers))
    [entry] = (await asked(server, "GET", "definitions?includeLatestBuilds=true"))["value"]
    ended = await asked(server, "GET", "builds?queryOrder=finishTimeDescending")
    assert entry["latestCompletedBuild"]["id"] == ended["value"][0]["id"]
    assert entry["latestBuild"]["id"] == max(numbers)


async def test_builds_of_another_project_are_taken_by_who_may_see_them(server: Server):
    other = await projects.create(server.database, "Other")
    answer = await server.ask(
        "POST", "/default/Other/_apis/build/definitions", json=definition("Web CI")
    )
    build = answer.json()
    carl = await server.user("carl", groups=("Contributors", "Release Administrators"))
    reference = {"project": {"id": "Other"}, "definition": {"id": "Web CI"}}
    artifact = {**documents.build_artifact("_Web"), "definitionReference": reference}
    document = documents.definition("Web CD", documents.stage("Dev"), artifacts=[artifact])
    refused = await server.project("POST", "definitions", json=document, token=carl)
    assert refused.status_code == 403, refused.text
    assert "Other" in refused.json()["message"]
    saved = await watching(server, **reference)
    assert await warnings(server, saved) == []
    assert build["project"]["id"] == str(other)
    changed = {**saved, "description": "Carl was here"}
    answer = await server.project("PUT", "definitions", json=changed, token=carl)
    assert answer.status_code == 200, answer.text


async def test_a_project_that_appears_later_is_taken_by_who_may_see_its_builds(server: Server):
    carl = await server.user("carl", groups=("Contributors", "Release Administrators"))
    reference = {"project": {"id": "Other"}, "definition": {"id": "Web CI"}}
    artifact = {**documents.build_artifact("_Web"), "definitionReference": reference}
    document = documents.definition("Web CD", documents.stage("Dev"), artifacts=[artifact])
    saved = await server.project("POST", "definitions", json=document, token=carl)
    assert saved.status_code == 200, saved.text
    own = await watching(server, "Own CD", **reference)
    await projects.create(server.database, "Other")
    path = "/default/Other/_apis/build/definitions"
    assert (await server.ask("POST", path, json=definition("Web CI"))).status_code == 200
    [warning] = await warnings(server, saved.json())
    assert "may not view builds of the project Other" in warning
    assert await warnings(server, own) == []
    again = await server.project("PUT", "definitions", json=saved.json())
    assert again.status_code == 200, again.text
    assert await warnings(server, again.json()) == []


async def test_a_tag_that_is_set_with_other_parts_of_a_build_makes_a_release_too(server: Server):
    """Tags that are only kept, or taken away, make none (8.3)."""
    web = await made(server, "Web CI")
    condition = {"tags": ["ok"], "createReleaseOnBuildTagging": True}
    await watching(server, conditions=(condition,), definition={"id": "Web CI"})
    build = await asked(server, "POST", "builds", json={"definition": {"id": web["id"]}})
    async with server.database.transaction() as connection:
        await connection.execute(
            "UPDATE builds SET status = 'completed', result = 'succeeded', finished_at = now()"
        )
    path, call = f"builds/{build['id']}", Call(server.installation)
    for tags in (["other"], ["OK", "other"], ["ok"]):
        await asked(server, "PATCH", path, json={"tags": tags, "buildNumber": "Web-7"})
    async with server.database.read() as connection:
        due = await rows.due(connection, datetime.now(UTC))
        tagged = await connection.fetch("SELECT event FROM artifact_events ORDER BY id")
    assert len(tagged) == 2
    assert sum([await artifact_events.answer(call, number) for number in due]) == 1
    [release] = (await server.seen("releases?$expand=artifacts"))["value"]
    version = release["artifacts"][0]["definitionReference"]["version"]
    assert version == {"id": str(build["id"]), "name": "Web-7"}


async def test_properties_that_are_set_at_once_are_all_kept(server: Server):
    web = await made(server, "Web CI")
    build = await asked(server, "POST", "builds", json={"definition": {"id": web["id"]}})
    path = f"builds/{build['id']}/properties"
    names = [f"name{number}" for number in range(8)]
    patches = [[{"op": "add", "path": f"/{name}", "value": name}] for name in names]
    await asyncio.gather(*(asked(server, "PATCH", path, json=patch) for patch in patches))
    assert set((await asked(server, "GET", path))["value"]) == set(names)


async def test_each_of_several_build_definitions_counts_with_its_own_default_branch(
    server: Server,
):
    """The newest build of each on another branch is not taken (SEMANTICS 4.2)."""
    web = await made(server, "Web")
    at_trunk = {**web["repository"], "defaultBranch": "refs/heads/trunk"}
    api = await made(server, "Api", repository=at_trunk)
    none = await made(server, "None", repository={**at_trunk, "defaultBranch": ""})
    ids = {}
    for of in (web, api):
        for branch in ("trunk", "main"):
            ids[of["name"], branch] = str((await queued(server, of, sourceBranch=branch))["id"])
    async with server.database.transaction() as connection:
        await connection.execute(
            "UPDATE builds SET status = 'completed', result = 'succeeded', finished_at = now()"
        )

    async def versions(*definitions: Any) -> Any:
        own = {"id": "latestWithBuildDefinitionBranchAndTagsType"}
        names = ",".join(str(one["id"]) for one in definitions)
        several = {"definitions": {"id": names}, "definition": {"id": str(definitions[0]["id"])}}
        saved = await watching(server, f"CD of {names}", **several, defaultVersionType=own)
        path = f"artifacts/versions?releaseDefinitionId={saved['id']}"
        (found,) = (await server.seen(path))["artifactVersions"]
        return found

    found = await versions(web, api)
    assert [one["id"] for one in found["versions"] or ()] == [
        ids["Api", "trunk"],
        ids["Web", "main"],
    ]
    refused = await versions(web, none)
    assert "has no default branch" in refused["errorMessage"]

"""A new version makes the releases that definitions want of it: once, whoever tells how often."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.follow_up import ARTIFACT_EVENT
from quaymaster.actions.releases import artifact_events
from quaymaster.domain.triggers import ArtifactEvent, Occasion
from quaymaster.store.triggers import artifact_events as rows
from tests import documents, repositories
from tests.actions.office import Office

PROJECT = "0d5c3c5b-2f0e-4c5a-9d0a-1f2e3d4c5b6a"
BUILD = ArtifactEvent(
    "Build",
    f"{PROJECT}:7",
    "101",
    "refs/heads/main",
    ("signed",),
    result="succeeded",
    version_name="20260301.4",
)


def watched(*conditions: dict, **changes: object) -> dict:
    trigger = {**documents.artifact_trigger("_Web-CI", *conditions), **changes}
    return {"artifacts": [documents.build_artifact()], "triggers": [trigger]}


async def told(office: Office, event: ArtifactEvent, **call: object) -> int:
    """Tell of a version and let a worker answer; how many releases came of it."""
    asked = Call(office.installation, **call)
    await artifact_events.happened(asked, event)
    return await answered(office, datetime.now(UTC))


async def answered(office: Office, at: datetime) -> int:
    async with office.installation.database.read() as connection:
        due = await rows.due(connection, at)
    here = Call(office.installation, now=at)
    return sum([await artifact_events.answer(here, number) for number in due])


async def newest(office: Office) -> int:
    async with office.installation.database.read() as connection:
        return await connection.fetchval("SELECT max(id) FROM releases")


async def test_a_build_makes_a_release_of_its_version(office: Office):
    await office.define("ann", **watched())
    assert await told(office, BUILD) == 1
    found = await office.seen("ann", await newest(office))
    head = found.view.head
    assert (head.reason, head.triggering_alias) == ("continuousIntegration", "_Web-CI")
    assert (head.created_by, head.created_for) == (None, None)
    (artifact,) = head.artifacts
    assert (artifact.version_id, artifact.version_name) == ("101", "20260301.4")
    assert (artifact.branch, artifact.tags) == ("refs/heads/main", ("signed",))


async def test_it_is_made_for_whoever_asked_for_the_build(office: Office):
    await office.define("ann", **watched())
    await told(
        office, ArtifactEvent("Build", f"{PROJECT}:7", "1", requested_for=office.ids["dora"])
    )
    head = (await office.seen("ann", await newest(office))).view.head
    assert (head.created_by, head.created_for) == (office.ids["dora"], office.ids["dora"])


async def test_somebody_unknown_here_is_nobody(office: Office):
    await office.define("ann", **watched())
    await told(office, ArtifactEvent("Build", f"{PROJECT}:7", "1", requested_for="nobody-here"))
    assert (await office.seen("ann", await newest(office))).view.head.created_by is None


async def test_told_five_times_at_once_it_makes_one(office: Office):
    await office.define("ann", **watched())
    call = Call(office.installation)
    await asyncio.gather(*(artifact_events.happened(call, BUILD) for _ in range(5)))
    async with office.installation.database.read() as connection:
        due = await rows.due(connection, datetime.now(UTC))
    assert len(due) == 5
    made = await asyncio.gather(*(artifact_events.answer(call, one) for one in due))
    assert sum(made) == 1
    assert await office.rows("releases") == 1
    assert await office.rows("artifact_events") == 0


async def test_one_event_looked_at_by_two_workers_makes_one(office: Office):
    await office.define("ann", **watched())
    call = Call(office.installation)
    await artifact_events.happened(call, BUILD)
    async with office.installation.database.read() as connection:
        (number,) = await rows.due(connection, datetime.now(UTC))
    made = await asyncio.gather(*(artifact_events.answer(call, number) for _ in range(4)))
    assert sum(made) == 1


async def test_every_definition_that_watches_makes_its_own(office: Office):
    await office.define("ann", name="Shop", **watched())
    await office.define("ann", name="Stock", **watched())
    await office.define("ann", name="Bank", **watched({"sourceBranch": "release/*"}))
    await office.define("ann", name="By hand", artifacts=[documents.build_artifact()])
    assert await told(office, BUILD) == 2


@pytest.mark.parametrize(
    ("conditions", "made"),
    [
        ([{"sourceBranch": "main"}], 1),
        ([{"sourceBranch": "release/*"}], 0),
        ([{"sourceBranch": "*"}, {"sourceBranch": "-main"}], 0),
        ([{"tags": ["SIGNED"]}], 1),
        ([{"tags": ["signed", "tested"]}], 0),
        ([{"tagFilter": {"pattern": "^sig"}}], 1),
        ([{"tagFilter": {"pattern": "^v1"}}], 0),
    ],
)
async def test_branches_and_tags_are_asked_for(office: Office, conditions: list, made: int):
    await office.define("ann", **watched(*conditions))
    assert await told(office, BUILD) == made


async def test_a_tag_added_later_counts_once_and_only_where_asked_for(office: Office):
    await office.define("ann", **watched({"tags": ["ok"], "createReleaseOnBuildTagging": True}))
    tagged = ArtifactEvent(
        "Build", f"{PROJECT}:7", "101", tags=("ok",), result="succeeded", occasion=Occasion.TAGGED
    )
    assert await told(office, BUILD) == 0
    assert await told(office, tagged) == 1
    assert await told(office, tagged) == 0


async def test_only_definitions_of_the_project_that_was_told(office: Office):
    await office.define("ann", **watched())
    call = await office.call("ann")
    assert await told(office, BUILD, project=call.project) == 1
    other = type(call.project)(PROJECT, "Other", "default")
    async with office.installation.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO projects (id, organization_id, name, name_key, created_at)"
            " SELECT $1, organization_id, 'Other', 'other', now() FROM projects LIMIT 1",
            PROJECT,
        )
    again = ArtifactEvent("Build", f"{PROJECT}:7", "102", result="succeeded")
    assert await told(office, again, project=other) == 0


async def test_a_source_that_does_not_answer_is_asked_again_until_it_does(
    office: Office, tmp_path: Path
):
    missing = tmp_path / "site"
    artifact = documents.git_artifact("site", str(missing))
    trigger = {"triggerType": "sourceRepo", "alias": "site", "branchFilters": ["main"]}
    await office.define("ann", artifacts=[artifact], triggers=[trigger])
    commit = repositories.made(missing)
    missing.rename(tmp_path / "away")
    push = ArtifactEvent("Git", str(missing), commit, "refs/heads/main")
    assert await told(office, push) == 0
    assert await office.rows("artifact_events") == 1
    assert await answered(office, datetime.now(UTC)) == 0, "its pause is not over"
    (tmp_path / "away").rename(missing)
    assert await answered(office, datetime.now(UTC) + timedelta(minutes=1)) == 1
    assert await office.rows("artifact_events") == 0


async def test_what_can_never_be_made_is_given_up_with_its_reason(office: Office):
    await office.define(
        "ann",
        artifacts=[documents.build_artifact(), documents.git_artifact("other")],
        triggers=[documents.artifact_trigger()],
    )
    await told(office, BUILD)
    at = datetime.now(UTC)
    for _ in range(artifact_events.MOST_TRIES):
        at += timedelta(hours=3)
        await answered(office, at)
    assert await office.rows("artifact_events") == 0
    async with office.installation.database.read() as connection:
        problem = await connection.fetchval("SELECT problem FROM firings")
    assert "No version is chosen for artifact other" in problem


async def test_a_definition_that_cannot_be_opened_holds_up_no_other(office: Office):
    broken = await office.define("ann", name="A", **watched())
    await office.define("ann", name="B", **watched())
    await office.spoil(broken.id)
    assert await told(office, BUILD) == 1
    at = datetime.now(UTC)
    for tries in range(artifact_events.MOST_TRIES):
        assert await office.rows("artifact_events") == (tries < artifact_events.MOST_TRIES - 1)
        at += timedelta(hours=3)
        assert await answered(office, at) == 0


async def test_it_wakes_a_worker_at_once(office: Office):
    await artifact_events.happened(Call(office.installation), BUILD)
    async with office.installation.database.read() as connection:
        kinds = await connection.fetch("SELECT entrypoint FROM pgqueuer")
    assert [row["entrypoint"] for row in kinds] == [ARTIFACT_EVENT]

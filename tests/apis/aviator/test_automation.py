"""What projects do by themselves: cut by the clock, deploy what is built (AVIATOR 1, 4)."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from quaymaster.actions.call import Call
from quaymaster.actions.candidates import following_builds
from quaymaster.actions.repositories import cut_clocks
from quaymaster.actions.triggers import scheduled_cuts
from quaymaster.domain.release import ReleaseId
from quaymaster.domain.statuses import ReportedStatus
from quaymaster.store.candidates import candidates
from quaymaster.store.triggers import cut_schedules
from tests import repositories
from tests.apis.aviator.server import Aviator
from tests.apis.aviator.test_repositories import connected
from tests.apis.aviator.test_stories import release

__all__ = ["connected"]
BERLIN = ZoneInfo("Europe/Berlin")
NOTHING_TO_CUT = {"error": cut_clocks.NO_SOURCE}
NIGHTLY = {"cron": "0 2 * * *", "time_zone": BERLIN.key}


async def shown(aviator: Aviator) -> list[str]:
    listed = (await aviator.in_project("GET", "/releases")).json()
    return [one["release_version"] for one in listed]


async def schedule(aviator: Aviator, **clock: str) -> int:
    """Set the clock; the definition's id."""
    answer = await aviator.in_project("PATCH", "", json={"scheduled_cut": {**NIGHTLY, **clock}})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


async def fire(aviator: Aviator, definition: int) -> ReleaseId | None:
    """What a worker does when the time has come."""
    async with aviator.database.read() as connection:
        one = await cut_schedules.get(connection, definition)
    assert one is not None
    return await scheduled_cuts.fire_due(
        Call(aviator.azure.installation, now=one.look_at), definition
    )


async def test_a_candidate_is_cut_when_its_time_has_come(connected: Aviator, tmp_path: Path):
    definition = await schedule(connected)
    call = Call(connected.azure.installation)
    assert await scheduled_cuts.soon(call, timedelta(minutes=1)) == []
    [(found, pause)] = await scheduled_cuts.soon(call, timedelta(days=2))
    assert (found, pause <= timedelta(days=1)) == (definition, True)
    assert await scheduled_cuts.fire_due(call, definition) is None
    async with connected.database.read() as connection:
        one = await cut_schedules.get(connection, definition)
    assert one
    assert one.due_at.astimezone(UTC).hour in (0, 1)
    assert await fire(connected, definition)
    assert await shown(connected) == [f"{one.due_at.astimezone(BERLIN):%Y.%m.%d}-1"]
    newest = repositories.committed(tmp_path / "shop")
    assert await fire(connected, definition)
    [newer, older] = (await connected.in_project("GET", "/releases")).json()
    assert (newer["head_commit"], older["candidates"][0]["rc_number"]) == (newest, 1)


async def test_a_cut_and_its_record_are_one_transaction(connected: Aviator):
    """Whoever died in between left a candidate that was shown as skipped."""
    definition = await schedule(connected)
    assert await fire(connected, definition)
    async with connected.database.read() as connection:
        written = await connection.fetch(
            "SELECT xmin::text AS by FROM scheduled_cuts WHERE definition_id = $1"
            " UNION SELECT xmin::text FROM firings WHERE definition_id = $1",
            definition,
        )
    assert len(written) == 1


async def test_a_deleted_definition_cuts_nothing_more(connected: Aviator):
    definition = await schedule(connected)
    call = Call(connected.azure.installation)
    assert len(await scheduled_cuts.soon(call, timedelta(days=2))) == 1
    answer = await connected.azure.project("DELETE", f"definitions/{definition}?api-version=7.1")
    assert answer.status_code == 204, answer.text
    assert await scheduled_cuts.soon(call, timedelta(days=2)) == []


async def test_nothing_is_cut_when_nothing_changed(connected: Aviator, tmp_path: Path):
    definition = await schedule(connected, versions="semver")
    assert await fire(connected, definition)
    assert await fire(connected, definition) is None
    assert await shown(connected) == ["0.1.0"]
    repositories.committed(tmp_path / "shop")
    assert await fire(connected, definition)
    assert await shown(connected) == ["0.2.0", "0.1.0"]


async def test_only_changes_of_the_projects_own_paths_count(connected: Aviator, tmp_path: Path):
    definition = await schedule(connected)
    await fire(connected, definition)
    answer = await connected.in_project("PATCH", "", json={"file_paths": "docs/\n*.md\n"})
    assert answer.json()["settings"]["file_paths"] == ["docs/", "*.md"]
    repositories.committed(tmp_path / "shop")
    assert await fire(connected, definition) is None
    await connected.in_project("PATCH", "", json={"file_paths": ["docs/", "page.*"]})
    assert await fire(connected, definition)


async def test_the_changelog_shows_the_projects_own_paths(connected: Aviator, tmp_path: Path):
    await connected.cut("1.0-rc1", commit=repositories.committed(tmp_path / "shop"))
    repositories.committed(tmp_path / "shop", "Change the page")
    for paths, messages in ((["docs/**"], []), (["page.txt"], ["Change the page"])):
        await connected.in_project("PATCH", "", json={"file_paths": paths})
        answer = await connected.in_project("GET", "/changelog", params={"from": "1.0-rc1"})
        assert [one["message"] for one in answer.json()] == messages


async def test_many_workers_cut_once(connected: Aviator):
    definition = await schedule(connected)
    made = await asyncio.gather(*(fire(connected, definition) for _ in range(5)))
    assert len([one for one in made if one]) == 1
    assert len(await shown(connected)) == 1


async def test_a_version_that_was_taken_is_stepped_over(connected: Aviator, tmp_path: Path):
    definition = await schedule(connected)
    async with connected.database.read() as connection:
        one = await cut_schedules.get(connection, definition)
    assert one
    day = f"{one.due_at.astimezone(BERLIN):%Y.%m.%d}"
    older = repositories.committed(tmp_path / "shop")
    await connected.cut(f"{day}-1-rc1", commit=older)
    repositories.committed(tmp_path / "shop")
    assert await fire(connected, definition)
    assert await shown(connected) == [f"{day}-2", f"{day}-1"]


async def test_a_repository_that_is_away_is_asked_again(connected: Aviator, tmp_path: Path):
    definition = await schedule(connected)
    (tmp_path / "shop").rename(tmp_path / "away")
    assert await fire(connected, definition) is None
    said = (await connected.in_project("GET", "")).json()["next_cut"]["error_message"]
    assert "no git repository" in said
    async with connected.database.read() as connection:
        waiting = await cut_schedules.get(connection, definition)
    assert waiting
    assert waiting.problem
    assert waiting.look_at > waiting.due_at
    (tmp_path / "away").rename(tmp_path / "shop")
    assert await fire(connected, definition)
    async with connected.database.read() as connection:
        done = await cut_schedules.get(connection, definition)
    assert done
    assert (done.problem, done.look_at) == ("", done.due_at)
    assert done.due_at > waiting.due_at


async def test_it_is_said_why_nothing_was_cut(connected: Aviator, tmp_path: Path):
    definition = await schedule(connected)
    await connected.in_project("PATCH", "", json={"file_paths": ["ours/"]})

    async def skipped() -> tuple[str | None, str | None]:
        found = (await connected.in_project("GET", "")).json()["next_cut"]
        return found["skipped"], found["error_message"]

    assert await fire(connected, definition)
    assert await skipped() == (None, None)
    assert await fire(connected, definition) is None
    assert await skipped() == (scheduled_cuts.NOTHING_NEW, None)
    repositories.committed(tmp_path / "shop")
    assert await fire(connected, definition) is None
    assert await skipped() == (scheduled_cuts.NOT_OURS, None)


async def test_the_next_version_can_be_asked_for(aviator: Aviator):
    await aviator.cut("1.4.2-rc3")
    path = "/next_version"
    semver = await aviator.in_project("GET", path, params={"versions": "semver"})
    assert semver.json() == {
        "release_version": "1.5.0",
        "release_candidate_version": "1.5.0-rc1",
    }
    today = (await aviator.in_project("GET", path)).json()["release_version"]
    assert today.endswith("-1")
    for wrong in ({"versions": "romver"}, {"time_zone": "Mars/Olympus"}):
        assert (await aviator.in_project("GET", path, params=wrong)).status_code == 400


async def test_a_clock_is_taken_away(connected: Aviator):
    definition = await schedule(connected)
    assert (await connected.in_project("GET", "")).json()["next_cut"]["error_message"] is None
    await connected.in_project("PATCH", "", json={"scheduled_cut": None})
    assert (await connected.in_project("GET", "")).json()["next_cut"] is None
    async with connected.database.read() as connection:
        assert await cut_schedules.get(connection, definition) is None


SETTINGS_THAT_ARE_NONE: list[dict[str, Any]] = [
    {"scheduled_cut": "0 2 * * *"},
    {"scheduled_cut": {"cron": "0 0 31 2 *"}},
    {"scheduled_cut": {"cron": "nonsense"}},
    {"scheduled_cut": {"cron": 5}},
    {"scheduled_cut": {**NIGHTLY, "time_zone": "Mars/Olympus"}},
    {"scheduled_cut": {**NIGHTLY, "versions": "romver"}},
    {"scheduled_cut": {**NIGHTLY, "branch": "a\u0000"}},
    {"scheduled_cut": {**NIGHTLY, "often": "yes"}},
    {"scheduled_cut": {"time_zone": "UTC"}},
    {"file_paths": ["/"]},
    {"file_paths": [5]},
    {"file_paths": {"a": 1}},
    {"file_paths": {}},
    {"file_paths": 0},
    {"file_paths": "x\n" * 300},
]


async def test_settings_that_make_no_sense(connected: Aviator):
    before = (await connected.in_project("GET", "")).json()["settings"]
    new = {"name": "x", "repository": "a/b", **before}
    for settings in SETTINGS_THAT_ARE_NONE:
        answer = await connected.in_project("PATCH", "", json=settings)
        assert answer.status_code == 400, (settings, answer.text)
        assert answer.json() != NOTHING_TO_CUT
        made = await connected.ask("POST", json={**new, **settings})
        assert made.status_code == 400
    assert (await connected.in_project("GET", "")).json()["settings"] == before


async def test_a_clock_needs_a_repository_to_cut(aviator: Aviator):
    answer = await aviator.in_project("PATCH", "", json={"scheduled_cut": NIGHTLY})
    assert (answer.status_code, answer.json()) == (400, NOTHING_TO_CUT)
    new = {"name": "x", "repository": "a/b", "scheduled_cut": NIGHTLY}
    made = await aviator.ask("POST", json=new)
    assert (made.status_code, made.json()) == (400, NOTHING_TO_CUT)
    found = (await aviator.in_project("GET", "")).json()
    assert (found["settings"], found["next_cut"]) == ({}, None)


async def test_a_connection_that_leads_to_no_repository_is_not_enough(aviator: Aviator):
    body = {"name": "Builder", "type": "Generic", "url": "https://build.example"}
    made = await aviator.azure.ask(
        "POST",
        "/default/Default/_apis/serviceendpoint/endpoints",
        json={**body, "authorization": {"scheme": "None", "parameters": {}}},
    )
    assert made.status_code == 200, made.text
    named = {"source_connection": "Builder"}
    assert (await aviator.in_project("PATCH", "", json=named)).status_code == 200
    answer = await aviator.in_project("PATCH", "", json={"scheduled_cut": NIGHTLY})
    assert (answer.status_code, answer.json()) == (400, NOTHING_TO_CUT)


async def test_a_repository_stays_as_long_as_a_clock_cuts_it(connected: Aviator):
    await schedule(connected)
    answer = await connected.in_project("PATCH", "", json={"source_url": ""})
    assert (answer.status_code, answer.json()) == (400, NOTHING_TO_CUT)
    assert (await connected.in_project("GET", "")).json()["settings"]["source_url"]
    both = {"source_url": "", "scheduled_cut": None}
    assert (await connected.in_project("PATCH", "", json=both)).status_code == 200


class TestOnceBuilt:
    async def cut(self, aviator: Aviator, version: str = "1.0-rc1") -> ReleaseId:
        answer = await aviator.here("PATCH", "", json={"deploy_after_build": True})
        assert answer.json()["settings"] == {"deploy_after_build": True}
        return ReleaseId(int((await aviator.cut(version)).json()["id"]))

    async def deploy(self, aviator: Aviator, made: ReleaseId) -> int:
        return await following_builds.deploy(Call(aviator.azure.installation), made)

    async def built(self, aviator: Aviator, made: ReleaseId, status: ReportedStatus) -> None:
        async with aviator.database.transaction() as connection:
            await candidates.set_build(connection, made, status, datetime.now(UTC))

    async def test_a_candidate_that_nobody_builds_is_deployed_at_once(self, aviator: Aviator):
        made = await self.cut(aviator)
        assert await aviator.listed() == []
        assert await self.deploy(aviator, made) == 1
        assert await aviator.shown() == [("1.0-rc1", "pending")]
        assert await self.deploy(aviator, made) == 0
        assert len(await aviator.listed()) == 1

    async def test_it_waits_for_the_build(self, aviator: Aviator):
        made = await self.cut(aviator)
        await self.built(aviator, made, ReportedStatus.IN_PROGRESS)
        async with aviator.database.read() as connection:
            assert await cut_schedules.built(connection) == []
        assert await self.deploy(aviator, made) == 0
        await self.built(aviator, made, ReportedStatus.SUCCEEDED)
        async with aviator.database.read() as connection:
            assert await cut_schedules.built(connection) == [made]
        assert await self.deploy(aviator, made) == 1

    async def test_a_build_that_failed_is_deployed_nowhere(self, aviator: Aviator):
        made = await self.cut(aviator)
        await self.built(aviator, made, ReportedStatus.FAILED)
        assert await self.deploy(aviator, made) == 0
        await self.built(aviator, made, ReportedStatus.SUCCEEDED)
        assert await self.deploy(aviator, made) == 0
        assert await aviator.listed() == []

    async def test_a_freeze_refuses_it_and_the_history_says_so(self, aviator: Aviator):
        made = await self.cut(aviator)
        await aviator.here("PUT", "/freeze", json={"reason": "Sale"})
        assert await self.deploy(aviator, made) == 0
        number = (await release(aviator, "1.0-rc1"))["id"]
        async with aviator.database.read() as connection:
            comments = await connection.fetch(
                "SELECT comment FROM history WHERE release_id = $1 AND kind = $2",
                number,
                following_builds.REFUSED,
            )
        assert [one["comment"] for one in comments] == ["production: production is frozen: Sale"]
        shown = await aviator.in_project("GET", "/releases/1.0-rc1?expand=refusals")
        [said] = shown.json()["refusals"]
        assert said["reason"] == "production: production is frozen: Sale"

    async def test_many_workers_deploy_once(self, aviator: Aviator):
        made = await self.cut(aviator)
        done = await asyncio.gather(*(self.deploy(aviator, made) for _ in range(5)))
        assert sorted(done) == [0, 0, 0, 0, 1]

    async def two(self, aviator: Aviator) -> ReleaseId:
        """A candidate for production and, after that, staging."""
        await aviator.with_environment("staging", deploy_after_build=True)
        return await self.cut(aviator)

    async def waiting(self, aviator: Aviator) -> int:
        async with aviator.database.read() as connection:
            found: int = await connection.fetchval("SELECT count(*) FROM automatic_deployments")
        return found

    async def test_an_environment_that_is_deleted_meanwhile_holds_up_no_other(
        self, aviator: Aviator
    ):
        made = await self.two(aviator)
        assert (await aviator.here("DELETE", "")).status_code == 204
        assert await self.waiting(aviator) == 1
        assert await self.deploy(aviator, made) == 1
        assert await self.waiting(aviator) == 0

    async def test_what_was_left_of_one_is_taken_up_and_said(self, aviator: Aviator):
        made = await self.two(aviator)
        async with aviator.database.transaction() as connection:
            gone = await connection.fetchval(
                "UPDATE environments SET is_deleted = true WHERE name = 'production' RETURNING id"
            )
        assert await self.deploy(aviator, made) == 1
        assert await self.waiting(aviator) == 0
        async with aviator.database.read() as connection:
            said = await connection.fetchval(
                "SELECT comment FROM history WHERE kind = $1", following_builds.REFUSED
            )
        assert said.startswith(f"Environment {gone}: ")

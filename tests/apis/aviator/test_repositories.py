"""Projects whose repository is connected: commits are asked of it (AVIATOR 6)."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.deployments.rollbacks import rollbacks
from quaymaster.actions.ports.outside import Outside
from quaymaster.connectors.artifacts.git import GitRepositories
from quaymaster.connectors.repositories import GitFolder
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.outgoing.http import GuardedClient
from tests import repositories
from tests.apis.aviator.server import Aviator, serving


@pytest.fixture
async def connected(database: Any, tmp_path: Path) -> AsyncIterator[Aviator]:
    """A project that knows where its repository is."""
    folder = GitFolder(tmp_path / "copies", AllowedAddresses.of(("127.0.0.1",)))
    git = GitRepositories(folder)
    web = GuardedClient(AllowedAddresses.of(("127.0.0.1",)))
    outside = Outside(artifacts={"git": git}, repositories=folder, web=web)
    async with serving(database, tmp_path, outside=outside) as running:
        await running.made()
        repositories.made(tmp_path / "shop")
        answer = await running.in_project("PATCH", "", json={"source_url": str(tmp_path / "shop")})
        assert answer.status_code == 200, answer.text
        yield running


async def test_a_commit_must_be_in_the_repository(connected: Aviator, tmp_path: Path):
    there = repositories.committed(tmp_path / "shop")
    assert (await connected.cut("1.0-rc1", commit=there)).status_code == 201
    assert (await connected.cut("1.1-rc1", commit=there[:8])).status_code == 201
    answer = await connected.cut("1.2-rc1", commit="a" * 40)
    assert (answer.status_code, answer.json()) == (400, {"error": "Invalid commit hash"})


async def test_a_branch_called_like_a_commit_is_none(connected: Aviator, tmp_path: Path):
    there = repositories.committed(tmp_path / "shop")
    repositories.branched(tmp_path / "shop", "deadbee", there)
    answer = await connected.cut("1.0-rc1", commit="deadbee")
    assert answer.json() == {"error": "Invalid commit hash"}


async def test_a_repository_that_is_gone(connected: Aviator, tmp_path: Path):
    there = repositories.committed(tmp_path / "shop")
    shutil.rmtree(tmp_path / "shop")
    answer = await connected.cut("1.0-rc1", commit=there)
    assert (answer.status_code, answer.json()) == (404, {"error": "GitHub repository not found"})


async def test_the_changelog_is_what_one_candidate_has_and_another_has_not(
    connected: Aviator, tmp_path: Path
):
    first = repositories.committed(tmp_path / "shop", "First")
    await connected.cut("1.0-rc1", commit=first)
    repositories.committed(tmp_path / "shop", "Second")
    await connected.cut("1.1-rc1", commit=repositories.committed(tmp_path / "shop", "Third"))
    query = {"from": "1.0-rc1", "to": "1.1-rc1"}
    answer = await connected.in_project("GET", "/changelog", params=query)
    assert [one["message"].strip() for one in answer.json()] == ["Third", "Second"]
    missing = await connected.in_project("GET", "/changelog", params={"to": "9-rc1"})
    assert (missing.status_code, missing.json()) == (404, {"error": "Release not found"})


async def test_a_changelog_needs_a_connected_repository(aviator: Aviator):
    await aviator.cut("1.0-rc1")
    answer = await aviator.in_project("GET", "/changelog", params={"to": "1.0-rc1"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"source_url": "https://ann:secret@example.org/x.git"},
        {"source_url": 5},
        {"source_url": "x" * 3000},
        {"patch_reopens": "yes"},
        {"repository": "acme/other"},
        {"nonsense": 1},
    ],
)
async def test_settings_that_make_no_sense(aviator: Aviator, body):
    before = (await aviator.in_project("GET", "")).json()
    answer = await aviator.in_project("PATCH", "", json=body)
    assert answer.status_code == 400
    assert "secret" not in answer.text
    assert (await aviator.in_project("GET", "")).json() == before


async def test_by_setting_a_start_told_after_the_end_is_the_same_deployment(aviator: Aviator):
    await aviator.in_project("PATCH", "", json={"patch_reopens": True})
    await aviator.history([("1.0-rc1", "success")])
    await aviator.report("1.0-rc1", "in_progress")
    assert await aviator.shown() == [("1.0-rc1", "in_progress")]


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_failure_rolls_back_by_itself_and_holds(aviator: Aviator, at_once: bool):
    """Whether that was said when the environment was made or later."""
    aviator = replace(aviator, environment="region-2")
    await aviator.with_environment("region-2", rollback_on_failure=at_once)
    if not at_once:
        answer = await aviator.here("PATCH", "", json={"rollback_on_failure": True})
        assert answer.status_code == 200, answer.text
    await aviator.history([("1.0-rc1", "success"), ("1.1-rc1", "failure")])
    async with aviator.database.read() as connection:
        [row] = await connection.fetch("SELECT id FROM deployments WHERE wants_rollback")
    call = Call(aviator.azure.installation)
    assert await rollbacks.roll_back(call, row["id"])
    newest = (await aviator.listed())[0]
    assert (newest["release_candidate_version"], newest["status"]) == ("1.0-rc1", "pending")
    assert newest["from_release_candidate_version"] == "1.1-rc1"
    async with aviator.database.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM holds") == 1
    assert (await aviator.here("POST", "/resume")).status_code == 200
    async with aviator.database.read() as connection:
        assert await connection.fetchval("SELECT count(*) FROM holds") == 0


async def test_it_is_said_when_nothing_could_be_rolled_back(aviator: Aviator):
    await aviator.here("PATCH", "", json={"rollback_on_failure": True})
    await aviator.history([("1.0-rc1", "failure")])
    async with aviator.database.read() as connection:
        [row] = await connection.fetch("SELECT id FROM deployments WHERE wants_rollback")
    assert not await rollbacks.roll_back(Call(aviator.azure.installation), row["id"])
    async with aviator.database.read() as connection:
        [said] = await connection.fetch(
            "SELECT comment FROM history WHERE kind = $1", rollbacks.REFUSED
        )
    assert said["comment"] == rollbacks.NO_SUCCESS


async def test_a_failure_in_a_frozen_environment_is_answered_when_that_is_over(aviator: Aviator):
    """Unless something newer has been deployed by then: that must not be rolled back."""
    await aviator.here("PATCH", "", json={"rollback_on_failure": True})
    await aviator.history([("1.0-rc1", "success"), ("1.1-rc1", "success")])
    await aviator.cut("1.2-rc1")
    await aviator.here("PUT", "/freeze", json={"reason": "Sale"})
    await aviator.report("1.1-rc1", "in_progress")
    await aviator.report("1.1-rc1", "failure")
    async with aviator.database.read() as connection:
        [row] = await connection.fetch("SELECT id FROM deployments WHERE wants_rollback")
    call = Call(aviator.azure.installation)
    assert not await rollbacks.roll_back(call, row["id"])
    await aviator.report("1.2-rc1", "success")
    await aviator.here("DELETE", "/freeze")
    assert not await rollbacks.roll_back(call, row["id"])
    assert (await aviator.shown())[0] == ("1.2-rc1", "success")
    await aviator.here("PUT", "/freeze", json={"reason": "Sale"})
    await aviator.report("1.2-rc1", "in_progress")
    await aviator.report("1.2-rc1", "error")
    async with aviator.database.read() as connection:
        [row] = await connection.fetch("SELECT id FROM deployments WHERE wants_rollback")
    assert not await rollbacks.roll_back(call, row["id"])
    await aviator.here("DELETE", "/freeze")
    assert await rollbacks.roll_back(call, row["id"])
    assert (await aviator.shown())[0] == ("1.2-rc1", "pending")


async def test_a_deleted_project_is_not_found_any_more(aviator: Aviator):
    assert (await aviator.in_project("DELETE", "")).status_code == 204
    assert (await aviator.in_project("GET", "")).json() == {"error": "Release project not found"}

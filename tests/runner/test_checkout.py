"""The sources of a build: checked out by git as the first step of its job (issue 4.3)."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dulwich import porcelain
from dulwich.repo import Repo

from quaymaster.protocol.job import Checkout, Endpoint, JobResult
from quaymaster.runner.pool import HostPool
from quaymaster.runner.repositories.program import program
from tests.gits import commit, over_http, repository
from tests.runner.make import Outcome, build_job, run, script

needs_git = pytest.mark.skipif(program() is None, reason="this machine has no git program")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Three commits on main; topic branches off after the first."""
    place = repository(tmp_path / "shop")
    commit(place, "a.txt", "1")
    porcelain.branch_create(str(place), "topic")
    commit(place, "a.txt", "2")
    commit(place, "a.txt", "3")
    return place


async def built(pool: HostPool, work: Path, text: str, **asked: Any) -> Outcome:
    """A build of these sources whose only task is this script."""
    of_job = ("source_endpoints", "allowed_addresses")
    fields = {name: asked.pop(name) for name in of_job if name in asked}
    asked["address"] = str(asked["address"])
    message = build_job(
        script(text), checkout=Checkout(**asked), work_directory=str(work), **fields
    )
    return await run(pool, message)


async def test_the_newest_commit_of_a_branch_is_checked_out_into_the_sources(
    pool: HostPool, shop: Path, tmp_path: Path
) -> None:
    for branch, expected in (("refs/heads/main", "3"), ("refs/heads/topic", "1"), ("", "3")):
        outcome = await built(pool, tmp_path / "w", "cat a.txt; echo", address=shop, branch=branch)
        assert outcome.result is JobResult.SUCCEEDED, outcome.log_of(2)
        assert expected in outcome.log().split("\n")
    assert (tmp_path / "w/1/s/a.txt").read_text() == "3"


async def test_a_commit_wins_over_the_branch_it_is_on(
    pool: HostPool, shop: Path, tmp_path: Path
) -> None:
    with Repo(str(shop)) as repo:
        newest = repo[repo.head()]
        second = newest.parents[0].decode()  # type: ignore[union-attr]
    outcome = await built(
        pool, tmp_path, "cat a.txt; echo", address=shop, branch="refs/heads/main", commit=second
    )
    assert "2" in outcome.log().split("\n"), outcome.log_of(2)


@needs_git
async def test_the_clone_is_kept_between_builds_and_clean_removes_what_they_left(
    pool: HostPool, shop: Path, tmp_path: Path
) -> None:
    text = "ls; echo changed > a.txt; touch left"
    await built(pool, tmp_path / "w", text, address=shop)
    kept = await built(pool, tmp_path / "w", text, address=shop)
    assert "left" in kept.log().split("\n")
    again = await built(pool, tmp_path / "w", "ls; cat a.txt; echo", address=shop, clean=True)
    assert "left" not in again.log().split("\n")
    assert "3" in again.log().split("\n")


@needs_git
async def test_another_repository_in_the_same_definition_begins_anew(
    pool: HostPool, shop: Path, tmp_path: Path
) -> None:
    other = repository(tmp_path / "other")
    commit(other, "b.txt", "other")
    await built(pool, tmp_path / "w", "true", address=shop)
    outcome = await built(pool, tmp_path / "w", "ls", address=other)
    assert [n for n in outcome.log().split("\n") if n.endswith(".txt")] == ["b.txt"]


@needs_git
async def test_a_depth_limits_the_history(pool: HostPool, shop: Path, tmp_path: Path) -> None:
    count = "echo commits $(git rev-list --count HEAD)"
    url = shop.as_uri()
    for depth, expected in ((1, 1), (2, 2), (0, 3)):
        outcome = await built(
            pool, tmp_path / "w", count, address=url, branch="refs/heads/main", depth=depth
        )
        assert f"commits {expected}" in outcome.log().split("\n"), outcome.log_of(2)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"branch": "refs/heads/gone"}, "has no branch refs/heads/gone"),
        ({"branch": "refs/heads/gone", "depth": 1}, "has no branch refs/heads/gone"),
        ({"branch": "refs/pull/7/merge"}, "has no branch refs/pull/7/merge"),
        ({"branch": "refs/heads/main", "commit": "f" * 40}, f"has no commit {'f' * 40}"),
        ({"branch": "--upload-pack=touch /tmp/x"}, "has no branch --upload-pack"),
        ({"branch": "refs/heads/main", "commit": "--output=x"}, "has no commit --output=x"),
    ],
)
@needs_git
async def test_what_is_not_there_fails_at_this_step_and_no_task_runs(
    pool: HostPool, shop: Path, tmp_path: Path, asked: dict[str, Any], said: str
) -> None:
    outcome = await built(pool, tmp_path / "w", "echo no", address=shop, **asked)
    assert outcome.result is JobResult.FAILED
    assert outcome.results() == ["Skipped"]
    assert said in outcome.log_of(2), outcome.log_of(2)
    assert len(outcome.ended_of(2).issues) == 1  # trying again would not help


@pytest.mark.parametrize("address", ["/nowhere/at/all", "relative/path", "ext::sh -c touch% x"])
@needs_git
async def test_an_address_that_is_none_is_said(
    pool: HostPool, tmp_path: Path, address: str
) -> None:
    outcome = await built(pool, tmp_path / "w", "echo no", address=address)
    assert outcome.result is JobResult.FAILED
    assert "##[error]" in outcome.log_of(2)
    assert not list(tmp_path.rglob("x"))


@needs_git
async def test_hooks_and_settings_of_the_machine_do_not_count(
    pool: HostPool, shop: Path, tmp_path: Path
) -> None:
    await built(pool, tmp_path / "w", "true", address=shop)
    hook = tmp_path / "w/1/s/.git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    outcome = await built(pool, tmp_path / "w", "true", address=shop)
    assert outcome.result is JobResult.SUCCEEDED
    assert not (tmp_path / "ran").exists()


# ---- submodules -----------------------------------------------------------------------------


def git(*words: str, directory: Path) -> None:
    settings = ("-c", "protocol.file.allow=always", "-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *settings, *words], cwd=directory, check=True, capture_output=True)


@needs_git
async def test_submodules_are_checked_out_when_they_are_wanted(
    pool: HostPool, shop: Path, tmp_path: Path
) -> None:
    inner, middle = tmp_path / "inner", tmp_path / "middle"
    for place, name in ((inner, "deep.txt"), (middle, "middle.txt")):
        repository(place)
        commit(place, name, "x")
    git("submodule", "add", "../inner", "inner", directory=middle)
    git("commit", "-m", "inner", directory=middle)
    git("submodule", "add", str(middle), "lib", directory=shop)
    git("commit", "-m", "lib", directory=shop)
    for wanted, expected in (
        ("", set()),
        ("direct", {"middle.txt"}),
        ("nested", {"middle.txt", "deep.txt"}),
    ):
        outcome = await built(
            pool, tmp_path / f"w{wanted}", "find lib -name '*.txt'", address=shop, submodules=wanted
        )
        assert outcome.result is JobResult.SUCCEEDED, outcome.log_of(2)
        found = {line.rpartition("/")[2] for line in outcome.log().split("\n")} & {
            "middle.txt",
            "deep.txt",
        }
        assert found == expected


# ---- over the network -----------------------------------------------------------------------

PASSWORD = "pa55word-of-the-repository"


@pytest.fixture
def served(shop: Path) -> Iterator[str]:
    """The repository behind HTTP with a sign-in."""
    with over_http(shop, signs_in=True) as url:
        yield url


@needs_git
async def test_a_connection_signs_in_and_leaves_no_trace(
    pool: HostPool, served: str, tmp_path: Path
) -> None:
    endpoint = Endpoint("c1", "far", "git", parameters={"username": "u", "password": PASSWORD})
    outcome = await built(
        pool,
        tmp_path / "w",
        "cat a.txt; echo; cat .git/config; ps -ef; env",
        address=served,
        branch="refs/heads/main",
        connection="far",
        source_endpoints=[endpoint],
        allowed_addresses=["127.0.0.1"],
    )
    assert outcome.result is JobResult.SUCCEEDED, outcome.log_of(2)
    assert "3" in outcome.log().split("\n")
    assert PASSWORD not in outcome.everything()
    kept = [p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()]
    assert not any(PASSWORD.encode() in content for content in kept)


@needs_git
async def test_a_sign_in_that_is_missing_is_said(
    pool: HostPool, served: str, tmp_path: Path
) -> None:
    outcome = await built(
        pool, tmp_path / "w", "true", address=served, allowed_addresses=["127.0.0.1"]
    )
    assert outcome.result is JobResult.FAILED
    assert "Authentication failed" in outcome.log_of(2) or "could not read" in outcome.log_of(2)


@needs_git
async def test_an_address_that_is_not_allowed_is_not_called(
    pool: HostPool, served: str, tmp_path: Path
) -> None:
    outcome = await built(pool, tmp_path / "w", "true", address=served)
    assert "QUAYMASTER_ALLOWED_ADDRESSES" in outcome.log_of(2)


@needs_git
async def test_what_strangers_wrote_begins_empty_and_cannot_name_other_repositories(
    pool: HostPool, shop: Path, served: str, tmp_path: Path
) -> None:
    """The server has one repository here, which is its own submodule; it asks for a sign-in."""
    (shop / ".gitmodules").write_text(f'[submodule "lib"]\npath = lib\nurl = {served}\n')
    with Repo(str(shop)) as repo:
        newest = repo.head().decode()
    git("add", ".gitmodules", directory=shop)
    git("update-index", "--add", "--cacheinfo", f"160000,{newest},lib", directory=shop)
    git("commit", "-m", "lib", directory=shop)
    endpoint = Endpoint("c1", "far", "git", parameters={"username": "u", "password": PASSWORD})
    asked = {
        "address": served,
        "branch": "refs/heads/main",
        "connection": "far",
        "source_endpoints": [endpoint],
        "allowed_addresses": ["127.0.0.1"],
    }
    ours = await built(
        pool, tmp_path / "w", "cat lib/a.txt && touch .git/left", submodules="direct", **asked
    )
    assert ours.result is JobResult.SUCCEEDED, ours.log_of(2)
    theirs = await built(
        pool, tmp_path / "w", "test ! -e .git/left && cat a.txt", of_strangers=True, **asked
    )
    assert theirs.result is JobResult.SUCCEEDED, theirs.log()
    refused = await built(
        pool, tmp_path / "w", "true", submodules="direct", of_strangers=True, **asked
    )
    assert refused.result is JobResult.FAILED
    assert "Authentication failed" in refused.log_of(2) or "could not read" in refused.log_of(2)


async def test_binaries_stay_for_the_next_build_unless_it_cleans_them(
    pool: HostPool, shop: Path, tmp_path: Path
) -> None:
    text = "ls ../b; touch ../b/made"
    for cleans, stays in ((False, False), (False, True), (True, False)):
        message = build_job(
            script(text),
            checkout=Checkout(address=str(shop)),
            work_directory=str(tmp_path / "w"),
            cleans_outputs=cleans,
        )
        outcome = await run(pool, message)
        assert outcome.result is JobResult.SUCCEEDED, outcome.log()
        assert ("made" in outcome.log().split("\n")) is stays

"""Downloading the artifact of a git repository into `<artifacts>/<alias>` (SEMANTICS 4.5, 19.1)."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from dulwich import porcelain
from dulwich.objects import Blob, Commit, Tree
from dulwich.objectspec import parse_commit
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import HTTPGitApplication

from quaymaster.protocol.job import ArtifactDownload, Endpoint, JobResult
from quaymaster.runner.artifacts.sources import CannotDownload, find_repository
from quaymaster.runner.pool import HostPool
from quaymaster.runner.repositories.export import CannotCheckOut, check_out
from tests.runner.call import tree
from tests.runner.make import Watched, artifact, job, run, script

AUTHOR = b"Ann <ann@example.org>"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A repository with versions v1 and v2 of a small site."""
    place = tmp_path / "site repo"
    repo = Repo.init(str(place), mkdir=True)
    for version in ("v1", "v2"):
        (place / "www").mkdir(exist_ok=True)
        (place / "www/index.html").write_text(version)
        (place / "deploy.sh").write_text("#!/bin/sh\necho deploying\n")
        (place / "deploy.sh").chmod(0o755)
        if not (place / "current").is_symlink():
            (place / "current").symlink_to("www/index.html")
            (place / "secrets").symlink_to("/etc/passwd")
        porcelain.add(
            repo, [str(place / n) for n in ("www/index.html", "deploy.sh", "current", "secrets")]
        )
        porcelain.commit(repo, message=version.encode(), author=AUTHOR, committer=AUTHOR)
        porcelain.tag_create(repo, version.encode(), annotated=True, author=AUTHOR, message=b"t")
    return place


def commit_of(place: Path, tag: str) -> str:
    with Repo(str(place)) as repo:
        return parse_commit(repo, tag).id.decode()


async def test_the_chosen_commit_is_checked_out_into_the_alias(
    pool: HostPool, site: Path, tmp_path: Path
) -> None:
    download = artifact("_site", definition=str(site), version=commit_of(site, "v1"))
    step = script("cat _site/www/index.html; _site/deploy.sh; cat _site/current")
    outcome = await run(pool, job(step, artifacts=[download], work_directory=str(tmp_path / "w")))
    lines = outcome.log().split("\n")
    assert "v1deploying" in lines
    files = tree(tmp_path / "w/r1/a/_site")
    assert files == ["current", "deploy.sh", "www/index.html"]  # no .git, no link that leads out
    assert "secrets is a link that leads out" in outcome.log_of(2)
    assert f"Checked out commit {commit_of(site, 'v1')}" in outcome.log_of(2)


@pytest.mark.parametrize("version", ["v2", "refs/tags/v2", "master"])
async def test_tags_and_branches_are_versions_too(pool: HostPool, site: Path, version: str) -> None:
    url = site.as_uri()
    download = artifact("s", url=url, version=version)
    outcome = await run(pool, job(script("cat s/www/index.html; echo"), artifacts=[download]))
    assert "v2" in outcome.log().split("\n"), outcome.log_of(2)


async def test_the_artifacts_directory_is_emptied_before_and_kept_when_skipped(
    pool: HostPool, site: Path, tmp_path: Path
) -> None:
    fields = {"work_directory": str(tmp_path / "w")}
    left = tmp_path / "w/r1/a/left"
    await run(pool, job(script("touch left"), **fields))
    await run(pool, job(script("true"), skip_artifacts=True, **fields))
    assert left.exists()
    await run(pool, job(script("true"), **fields))
    assert not left.exists()


async def test_a_selective_download_takes_only_what_was_chosen(
    pool: HostPool, site: Path, tmp_path: Path
) -> None:
    download = ArtifactDownload(
        "s", "Git", {"definition": str(site), "version": "v1"}, items=["www"]
    )
    work = tmp_path / "w"
    await run(pool, job(script("true"), artifacts=[download], work_directory=str(work)))
    assert tree(work / "r1/a/s") == ["www/index.html"]


async def test_a_commit_that_is_gone_fails_the_job_before_its_tasks(
    pool: HostPool, site: Path
) -> None:
    download = artifact("s", definition=str(site), version="0" * 40)
    outcome = await run(pool, job(script("echo no"), artifacts=[download]))
    assert outcome.result is JobResult.FAILED
    assert outcome.results() == ["Skipped"]
    assert f"has no commit {'0' * 40}" in outcome.log_of(2)
    assert len(outcome.ended_of(2).issues) == 1  # it was not tried again


async def test_a_place_without_a_repository_is_named(pool: HostPool, tmp_path: Path) -> None:
    download = artifact("s", definition=str(tmp_path), version="v1")
    outcome = await run(pool, job(script("echo no"), artifacts=[download]))
    assert f"{tmp_path} is not a git repository" in outcome.log_of(2)


@pytest.mark.parametrize("alias", ["../out", "/abs", "a\\b", ".."])
async def test_an_alias_cannot_leave_the_artifacts_directory(
    pool: HostPool, site: Path, alias: str
) -> None:
    download = artifact(alias, definition=str(site), version="v1")
    outcome = await run(pool, job(script("echo no"), artifacts=[download]))
    assert "cannot be the name of a directory" in outcome.ended_of(2).issues[0].message


@pytest.mark.parametrize("name", [b"../pwned", b".git/hooks/post-checkout", b".GIT/config"])
async def test_a_commit_with_a_forbidden_name_is_refused(
    pool: HostPool, tmp_path: Path, name: bytes
) -> None:
    repo = Repo.init_bare(str(tmp_path / "evil"), mkdir=True)
    blob, tree_ = Blob.from_string(b"x"), Tree()
    tree_._entries[name] = (stat.S_IFREG | 0o644, blob.id)
    tree_._needs_serialization = True
    commit = Commit()
    commit.tree = tree_.id
    commit.author = commit.committer = AUTHOR
    commit.author_time = commit.commit_time = 0
    commit.author_timezone = commit.commit_timezone = 0
    commit.message = b"m"
    for item in (blob, tree_, commit):
        repo.object_store.add_object(item)
    download = artifact("s", definition=str(tmp_path / "evil"), version=commit.id.decode())
    outcome = await run(
        pool, job(script("true"), artifacts=[download], work_directory=str(tmp_path / "w"))
    )
    assert outcome.result is JobResult.FAILED
    assert tree(tmp_path / "w/r1/a") == []


async def test_commit_messages_and_hooks_of_a_repository_do_nothing(
    pool: HostPool, site: Path, tmp_path: Path
) -> None:
    hook = site / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    download = artifact("s", definition=str(site), version="v1")
    await run(pool, job(script("true"), artifacts=[download]))
    assert not (tmp_path / "ran").exists()


@pytest.fixture
async def served(site: Path) -> AsyncIterator[str]:
    """The repository behind HTTP, as any git server offers it."""

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """The test's output stays its own."""

    application = HTTPGitApplication(DictBackend({"/site.git": Repo(str(site))}))
    server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
    serving = asyncio.get_running_loop().run_in_executor(None, server.serve_forever)
    yield f"http://127.0.0.1:{server.server_port}/site.git"
    server.shutdown()
    await serving
    server.server_close()


async def test_a_repository_behind_http_is_fetched_once_and_then_kept(
    pool: HostPool, served: str, site: Path, tmp_path: Path
) -> None:
    download = artifact("s", url=served, version=commit_of(site, "v1"))
    message = job(
        script("cat s/www/index.html; echo"),
        artifacts=[download],
        work_directory=str(tmp_path / "w"),
        allowed_addresses=["127.0.0.1"],
    )
    first = await run(pool, message)
    assert "v1" in first.log().split("\n"), first.log_of(2)
    assert "Fetching http://127.0.0.1" in first.log_of(2)
    second = await run(pool, message)
    assert "v1" in second.log().split("\n")
    assert "Fetching" not in second.log_of(2)


async def test_an_address_nobody_answers_is_tried_again_and_can_be_canceled(
    pool: HostPool,
) -> None:
    download = artifact("s", url="http://user:pa55word@127.0.0.1:9/x.git", version="v1")
    message = job(script("true"), artifacts=[download], allowed_addresses=["127.0.0.1"])
    watched = Watched(pool, message)
    await watched.until(lambda outcome: "tried again in" in outcome.log_of(2))
    watched.cancelled.set_result("")
    outcome = await watched.end()
    assert outcome.ended_of(2).result is JobResult.CANCELED
    assert "pa55word" not in outcome.everything()


async def test_an_address_that_is_not_allowed_is_not_asked(pool: HostPool, served: str) -> None:
    download = artifact("s", url=served, version="v1")
    outcome = await run(pool, job(script("true"), artifacts=[download]))
    assert outcome.result is JobResult.FAILED
    assert "QUAYMASTER_ALLOWED_ADDRESSES" in outcome.log_of(2)


@pytest.mark.parametrize("allowed", [["127.0.0.1"], []])
async def test_a_machine_without_the_git_program_fetches_over_http_as_well(
    served: str,
    site: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    allowed: list[str],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "out").mkdir()
    request = {
        "source": served,
        "version": commit_of(site, "v1"),
        "target": str(tmp_path / "out"),
        "mirrors": str(tmp_path / "mirrors"),
        "allowed": allowed,
    }
    if not allowed:
        with pytest.raises(CannotCheckOut, match="QUAYMASTER_ALLOWED_ADDRESSES"):
            await asyncio.to_thread(check_out, request)
        return
    await asyncio.to_thread(check_out, request)
    assert (tmp_path / "out/www/index.html").read_text() == "v1"


def test_github_repositories_are_found_by_their_name_and_connection() -> None:
    download = artifact("s", "GitHub", definition="owner/repo", version="v", connection="C1")
    plain = find_repository(download, [])
    assert (plain.address, plain.password) == ("https://github.com/owner/repo", "")
    endpoint = Endpoint("c1", "gh", "github", parameters={"AccessToken": "t"})
    signed_in = find_repository(download, [endpoint])
    assert (signed_in.user, signed_in.password) == ("token", "t")
    assert "t'" not in repr(signed_in)


@pytest.mark.parametrize(
    ("download", "reason"),
    [
        (artifact("b", "Git", version="5"), "does not say where its repository is"),
        (artifact("b", "Git", url="/x"), "has no version"),
    ],
)
def test_what_cannot_be_downloaded_says_why(download: ArtifactDownload, reason: str) -> None:
    with pytest.raises(CannotDownload, match=reason):
        find_repository(download, [])

"""Reading git repositories: refs, commits between two versions, changed paths, files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dulwich import porcelain
from dulwich.objects import Commit
from dulwich.repo import Repo

from quaymaster.actions.ports.outside import CodeRepository
from quaymaster.connectors.artifacts.git import GitRepositories
from quaymaster.connectors.repositories import GitFolder
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import ArtifactPlan
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.protocol.job import Endpoint
from tests.gits import commit, over_http, repository

LOCAL = AllowedAddresses.of(("127.0.0.1",))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return repository(tmp_path / "shop")


@pytest.fixture(params=["path", "http"])
def asked(request: pytest.FixtureRequest, shop: Path) -> Iterator[CodeRepository]:
    """The repository by its path, and behind HTTP; it has a first commit."""
    commit(shop, "README.md", "shop", "Begin")
    if request.param == "path":
        yield CodeRepository(str(shop))
        return
    with over_http(shop) as url:
        yield CodeRepository(url)


@pytest.fixture
def folder(tmp_path: Path) -> GitFolder:
    return GitFolder(tmp_path / "copies", LOCAL)


async def test_a_commit_of_any_bytes_and_times_can_be_told_of(
    folder: GitFolder, shop: Path
) -> None:
    tree = commit(shop, "a.txt", "1")
    with Repo(str(shop)) as repo:
        odd = Commit()
        odd.tree = repo[tree.encode()].tree  # type: ignore[union-attr]
        odd.author = odd.committer = b"\xffNo\0body <x@y>"
        odd.message = b"nul\0 and \xed\xa0\x80"
        odd.author_time, odd.commit_time = 10**18, -(10**18)
        odd.author_timezone = odd.commit_timezone = 0
        repo.object_store.add_object(odd)
    found = await folder.commit(CodeRepository(str(shop)), odd.id.decode())
    assert "\0" not in f"{found.message}{found.author_name}"
    assert found.message.startswith("nul\N{REPLACEMENT CHARACTER} and")
    assert found.message.encode()
    assert found.at.year == 1970


async def test_heads_are_those_of_now(folder: GitFolder, asked: CodeRepository, shop: Path) -> None:
    before = await folder.heads(asked)
    newest = commit(shop, "a.txt", "1")
    porcelain.tag_create(str(shop), b"v1", annotated=False)
    after = await folder.heads(asked)
    assert before["refs/heads/main"] != newest
    assert after["refs/heads/main"] == after["refs/tags/v1"] == after["HEAD"] == newest


async def test_a_head_that_stands_for_no_commit_hides_no_branch(
    folder: GitFolder, asked: CodeRepository, shop: Path
) -> None:
    made = commit(shop, "a.txt", "one")
    with Repo(str(shop)) as repo:
        repo.refs.set_symbolic_ref(b"HEAD", b"refs/heads/later")
    found = await folder.heads(asked)
    assert found["refs/heads/main"] == made
    assert "HEAD" not in found
    assert (await folder.commit(asked, "main")).id == made
    with pytest.raises(Invalid, match="has no commit yet"):
        await folder.commit(asked, "")


async def test_a_branch_a_tag_an_id_and_nothing_mean_a_commit(
    folder: GitFolder, asked: CodeRepository, shop: Path
) -> None:
    newest = commit(shop, "a.txt", "1", "Add a\n\nBecause.")
    porcelain.tag_create(str(shop), b"v1", annotated=True, message=b"x", author=b"Ann <a@b>")
    for named in ("main", "refs/heads/main", "v1", "refs/tags/v1", newest, ""):
        found = await folder.commit(asked, named)
        assert (found.id, found.message) == (newest, "Add a\n\nBecause."), named
    assert (found.author_name, found.author_email) == ("Ann", "ann@example.org")
    for wrong in ("gone", "f" * 40, "refs/heads/ma", "--help"):
        with pytest.raises(Invalid, match="no branch, tag or commit"):
            await folder.commit(asked, wrong)


async def test_the_commits_between_two_versions_are_all_there_also_more_than_250(
    folder: GitFolder, asked: CodeRepository, shop: Path
) -> None:
    older = commit(shop, "n.txt", "0")
    made = [commit(shop, "n.txt", str(number)) for number in range(1, 301)]
    found = await folder.commits(asked, older, made[-1], 1000)
    assert [one.id for one in found] == made[::-1]
    assert len(await folder.commits(asked, older, made[-1], 50)) == 50
    assert await folder.commits(asked, made[-1], older, 50) == []
    rewritten = await folder.commits(asked, "e" * 40, made[-1], 50)
    assert [one.id for one in rewritten] == made[-1:]


async def test_the_paths_in_which_two_commits_differ(
    folder: GitFolder, asked: CodeRepository, shop: Path
) -> None:
    first = commit(shop, "src/a.py", "1")
    commit(shop, "docs/b.md", "1")
    last = commit(shop, "src/c.py", "1")
    assert set(await folder.paths(asked, first, last)) == {"docs/b.md", "src/c.py"}
    assert await folder.paths(asked, "", last) == ["src/c.py"]


async def test_a_file_of_a_commit(folder: GitFolder, asked: CodeRepository, shop: Path) -> None:
    first = commit(shop, "ci/build.yml", "steps: 1")
    commit(shop, "ci/build.yml", "steps: 2")
    assert await folder.file(asked, first, "/ci/build.yml") == b"steps: 1"
    for path, said in (("ci/no.yml", "no file ci/no.yml"), ("ci", "is a folder")):
        with pytest.raises(Invalid, match=said):
            await folder.file(asked, first, path)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/nowhere/at/all", "no git repository at /nowhere"),
        ("relative", "no address of a repository"),
        ("ftp://host/x", "reached by a path, http, https or ssh"),
        ("http://user:pa55@127.0.0.1:9/x.git", "cannot be read"),
        ("http://[::", "is not a URL"),
    ],
)
async def test_a_repository_that_is_not_there_is_named_without_its_password(
    folder: GitFolder, address: str, said: str
) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        await folder.commit(CodeRepository(address), "main")
    assert "pa55" not in str(refused.value)


async def test_no_address_is_called_that_is_not_allowed(tmp_path: Path, shop: Path) -> None:
    commit(shop, "a.txt", "1")
    with over_http(shop) as url:
        closed = GitFolder(tmp_path / "copies", AllowedAddresses())
        for question in (closed.heads(CodeRepository(url)), closed.commit(CodeRepository(url), "")):
            with pytest.raises(Invalid, match="QUAYMASTER_ALLOWED_ADDRESSES"):
                await question


def signing(number: str, password: str = "pa55") -> Endpoint:
    return Endpoint(number, number, "git", parameters={"username": "u", "password": password})


async def test_a_copy_is_read_only_with_what_it_was_fetched_with(
    folder: GitFolder, shop: Path
) -> None:
    newest = commit(shop, "a.txt", "1")
    with over_http(shop, signs_in=True) as url:
        ours = CodeRepository(url, signing("c1"))
        assert (await folder.commit(ours, newest)).id == newest
        inside = f"{url[:7]}u:pa55@{url[7:]}"
        assert await folder.file(CodeRepository(inside), newest, "a.txt") == b"1"
    renewed = CodeRepository(url, signing("c1", "n3w"))  # tokens of apps last an hour
    assert await folder.file(renewed, newest, "a.txt") == b"1"
    for stranger in (url, f"{url[:7]}u:gue55@{url[7:]}"):  # nobody answers there any more
        with pytest.raises(Invalid, match="cannot be read"):
            await folder.file(CodeRepository(stranger), newest, "a.txt")
    with pytest.raises(Invalid, match="cannot be read"):
        await folder.file(CodeRepository(url, signing("c2")), newest, "a.txt")


async def test_what_the_installation_keeps_for_itself_is_no_repository(
    tmp_path: Path, shop: Path
) -> None:
    newest = commit(shop, "a.txt", "1")
    home = tmp_path / "home"
    folder = GitFolder(home / "repositories", LOCAL, home=home)
    with over_http(shop, signs_in=True) as url:
        await folder.commit(CodeRepository(url, signing("c1")), newest)
    [copy] = [one for one in (home / "repositories").iterdir() if one.is_dir()]
    (tmp_path / "link").symlink_to(copy)
    odd = f"{shop}/../home/repositories/{copy.name}"
    for place in (str(copy), f"file://{copy}", odd, str(tmp_path / "link")):
        for question in (
            folder.heads(CodeRepository(place)),
            folder.file(CodeRepository(place), newest, "a.txt"),
        ):
            with pytest.raises(Invalid, match="is kept by the product for itself"):
                await question
    assert (await folder.commit(CodeRepository(str(shop)), "")).id == newest


async def test_a_machine_without_the_git_program_reads_over_http_as_well(
    folder: GitFolder, shop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    newest = commit(shop, "a.txt", "1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with over_http(shop) as url:
        assert (await folder.heads(CodeRepository(url)))["refs/heads/main"] == newest
        assert (await folder.commit(CodeRepository(url), "")).id == newest


async def test_versions_of_a_repository_on_the_network_are_its_commits(
    folder: GitFolder, shop: Path
) -> None:
    first = commit(shop, "a.txt", "1")
    porcelain.tag_create(str(shop), b"v1", annotated=False)
    second = commit(shop, "a.txt", "2")
    source = GitRepositories(folder)
    with over_http(shop) as url:
        artifact = ArtifactPlan("_shop", "Git", reference={"definition": url})
        listed = await source.versions(artifact, 10, None)
        assert [(one.id, one.name) for one in listed] == [
            (first, "v1"),
            (second, second[:8]),
            (first, first[:8]),
        ]
        newest = ArtifactPlan(
            "_shop",
            "Git",
            default_version_type="latestFromBranchType",
            reference={"definition": url, "branches": "main"},
        )
        assert [one.id for one in await source.versions(newest, 1, None)] == [second]
        assert (await source.resolve(artifact, "v1", None)).commit == first
        with pytest.raises(Invalid, match="neither a tag"):
            await source.resolve(artifact, "v9", None)

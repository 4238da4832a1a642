"""Every kind of source lists, chooses by default, resolves and downloads (SEMANTICS 4, issue 4)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from quaymaster.connectors.artifacts.remote import remote_sources
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import ArtifactPlan
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.outgoing.http import GuardedClient
from quaymaster.protocol.job import ArtifactDownload, Endpoint, JobResult
from quaymaster.runner.pool import HostPool
from quaymaster.sources.asking import Asked, SourceProblem
from quaymaster.sources.source import Traced, sources
from tests.runner.make import Outcome, job, run, script
from tests.sources.counterparts import azure, github, jenkins, maven, npm, nuget, registry
from tests.sources.counterparts.serving import (
    SECRET,
    Counterpart,
    Reply,
    Request,
    answer,
    serving,
    zipped,
)

FEED = {**npm.NPM.reference, "packageType": "npm"}
ALL = (
    github.REPOSITORY,
    github.RELEASES,
    jenkins.JENKINS,
    nuget.NUGET,
    npm.NPM,
    maven.MAVEN,
    replace(npm.NPM, type="PackageManagement", reference=FEED),
    azure.EXTERNAL_BUILDS,
    replace(azure.EXTERNAL_BUILDS, type="team"),
    azure.CHANGESETS,
    registry.REGISTRY,
)
DOWNLOADING = tuple(one for one in ALL if one.downloads)
CLIENT = GuardedClient(AllowedAddresses.of(("127.0.0.1",)))


def named(counterpart: Counterpart) -> str:
    return counterpart.type


@pytest.fixture(params=ALL, ids=named)
def far(request: pytest.FixtureRequest) -> Iterator[tuple[Counterpart, str]]:
    with serving(request.param.serve) as url:
        yield request.param, url


@pytest.fixture(params=DOWNLOADING, ids=named)
def giving(request: pytest.FixtureRequest) -> Counterpart:
    found: Counterpart = request.param
    return found


def asked(far: Counterpart, url: str, password: str = SECRET, **more: str) -> Asked:
    reference = {**far.reference, **more}
    return Asked("_shop", far.type, reference, far.connection(url, password))


async def test_versions_are_listed_newest_first_and_no_more_than_wanted(far) -> None:
    kind, url = far
    source = sources()[kind.type.casefold()]
    listed = await source.versions(CLIENT, asked(kind, url), 50)
    assert [version.id for version in listed] == kind.versions
    assert all(version.name for version in listed)
    first = await source.versions(CLIENT, asked(kind, url), 1)
    assert [version.id for version in first] == kind.versions[:1]


@pytest.mark.parametrize("kind", [one for one in ALL if one.on_branch], ids=named)
async def test_a_branch_and_tags_choose_among_them(kind: Counterpart) -> None:
    reference, expected = kind.on_branch or ({}, [])
    with serving(kind.serve) as url:
        source = sources()[kind.type.casefold()]
        listed = await source.versions(CLIENT, asked(kind, url, **reference), 50)
    assert [version.id for version in listed] == expected


async def test_the_default_branch_of_a_build_definition_elsewhere_is_asked_for() -> None:
    """SEMANTICS 4.2: the newest build of any other branch is not what is meant."""
    far = azure.EXTERNAL_BUILDS
    source = remote_sources(CLIENT)["externaltfsbuild"]

    async def versions(url: str, **more: str) -> list[str]:
        reference = {**far.reference, "defaultVersionBranch": "topic", **more}
        kind = "latestWithBuildDefinitionBranchAndTagsType"
        artifact = ArtifactPlan("_shop", far.type, default_version_type=kind, reference=reference)
        return [one.id for one in await source.versions(artifact, 50, far.connection(url))]

    with serving(far.serve) as url:
        assert await versions(url) == ["9", "7"]
        assert await versions(url, defaultVersionTags="good") == ["7"]
        with pytest.raises(Invalid, match=r"build definition 4 of its server has no default br"):
            await versions(url, definition="4")
        with pytest.raises(Invalid, match=r"the server has no build definition 5"):
            await versions(url, definition="5")


async def test_a_version_is_resolved_and_an_unknown_one_is_named(far) -> None:
    kind, url = far
    source = sources()[kind.type.casefold()]
    assert (await source.resolve(CLIENT, asked(kind, url), kind.of)).id == kind.of
    for wrong in ("nine-thousand", "987654321", "../../secret"):
        with pytest.raises(SourceProblem, match=r"(?s)_shop") as unknown:
            await source.resolve(CLIENT, asked(kind, url), wrong)
        assert unknown.value.is_final


async def test_wrong_credentials_are_said_without_showing_them(far) -> None:
    kind, url = far
    wrong = "not-the-password-1"
    source = sources()[kind.type.casefold()]
    with pytest.raises(SourceProblem, match=r"answered 401.*credentials") as refused:
        await source.versions(CLIENT, asked(kind, url, wrong), 5)
    assert wrong not in str(refused.value)


async def test_a_server_in_trouble_may_be_asked_again(giving: Counterpart) -> None:
    with serving(lambda _: Reply(503)) as url:
        source = sources()[giving.type.casefold()]
        with pytest.raises(SourceProblem, match="answered 503") as trouble:
            await source.versions(CLIENT, asked(giving, url), 5)
    assert not trouble.value.is_final


async def test_a_page_in_place_of_json_is_said(far) -> None:
    kind, _ = far
    source = sources()[kind.type.casefold()]
    with (
        serving(lambda _: Reply(200, b"<html>Please sign in</html>")) as url,
        pytest.raises(SourceProblem, match=r"not (JSON|XML)"),
    ):
        await source.versions(CLIENT, asked(kind, url), 5)


async def test_no_source_reaches_an_address_that_is_not_allowed(far) -> None:
    kind, url = far
    source = sources()[kind.type.casefold()]
    with pytest.raises(SourceProblem, match="QUAYMASTER_ALLOWED_ADDRESSES"):
        await source.versions(GuardedClient(AllowedAddresses()), asked(kind, url), 5)


@pytest.mark.parametrize("kind", [one for one in ALL if one.between], ids=named)
async def test_what_changed_between_two_versions_is_told_newest_first(kind: Counterpart) -> None:
    older, newer, expected = kind.between or ("", "", [])
    source = sources()[kind.type.casefold()]
    assert isinstance(source, Traced)
    with serving(kind.serve) as url:
        found = await source.changes(CLIENT, asked(kind, url), older, newer, 1000)
        some = await source.changes(CLIENT, asked(kind, url), older, newer, 1)
    assert [one.id for one in found] == expected
    assert [one.id for one in some] == expected[:1]


# ---- downloading, by a real job -------------------------------------------------------------


async def downloaded(
    pool: HostPool, far: Counterpart, url: str, work: Path, items: list[str] | None = None
) -> Outcome:
    connection: Endpoint = far.connection(url)
    reference = {**far.reference, "version": far.of, "connection": connection.id}
    return await run(
        pool,
        job(
            script("true"),
            artifacts=[ArtifactDownload("_shop", far.type, reference, items)],
            source_endpoints=[connection],
            allowed_addresses=["127.0.0.1"],
            work_directory=str(work),
        ),
    )


def found(work: Path) -> dict[str, bytes]:
    root = work / "r1/a/_shop"
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


async def test_a_job_downloads_every_file(
    pool: HostPool, giving: Counterpart, tmp_path: Path
) -> None:
    with serving(giving.serve) as url:
        outcome = await downloaded(pool, giving, url, tmp_path)
    assert outcome.result is JobResult.SUCCEEDED, outcome.log_of(2)
    assert found(tmp_path) == giving.files
    assert SECRET not in outcome.everything()
    assert not list((tmp_path / "_temp").glob("artifact-*"))
    right = "0 downloads had" not in outcome.log_of(2)
    assert right is (giving.sums_up and bool(giving.files)), outcome.log_of(2)


async def test_a_job_downloads_only_the_items_that_were_chosen(
    pool: HostPool, giving: Counterpart, tmp_path: Path
) -> None:
    for items, expected in (
        ([next(iter(giving.files), "x")], set(list(giving.files)[:1])),
        (["**/*.txt", "*.txt"], {name for name in giving.files if name.endswith(".txt")}),
    ):
        with serving(giving.serve) as url:
            outcome = await downloaded(pool, giving, url, tmp_path, items)
        assert outcome.result is JobResult.SUCCEEDED, outcome.log_of(2)
        assert set(found(tmp_path)) == expected


@pytest.mark.parametrize("giving", [one for one in DOWNLOADING if one.sums_up], ids=named)
async def test_a_file_that_is_not_what_its_checksum_says_fails_the_job(
    pool: HostPool, giving: Counterpart, tmp_path: Path
) -> None:
    def tampering(request: Request) -> Reply:
        reply = giving.serve(request)
        is_told = reply.headers.get("Content-Type") in ("application/json", "application/xml")
        body = reply.body if is_told or not reply.body else reply.body[:-1] + b"~"
        return replace(reply, body=body)

    with serving(tampering) as url:
        outcome = await downloaded(pool, giving, url, tmp_path)
    assert outcome.result is JobResult.FAILED
    assert outcome.results() == ["Skipped"]
    assert "checksum" in outcome.log_of(2)
    assert len(found(tmp_path)) < max(1, len(giving.files))


# ---- what nobody should send ----------------------------------------------------------------


def jenkins_with(path: str, content: bytes) -> Counterpart:
    """A build that archived this one file."""

    def serve(request: Request) -> Reply:
        if request.path.endswith("/api/json"):
            return answer({"number": 10, "artifacts": [{"relativePath": path}]})
        return Reply(200, content)

    return replace(jenkins.JENKINS, serve=serve)


def package_of(content: bytes) -> Counterpart:
    """A feed whose package is these bytes, and has no registrations."""

    def serve(request: Request) -> Reply:
        if request.path == "/v3/index.json":
            flat = {"@id": f"{request.url}/flat/", "@type": "PackageBaseAddress/3.0.0"}
            return answer({"resources": [flat]})
        is_list = request.path.endswith("index.json")
        return answer({"versions": ["1.10.0"]}) if is_list else Reply(200, content)

    return replace(nuget.NUGET, serve=serve)


@pytest.mark.parametrize("path", ["../../../../out.txt", "/etc/out.txt", "a/../../out", "a\\b"])
async def test_a_file_whose_name_leads_out_is_refused(
    pool: HostPool, tmp_path: Path, path: str
) -> None:
    far = jenkins_with(path, b"x")
    with serving(far.serve) as url:
        outcome = await downloaded(pool, far, url, tmp_path / "w")
    assert outcome.result is JobResult.FAILED
    assert "forbidden name" in outcome.log_of(2)
    assert not list(tmp_path.rglob("out*"))


async def test_an_archive_that_grows_out_of_proportion_is_refused(
    pool: HostPool, tmp_path: Path
) -> None:
    far = package_of(zipped({"zeros": bytes(100 * 1024**2)}))
    with serving(far.serve) as url:
        outcome = await downloaded(pool, far, url, tmp_path)
    assert outcome.result is JobResult.FAILED
    assert "grows beyond" in outcome.log_of(2)
    assert found(tmp_path) == {}


async def test_an_archive_with_an_entry_that_leads_out_leaves_nothing(
    pool: HostPool, tmp_path: Path
) -> None:
    far = package_of(zipped({"fine.txt": b"x", "../../../evil.txt": b"x"}))
    with serving(far.serve) as url:
        outcome = await downloaded(pool, far, url, tmp_path)
    assert "would leave the target directory" in outcome.log_of(2)
    assert found(tmp_path) == {}
    assert not list(tmp_path.rglob("evil*"))


async def test_a_type_that_nobody_can_download_is_named(pool: HostPool, tmp_path: Path) -> None:
    download = ArtifactDownload("_x", "SomethingElse", {"version": "1"})
    outcome = await run(
        pool, job(script("true"), artifacts=[download], work_directory=str(tmp_path))
    )
    assert outcome.result is JobResult.FAILED
    assert "of type SomethingElse" in outcome.ended_of(2).issues[0].message

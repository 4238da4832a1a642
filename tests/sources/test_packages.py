"""What only some kinds of packages have."""

import pytest

from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.outgoing.http import GuardedClient
from quaymaster.sources.asking import Asked, SourceProblem
from quaymaster.sources.source import sources
from tests.sources.counterparts import maven, npm, nuget, registry
from tests.sources.counterparts.serving import Counterpart, Reply, Request, answer, serving

CLIENT = GuardedClient(AllowedAddresses.of(("127.0.0.1",)))
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    b"<metadata><versioning><versions><version>&b;</version></versions></versioning></metadata>"
)


def asked(of: Counterpart, url: str, **more: str) -> Asked:
    return Asked("_shop", of.type, {**of.reference, **more}, of.connection(url))


async def test_a_tag_of_a_registry_means_a_version() -> None:
    with serving(npm.serve) as url:
        found = await sources()["npm"].resolve(CLIENT, asked(npm.NPM, url), "latest")
    assert (found.id, str(found.created_at)) == ("1.10.0", "2026-03-01 10:00:00+00:00")


@pytest.mark.parametrize("wrong", ["", "http://[", "http://h:99999/"])
async def test_a_feed_whose_index_leads_nowhere_is_said_to(wrong: str) -> None:
    def serve(request: Request) -> Reply:
        resource = {"@id": f"{wrong}/flat/", "@type": "PackageBaseAddress/3.0.0"}
        return answer({"resources": [resource]})

    with serving(serve) as url, pytest.raises(SourceProblem, match="_shop"):
        await sources()["nuget"].versions(CLIENT, asked(nuget.NUGET, url), 5)


async def test_a_feed_signs_in_at_its_own_server_only() -> None:
    signed_in: dict[str, list[bool]] = {"own": [], "other": []}

    def elsewhere(request: Request) -> Reply:
        signed_in["other"].append("Authorization" in request.headers)
        if request.path.endswith("/index.json"):
            return answer({"versions": ["1.0.0"]})
        return answer({"catalogEntry": {}})

    with serving(elsewhere) as other:

        def index(request: Request) -> Reply:
            signed_in["own"].append(request.signs_in)
            resources = [
                {"@id": f"{other}/flat/", "@type": "PackageBaseAddress/3.0.0"},
                {"@id": f"{other}/registrations/", "@type": "RegistrationsBaseUrl"},
            ]
            return answer({"resources": resources})

        with serving(index) as url:
            [file] = await sources()["nuget"].files(CLIENT, asked(nuget.NUGET, url), "1.0.0")
    assert signed_in == {"own": [True], "other": [False, False]}
    assert (file.url.startswith(other), dict(file.headers)) == (True, {})


async def test_a_registry_s_list_does_not_go_on_in_clear_or_elsewhere() -> None:
    kind = sources()["azurecontainerrepository"]
    for beginning in ("https://", "http://elsewhere."):

        def serve(request: Request, beginning: str = beginning) -> Reply:
            link = request.url.replace("http://", beginning) + "/v2/acme/shop/tags/list?last=1"
            return answer({"tags": ["1"]}, Link=f'<{link}>; rel="next"')

        with serving(serve) as url, pytest.raises(SourceProblem, match="at another server"):
            await kind.versions(CLIENT, asked(registry.REGISTRY, url), 5)


async def test_a_document_that_defines_entities_is_refused() -> None:
    with (
        serving(lambda _: Reply(200, BOMB)) as url,
        pytest.raises(SourceProblem, match="not XML"),
    ):
        await sources()["maven"].versions(CLIENT, asked(maven.MAVEN, url), 5)


@pytest.mark.parametrize("name", ["shop", "com.acme:", "com.acme:../x", ":shop", "com/acme:shop"])
async def test_a_name_that_is_no_group_and_artifact_is_refused(name: str) -> None:
    wrong = asked(maven.MAVEN, "http://127.0.0.1:1", definition=name)
    with pytest.raises(SourceProblem, match="not a group and an artifact"):
        await sources()["maven"].versions(CLIENT, wrong, 5)


async def test_a_kind_of_package_that_cannot_be_taken_is_named() -> None:
    other = asked(npm.NPM, "http://127.0.0.1:1", packageType="pypi")
    with pytest.raises(SourceProblem, match="pypi"):
        await sources()["packagemanagement"].versions(CLIENT, other, 5)

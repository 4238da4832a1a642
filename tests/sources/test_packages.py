"""What only some kinds of packages have."""

import pytest

from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.outgoing.http import GuardedClient
from quaymaster.sources.asking import Asked, SourceProblem
from quaymaster.sources.source import sources
from tests.sources.counterparts import maven, npm
from tests.sources.counterparts.serving import Counterpart, Reply, serving

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

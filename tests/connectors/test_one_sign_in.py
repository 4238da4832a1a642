"""A connection means the same wherever it is used: by which word, with which token, and where."""

import sys
from base64 import b64encode
from io import StringIO

import msgspec
import pytest

from quaymaster.connectors.artifacts.git import code_repository
from quaymaster.connectors.server_tasks import signing_in
from quaymaster.domain.commit_statuses import CommitState, CommitStatus
from quaymaster.domain.plan import ArtifactPlan
from quaymaster.domain.pushes import artifact_repository, named_key
from quaymaster.protocol.job import ArtifactDownload, Endpoint
from quaymaster.runner.artifacts.sources import find_repository
from quaymaster.runner.programs import say
from quaymaster.runner.repositories.addresses import address, repository_text
from quaymaster.sources import commit_servers, commit_statuses
from quaymaster.sources.asking import TOKENS, authorization, connection_named

STATUS = CommitStatus(
    type="GitLab",
    repository="acme/shop",
    url="",
    connection="hub",
    commit="c" * 40,
    context="build",
    state=CommitState.PENDING,
    description="",
    target_url="",
)


def downloaded(**reference: str) -> ArtifactDownload:
    return ArtifactDownload("_shop", "Git", {"version": "v1", "connection": "hub", **reference})


def test_an_id_wins_over_a_name_and_neither_case_nor_blanks_count() -> None:
    one, other = Endpoint("C1", "Straße", "git"), Endpoint("c2", "C1", "git")
    known = [other, one]
    assert connection_named(known, " c1 ") is one
    assert connection_named(known, "STRASSE") is one
    assert connection_named([Endpoint("c3", "", "git")], " ") is None
    assert connection_named(known, "c3") is None


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_is_one_under_each_of_its_names(name: str) -> None:
    hub = Endpoint("c1", "hub", "gitlab", "https://hub.example", parameters={name: "t0ken"})
    basic = b64encode(b":t0ken").decode()
    assert address("https://hub.example/acme/shop", hub).password == "t0ken"
    assert find_repository(downloaded(url="https://hub.example/x"), [hub]).password == "t0ken"
    assert commit_statuses.request(STATUS, hub).headers["PRIVATE-TOKEN"] == "t0ken"
    assert authorization(hub) == {"Authorization": f"Basic {basic}"}
    by_task = Endpoint("c1", "hub", "generic", scheme="Token", parameters={name: "t0ken"})
    assert signing_in.headers(by_task) == {"Authorization": "Bearer t0ken"}


def test_a_deploy_token_has_a_user_of_its_own_in_releases_as_in_builds() -> None:
    parameters = {"username": "deployer", "apiToken": "t0ken"}
    hub = Endpoint("c1", "hub", "git", parameters=parameters, data={"privateKEY": "key"})
    url = "https://hub.example/acme/shop"
    of_build, of_release = address(url, hub), find_repository(downloaded(url=url), [hub])
    assert (of_release.user, of_release.password) == ("deployer", "t0ken")
    assert (of_build.user, of_build.password) == ("deployer", "t0ken")
    assert of_release.private_key == of_build.private_key == "key"


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("", "https://github.com/acme/shop"),
        ("https://api.github.com/", "https://github.com/acme/shop"),
        ("https://www.github.com", "https://github.com/acme/shop"),
        ("https://ghe.example/api/v3", "https://ghe.example/acme/shop"),
        ("https://ghe.example:8443/git", "https://ghe.example:8443/git/acme/shop"),
    ],
)
def test_owner_and_name_are_found_at_the_same_place_by_all(server: str, expected: str) -> None:
    hub = Endpoint("c1", "hub", "github", server)
    artifact = msgspec.structs.replace(downloaded(definition="acme/shop"), type="GitHub")
    assert repository_text("GitHubEnterprise", "acme/shop", "", hub) == expected
    assert find_repository(artifact, [hub]).address == expected
    assert commit_servers.address(hub, "acme/shop") == f"{expected}.git"
    assert f"https://{named_key('GitHub', 'acme/shop', server)}" == expected.replace(":8443", "")


def test_a_repository_that_an_artifact_names_by_its_path_is_known_to_all() -> None:
    reference = {"definition": "Shop", "path": "/srv/shop.git"}
    artifact = ArtifactPlan("_shop", "Git", reference=reference)
    assert code_repository(artifact, None).address == "/srv/shop.git"
    assert find_repository(downloaded(**reference), []).address == "/srv/shop.git"
    assert artifact_repository(artifact) == "/srv/shop"


def test_what_a_program_says_is_in_the_log_also_when_it_is_killed_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[str] = []

    class Buffered(StringIO):
        def flush(self) -> None:
            written.append(self.getvalue())

    monkeypatch.setattr(sys, "stdout", Buffered())
    say("half of it")
    assert written == ["half of it\n"]

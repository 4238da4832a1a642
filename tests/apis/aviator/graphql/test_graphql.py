"""The GraphQL view: the same facts and changes as the REST calls (AVIATOR 8)."""

from typing import Any

import pytest

from quaymaster.actions.people import people
from quaymaster.store.postgres.database import Database
from tests.apis.aviator.server import COMMIT, REPOSITORY, Aviator

OVERVIEW = """
query ($project: String!) {
  releaseProject(name: $project) {
    name repository { owner name }
    environments {
      name tier frozen freezeReason parent { name }
      current { version commitSha } rollbackTarget { version }
      deployments(first: 2) {
        nodes { id status isRollback errorMessage startedAt endedAt actor { email }
                candidate { version number release { version } } from { version } }
        pageInfo { hasNextPage endCursor }
      }
    }
    releases { nodes { version headCommitSha latestCandidate { version }
                       candidates { version number buildStatus deployments { status } } } }
  }
}
"""


async def asked(aviator: Aviator, text: str, *, token: str | None = None, **variables: Any) -> Any:
    answer = await aviator.azure.ask(
        "POST", "/graphql", json={"query": text, "variables": variables}, token=token
    )
    assert answer.status_code in (200, 400), answer.text
    return answer.json()


async def found(aviator: Aviator, text: str, **variables: Any) -> Any:
    """The data of a query that has nothing to complain about."""
    answer = await asked(aviator, text, **variables)
    assert "errors" not in answer, answer["errors"]
    return answer["data"]


async def refused(aviator: Aviator, text: str, **variables: Any) -> tuple[str, int]:
    [error] = (await asked(aviator, text, **variables))["errors"]
    return error["message"], error["extensions"]["code"]


async def test_what_rest_did_is_seen(aviator: Aviator) -> None:
    await aviator.history([("1.0-rc1", "success"), ("1.0-rc2", "success"), ("2.0-rc1", "failure")])
    body = {"reason": "Audit"}
    await aviator.here("PUT", "/freeze", json=body)
    project = (await found(aviator, OVERVIEW, project="shop"))["releaseProject"]
    assert project["repository"] == {"owner": "acme", "name": "shop"}
    [environment] = project["environments"]
    assert (environment["frozen"], environment["freezeReason"]) == (True, "Audit")
    assert environment["tier"] == "PRODUCTION"
    assert environment["current"] == {"version": "1.0-rc2", "commitSha": COMMIT}
    assert environment["rollbackTarget"] == {"version": "1.0-rc2"}
    newest, before = environment["deployments"]["nodes"]
    assert (newest["status"], newest["candidate"]["version"]) == ("FAILURE", "2.0-rc1")
    assert newest["candidate"] == {"version": "2.0-rc1", "number": 1, "release": {"version": "2.0"}}
    assert newest["from"] == {"version": "1.0-rc2"}
    assert before["status"] == "SUCCESS"
    assert environment["deployments"]["pageInfo"]["hasNextPage"]
    rest = await aviator.listed(per_page=2)
    assert [one["id"] for one in rest] == [newest["id"], before["id"]]
    assert [one["deploy_start_at"] for one in rest] == [newest["startedAt"], before["startedAt"]]
    assert [one["version"] for one in project["releases"]["nodes"]] == ["2.0", "1.0"]
    [_, first] = project["releases"]["nodes"]
    assert [one["version"] for one in first["candidates"]] == ["1.0-rc1", "1.0-rc2"]
    assert first["latestCandidate"] == {"version": "1.0-rc2"}


async def test_pages_follow_each_other(aviator: Aviator) -> None:
    await aviator.history([(f"{number}.0-rc1", "success") for number in range(1, 6)])
    text = """
    query ($after: String) { releaseProject(name: "shop") {
      releases(first: 2, after: $after) { edges { cursor node { version } }
                                          pageInfo { hasNextPage endCursor } }
      environment(name: "production") {
        deployments(first: 2, after: $after) { nodes { candidate { version } }
                                               pageInfo { hasNextPage endCursor } } } } }
    """
    for kind in ("releases", "deployments"):
        seen, after, more = [], None, True
        while more:
            project = (await found(aviator, text, after=after))["releaseProject"]
            page = project[kind] if kind == "releases" else project["environment"][kind]
            if kind == "releases":
                seen += [edge["node"]["version"] for edge in page["edges"]]
            else:
                seen += [node["candidate"]["version"][:-4] for node in page["nodes"]]
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert seen == ["5.0", "4.0", "3.0", "2.0", "1.0"]


async def test_a_page_whose_size_is_null_has_the_usual_one(aviator: Aviator) -> None:
    """As clients send a variable that nobody set."""
    await aviator.history([("1.0-rc1", "success"), ("2.0-rc1", "success")])
    text = """query ($first: Int) { releaseProjects(first: $first) { nodes {
      releases(first: null) { nodes { version } }
      environment(name: "production") { deployments(first: $first) { nodes { status } } } } } }"""
    for variables in ({}, {"first": None}):
        told = await found(aviator, text, **variables)
        [project] = told["releaseProjects"]["nodes"]
        assert [one["version"] for one in project["releases"]["nodes"]] == ["2.0", "1.0"]
        assert len(project["environment"]["deployments"]["nodes"]) == 2


@pytest.mark.parametrize("after", ["zzz", "aWQ6eA==", "🚀", "aWQ6OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk="])
async def test_a_cursor_that_was_never_given_is_refused(aviator: Aviator, after: str) -> None:
    text = """query ($after: String) { releaseProject(name: "shop") {
      releases(after: $after) { nodes { version } } } }"""
    assert await refused(aviator, text, after=after) == ("Invalid after", 400)


def mutation(name: str, kind: str, payload: str) -> str:
    return f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ {payload} }} }}"


CUT = mutation("cutRelease", "CutRelease", "releaseCandidate { version commitSha buildStatus }")
DEPLOY = mutation("createDeployment", "CreateDeployment", "deployment { id status }")
UPDATE = mutation("updateDeployment", "UpdateDeployment", "deployment { id status }")
ROLLBACK = mutation("rollback", "Rollback", "deployment { isRollback candidate { version } }")
FREEZE = mutation("setFreeze", "SetFreeze", "environment { frozen freezeReason }")
HERE = {"project": "shop", "environment": "production"}


def cut(version: str, **changes: Any) -> dict[str, Any]:
    body = {"project": "shop", "releaseCandidateVersion": version, "repo": REPOSITORY}
    return {**body, "commit": COMMIT, **changes}


async def test_a_version_is_cut_deployed_reported_and_rolled_back(aviator: Aviator) -> None:
    for version in ("1.0-rc1", "2.0-rc1"):
        made = await found(aviator, CUT, input=cut(version))
        assert made["cutRelease"]["releaseCandidate"]["buildStatus"] == "SUCCESS"
        of_version = {**HERE, "releaseCandidateVersion": version}
        started = await found(aviator, DEPLOY, input=of_version)
        assert started["createDeployment"]["deployment"]["status"] == "PENDING"
        told = await found(aviator, UPDATE, input={**of_version, "status": "SUCCESS"})
        assert told["updateDeployment"]["deployment"]["status"] == "SUCCESS"
    back = await found(aviator, ROLLBACK, input=HERE)
    assert back["rollback"]["deployment"] == {
        "isRollback": True,
        "candidate": {"version": "1.0-rc1"},
    }
    assert (await aviator.shown())[0] == ("1.0-rc1", "pending")


async def test_a_freeze_set_here_is_kept_there(aviator: Aviator) -> None:
    await aviator.cut("1.0-rc1")
    made = await found(aviator, FREEZE, input={**HERE, "frozen": True, "reason": "Sale"})
    assert made["setFreeze"]["environment"] == {"frozen": True, "freezeReason": "Sale"}
    assert (await aviator.deploy("1.0-rc1")).json() == {"error": "Environment is frozen"}
    lifted = await found(aviator, FREEZE, input={**HERE, "frozen": False})
    assert lifted["setFreeze"]["environment"]["frozen"] is False


async def test_refusals_are_those_of_rest(aviator: Aviator) -> None:
    await aviator.cut("1.0-rc1")
    cases = [
        (CUT, cut("1.0"), ("Invalid release candidate version", 400)),
        (CUT, cut("1.0-rc1"), ("Release candidate already exists", 409)),
        (CUT, cut("2.0-rc1", commit="xyz"), ("Invalid commit hash", 400)),
        (CUT, cut("2.0-rc1", repo="acme/other"), ("GitHub repository not found", 404)),
        (CUT, cut("2.0-rc1", project="nope"), ("Release project not found", 404)),
        (
            DEPLOY,
            {**HERE, "releaseCandidateVersion": "9.0-rc1"},
            ("Release not found", 404),
        ),
        (
            DEPLOY,
            {"project": "shop", "environment": "x", "releaseCandidateVersion": "1.0-rc1"},
            ("Release environment not found", 404),
        ),
        (ROLLBACK, HERE, ("No previous deployment to roll back from", 404)),
        (FREEZE, {**HERE, "frozen": True, "reason": "a", "until": "soon"}, ("Invalid until", 400)),
    ]
    for text, given, expected in cases:
        assert await refused(aviator, text, input=given) == expected


async def test_each_kind_of_thing_is_asked_for_once(
    aviator: Aviator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many environments, versions and deployments there are (no query runs N+1).

    What is asked for at the same moment is asked for together, so that the number of questions
    differs a little from one time to the next; one for each would be as many more as there are.
    """
    more = 12

    async def questions() -> int:
        asked_of_database, signing_in = 0, False
        read, sign_in = Database.read, people.sign_in

        def counting(self: Database) -> Any:
            nonlocal asked_of_database
            asked_of_database += not signing_in
            return read(self)

        async def uncounted(*given: Any) -> Any:
            nonlocal signing_in
            signing_in = True
            try:
                return await sign_in(*given)
            finally:
                signing_in = False

        with monkeypatch.context() as patch:
            patch.setattr(Database, "read", counting)
            patch.setattr(people, "sign_in", uncounted)
            await found(aviator, OVERVIEW, project="shop")
        return asked_of_database

    await aviator.history([("1.0-rc1", "success"), ("1.1-rc1", "success")])
    few = await questions()
    for number in range(more):
        await aviator.with_environment(f"staging-{number}", parent="production")
    await aviator.history([(f"2.{number}-rc1", "success") for number in range(more)])
    assert await questions() < few + more


class TestWhoMay:
    async def test_nobody_without_a_token(self, aviator: Aviator) -> None:
        for method in ("POST", "GET"):
            answer = await aviator.azure.ask(
                method, "/graphql", token="", params={"query": "{viewer{email}}"}, json={}
            )
            assert answer.status_code == 401, answer.text
            assert answer.json() == {"error": "Unauthorized"}
            assert answer.headers["www-authenticate"] == "Bearer"

    async def test_the_page_is_for_everybody_and_asks_nobody_else(self, aviator: Aviator) -> None:
        answer = await aviator.azure.ask("GET", "/graphql", token="")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/html")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy

    async def test_a_reader_sees_and_changes_nothing(self, aviator: Aviator) -> None:
        await aviator.cut("1.0-rc1")
        reader = await aviator.azure.user("rita", groups=("Readers",))
        seen = await asked(aviator, OVERVIEW, token=reader, project="shop")
        assert seen["data"]["releaseProject"]["name"] == "shop"
        answer = await asked(aviator, ROLLBACK, token=reader, input=HERE)
        assert answer["errors"][0]["extensions"]["code"] in (403, 404)
        answer = await asked(aviator, CUT, token=reader, input=cut("2.0-rc1"))
        assert (answer["errors"][0]["message"], answer["data"]) == ("Forbidden", None)

    async def test_a_token_for_reading_changes_nothing(self, aviator: Aviator) -> None:
        token = await aviator.azure.token_of("admin", "vso.release")
        answer = await asked(aviator, CUT, token=token, input=cut("2.0-rc1"))
        assert answer["errors"][0]["extensions"]["code"] == 403

    async def test_other_peoples_projects_do_not_exist(self, aviator: Aviator) -> None:
        stranger = await aviator.azure.user("sam")
        answer = await asked(aviator, OVERVIEW, token=stranger, project="shop")
        assert answer["data"] == {"releaseProject": None}
        listed = (
            '{releaseProjects {nodes {name}} githubRepository(owner: "acme", name: "shop") {name}}'
        )
        answer = await asked(aviator, listed, token=stranger)
        assert answer["data"] == {"releaseProjects": {"nodes": []}, "githubRepository": None}


@pytest.mark.parametrize(
    "body", [{}, {"query": 7}, {"query": "{viewer{email}}", "variables": []}, [], "x"]
)
async def test_a_body_that_is_no_query_is_400(aviator: Aviator, body: Any) -> None:
    answer = await aviator.azure.ask("POST", "/graphql", json=body)
    assert answer.status_code == 400, answer.text


async def test_a_query_may_be_an_address(aviator: Aviator) -> None:
    params = {"query": "query a {viewer {fullName email}}", "operationName": "a"}
    answer = await aviator.azure.ask("GET", "/graphql", params=params)
    assert answer.json()["data"]["viewer"]["fullName"] == "Administrator"
    answer = await aviator.azure.ask("GET", "/graphql", params={"query": "mutation {a}"})
    assert answer.status_code == 400

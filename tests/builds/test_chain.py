"""The chain: a push is built, the build is released once and deployed (issue 4.5)."""

import json
from pathlib import Path
from typing import Any

from dulwich import porcelain
from dulwich.refs import Ref
from dulwich.repo import Repo

from tests.apis.azure.build.asking import artifact_of, step
from tests.apis.azure.test_webhooks import hook, signature
from tests.builds.conftest import Yard
from tests.builds.test_running import at
from tests.documents import definition, stage
from tests.gits import commit
from tests.server.waiting import eventually
from tests.worker.conftest import world  # noqa: F401 - a fixture

PUBLISH = (
    'mkdir -p out && cp page.txt out/ && echo "##vso[artifact.upload artifactname=drop]$PWD/out"'
)


def ci(**changes: Any) -> dict[str, Any]:
    return {
        "triggerType": "continuousIntegration",
        "branchFilters": ["+refs/heads/main"],
        "pathFilters": [],
        **changes,
    }


async def push(
    yard: Yard, place: Path, after: str, ref: str = "refs/heads/main", **more: Any
) -> Any:
    body = json.dumps({"repository": str(place), "ref": ref, "after": after, **more}).encode()
    answer = await yard.server.ask(
        "POST",
        "/default/_apis/public/distributedtask/webhooks/shop",
        token="",
        content=body,
        headers={"X-Signature-256": signature(body)},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def builds(yard: Yard, how_many: int, **wanted: str) -> list[Any]:
    """So many completed builds, newest first."""
    found: list[Any] = []

    async def are_there() -> bool:
        query = "&".join(f"{name}={value}" for name, value in wanted.items())
        found[:] = (await yard.ask("GET", f"builds?{query}"))["value"]
        return len(found) >= how_many and all(one["status"] == "completed" for one in found)

    await eventually(are_there, f"{how_many} builds")
    assert len(found) == how_many
    return found


async def nothing_is_waiting(yard: Yard) -> None:
    async def is_so() -> bool:
        async with yard.server.database.read() as connection:
            return not await connection.fetchval(
                "SELECT count(*) FROM pushes WHERE tries = 0 AND due_at <= now()"
            )

    await eventually(is_so, "all pushes to be answered")


def releasing(project: str, build: int, target: Path) -> dict[str, Any]:
    """A definition that deploys what a build published, for each build of main."""
    trigger = {
        "triggerType": "artifactSource",
        "artifactAlias": "_ci",
        "triggerConditions": [{"sourceBranch": "main"}],
    }
    script = f'cat _ci/drop/page.txt > {target}; echo " $BUILD_BUILDNUMBER" >> {target}'
    return definition(
        "Shop",
        stage("Dev", script=script),
        artifacts=[artifact_of(project, build, "Shop CI")],
        triggers=[trigger],
    )


async def test_a_push_is_built_and_the_build_is_released_and_deployed_once(
    yard: Yard, shop: Path, tmp_path: Path
) -> None:
    await hook(yard.server)
    project = (await yard.server.get("/default/_apis/projects/Default")).json()["id"]
    made = await yard.define("Shop CI", step(PUBLISH), repository=at(shop), triggers=[ci()])
    target = tmp_path / "deployed.txt"
    await yard.server.made("definitions", releasing(project, made["id"], target))
    await yard.world.worker()
    first = commit(shop, "page.txt", "two")
    for _ in range(5):
        await push(yard, shop, first)
    (build,) = await builds(yard, 1)
    assert (build["result"], build["reason"]) == ("succeeded", "individualCI")
    assert (build["sourceBranch"], build["sourceVersion"]) == ("refs/heads/main", first)
    deployed = f"two {build['buildNumber']}\n"
    await eventually(lambda: _holds(target, deployed), "the deployment")
    (release,) = (await yard.server.seen("releases"))["value"]
    assert release["reason"] == "continuousIntegration"
    whole = await yard.server.seen(f"releases/{release['id']}")
    reference = whole["artifacts"][0]["definitionReference"]
    assert reference["version"] == {"id": str(build["id"]), "name": build["buildNumber"]}
    assert reference["sourceVersion"]["id"] == first
    # 260 commits later
    commits = merged(shop, 260)
    await push(yard, shop, commits[-1])
    await builds(yard, 2)
    newest: list[Any] = []

    async def is_released() -> bool:
        newest[:] = (await yard.server.seen("releases"))["value"]
        return len(newest) == 2

    await eventually(is_released, "the second release")
    second = max(one["id"] for one in newest)
    changes = await yard.server.seen(f"releases/{second}/changes?$top=1000")
    assert [one["id"] for one in changes["value"]] == commits[::-1]
    items = await yard.server.seen(f"releases/{second}/workitems")
    assert [one["id"] for one in items["value"]] == ["7"], "of the oldest commit, beyond 250"


def merged(place: Path, how_many: int) -> list[str]:
    """Commits that were made on a branch of their own and come to main all at once; the first
    names a work item."""
    with Repo(str(place)) as repo:
        repo.refs[Ref(b"refs/heads/work")] = repo.refs[Ref(b"refs/heads/main")]
        repo.refs.set_symbolic_ref(Ref(b"HEAD"), Ref(b"refs/heads/work"))
    words = ["Begin (#7)", *(f"Change {number}" for number in range(1, how_many))]
    made = [commit(place, "page.txt", message, message) for message in words]
    with Repo(str(place)) as repo:
        repo.refs[Ref(b"refs/heads/main")] = repo.refs[Ref(b"refs/heads/work")]
    return made


async def _holds(place: Path, text: str) -> bool:
    return place.exists() and place.read_text() == text


async def test_filters_decide_what_is_built(yard: Yard, shop: Path) -> None:
    await hook(yard.server)
    await yard.define(
        "Shop CI", step("true"), repository=at(shop), triggers=[ci(pathFilters=["+/src"])]
    )
    await yard.world.worker()
    docs = commit(shop, "docs/a.md", "x")
    await push(yard, shop, docs)
    await push(yard, shop, docs, ref="refs/heads/topic", paths=["src/a.py"])
    skipped = commit(shop, "src/b.py", "x", "Tidy [skip ci]")
    await push(yard, shop, skipped, message="Tidy [skip ci]")
    source = commit(shop, "src/a.py", "x")
    await push(yard, shop, source, before=skipped)
    (build,) = await builds(yard, 1)
    assert build["sourceVersion"] == source
    await nothing_is_waiting(yard)
    changes = await yard.ask("GET", f"builds/{build['id']}/changes")
    assert [one["id"] for one in changes["value"]] == [source]


async def test_a_repository_that_does_not_tell_is_looked_at(yard: Yard, shop: Path) -> None:
    made = await yard.define("Shop CI", step("true"), repository=at(shop), triggers=[ci()])
    await yard.world.worker()

    async def was_looked_at() -> bool:
        async with yard.server.database.read() as connection:
            return bool(
                await connection.fetchval(
                    "SELECT seen IS NOT NULL FROM build_triggers WHERE definition_id = $1",
                    made["id"],
                )
            )

    await eventually(was_looked_at, "the first look")
    pushed = commit(shop, "page.txt", "two")
    async with yard.server.database.transaction() as connection:
        await connection.execute("UPDATE build_triggers SET look_at = now()")
    (build,) = await builds(yard, 1)
    assert build["sourceVersion"] == pushed


async def test_builds_follow_builds(yard: Yard, shop: Path) -> None:
    first = await yard.define("Shop CI", step("true"), repository=at(shop))
    after = {
        "triggerType": "buildCompletion",
        "definition": {"id": first["id"]},
        "branchFilters": ["+refs/heads/main"],
        "requiresSuccessfulBuild": True,
    }
    second = await yard.define("Shop tests", step("true"), repository=at(shop), triggers=[after])
    await yard.world.worker()
    queued = await yard.queue(first, sourceBranch="main")
    (build,) = await builds(yard, 1, definitions=str(second["id"]))
    assert build["reason"] == "buildCompletion"
    assert build["sourceVersion"] == (await yard.ended(queued))["sourceVersion"] != ""


async def test_a_branch_that_is_not_there_is_said_when_a_build_is_queued(
    yard: Yard, shop: Path
) -> None:
    made = await yard.define("Shop CI", step("true"), repository=at(shop))
    body = {"definition": {"id": made["id"]}, "sourceBranch": "gone"}
    refused = await yard.ask("POST", "builds", 400, json=body)
    assert "refs/heads/gone" in refused["message"]
    assert (await yard.ask("GET", "builds"))["count"] == 0


async def test_versions_of_builds_are_chosen_by_branch_and_tags(
    yard: Yard, shop: Path, tmp_path: Path
) -> None:
    porcelain.branch_create(str(shop), "topic")
    project = (await yard.server.get("/default/_apis/projects/Default")).json()["id"]
    repository = {**at(shop), "defaultBranch": "main"}
    made = await yard.define("Shop CI", step("true"), repository=repository)
    await yard.world.worker()
    queued = [
        await yard.queue(made, sourceBranch=branch, tags=tags)
        for branch, tags in (("main", ["good"]), ("topic", ["good"]), ("main", []))
    ]
    for one in queued:
        await yard.ended(one)
    good, topic, newest = (str(one["id"]) for one in queued)

    async def default(way: str, **more: str) -> tuple[list[str], str]:
        document = releasing(project, made["id"], tmp_path / "x")
        reference = document["artifacts"][0]["definitionReference"]
        reference["defaultVersionType"] = {"id": way}
        for key, value in more.items():
            reference[key] = {"id": value}
        document["name"] = f"{way} {more}"
        saved = await yard.server.made("definitions", document)
        path = f"artifacts/versions?releaseDefinitionId={saved['id']}"
        (found,) = (await yard.server.seen(path))["artifactVersions"]
        assert found["errorMessage"] is None, found
        chosen = found["defaultVersion"]
        return sorted(one["id"] for one in found["versions"]), chosen and chosen["id"]

    everything = sorted([good, topic, newest])
    assert (await default("latestType"))[0] == everything
    branch = "latestWithBranchAndTagsType"
    assert await default(branch, defaultVersionBranch="topic") == ([topic], topic)
    assert await default(
        branch, defaultVersionBranch="refs/heads/main", defaultVersionTags="GOOD"
    ) == ([good], good)
    assert (await default("specificVersionType", defaultVersionSpecific=good))[1] == good
    assert (await default("selectDuringReleaseCreationType"))[1] is None
    own = "latestWithBuildDefinitionBranchAndTagsType"
    await yard.ended(await yard.queue(made, sourceBranch="topic", tags=["good"]))
    assert await default(own) == (sorted([good, newest]), newest)
    ignored = {"defaultVersionBranch": "topic"}
    assert await default(own, defaultVersionTags="good", **ignored) == ([good], good)

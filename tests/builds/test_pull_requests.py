"""Pull requests: delivered, built as merged, told of to their repository (SEMANTICS 8.9, 23.10)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dulwich.refs import Ref
from dulwich.repo import Repo

from tests.apis.azure.build.asking import artifact_of, step
from tests.apis.azure.test_webhooks import deliver, hook, signature
from tests.builds.conftest import Yard
from tests.builds.test_phases import DELAY, phase, task
from tests.connectors.far_side import FarSide, answering, far_side
from tests.documents import definition, stage
from tests.gits import commit
from tests.server.waiting import eventually
from tests.worker.conftest import world  # noqa: F401 - a fixture

MERGE = "refs/pull/7/merge"
pytestmark = pytest.mark.usefixtures("loopback_is_allowed")  # of the workers, to tell of builds


def proposed(place: Path, text: str) -> tuple[str, str]:
    """A commit on a branch of its own with its merge; the ids of the head and of the merge."""
    head = commit(place, "page.txt", text, f"Propose {text}")
    merge = commit(place, "page.txt", f"merged {text}", f"Merge {text}")
    with Repo(str(place)) as repo:
        repo.refs[Ref(MERGE.encode())] = merge.encode()
    return head, merge


def event(place: Path, head: str, merge: str) -> dict[str, Any]:
    """What GitHub delivers of a pull request that has a new commit."""
    asked = {
        "merge_commit_sha": merge,
        "title": "Better",
        "head": {"sha": head, "repo": {"id": 1}},
        "base": {"ref": "main", "repo": {"id": 1}},
    }
    names = {"clone_url": str(place), "default_branch": "main"}
    return {"action": "synchronize", "number": 7, "pull_request": asked, "repository": names}


_numbers: Iterator[int] = iter(range(1, 1000))


async def delivered(yard: Yard, body: dict[str, Any]) -> None:
    content = json.dumps(body).encode()
    headers = {
        "X-GitHub-Event": "pull_request",
        "X-GitHub-Delivery": f"d{next(_numbers)}",
        "X-Hub-Signature-256": signature(content),
    }
    answer = await deliver(yard.server, content, **headers)
    assert answer.status_code == 200, answer.text


async def connected(yard: Yard, url: str) -> str:
    """A connection to a server that speaks as GitHub does; its id."""
    body = {
        "name": "hub",
        "type": "github",
        "url": url,
        "authorization": {"scheme": "Token", "parameters": {"AccessToken": "gh-token"}},
    }
    path = "/default/Default/_apis/serviceendpoint/endpoints"
    made = await yard.server.ask("POST", path, json=body)
    assert made.status_code == 200, made.text
    return str(made.json()["id"])


def reporting(place: Path, connection: str) -> dict[str, Any]:
    return {
        "type": "GitHub",
        "id": "octo/web",
        "name": "octo/web",
        "url": str(place),
        "properties": {"reportBuildStatus": "true", "connectedServiceId": connection},
    }


def pr(**changes: Any) -> dict[str, Any]:
    filters = {"branchFilters": ["+refs/heads/main"], "pathFilters": []}
    return {"triggerType": "pullRequest", **filters, "autoCancel": True, **changes}


def releasing(project: str, build: int) -> dict[str, Any]:
    """A definition that deploys what pull requests into main would bring."""
    trigger = {
        "triggerType": "pullRequest",
        "artifactAlias": "_ci",
        "statusPolicyName": "shop",
        "triggerConditions": [{"targetBranch": "main"}],
    }
    dev = stage("Dev", environmentOptions={"pullRequestDeploymentEnabled": True})
    return definition(
        "Shop", dev, artifacts=[artifact_of(project, build, "CI")], triggers=[trigger]
    )


async def told(receiver: FarSide, number: int) -> list[dict[str, Any]]:
    """The first so many statuses that were posted."""

    async def all_there() -> bool:
        return len(receiver.asked) >= number

    await eventually(all_there, f"{number} statuses")
    return [json.loads(one.partition("\r\n\r\n")[2]) for one in receiver.asked]


async def found(yard: Yard, how_many: int) -> list[Any]:
    listed: list[Any] = []

    async def are_there() -> bool:
        listed[:] = (await yard.ask("GET", "builds?queryOrder=queueTimeAscending"))["value"]
        return len(listed) >= how_many

    await eventually(are_there, f"{how_many} builds")
    return listed


async def test_a_pull_request_is_built_as_merged_and_its_head_is_told(
    yard: Yard, shop: Path
) -> None:
    await hook(yard.server)
    head, merge = proposed(shop, "two")
    async with far_side(answering("{}", "201 Created")) as receiver:
        hub = await connected(yard, receiver.url)
        made = await yard.define(
            "CI", step("cat page.txt"), repository=reporting(shop, hub), triggers=[pr()]
        )
        project = (await yard.server.get("/default/_apis/projects/Default")).json()["id"]
        await yard.server.made("definitions", releasing(project, made["id"]))
        await yard.world.worker()
        await delivered(yard, event(shop, head, merge))
        [queued] = await found(yard, 1)
        build = await yard.ended(queued)
        assert "merged two" in await yard.log(build, "Script")
        assert (build["reason"], build["sourceBranch"]) == ("pullRequest", MERGE)
        assert build["sourceVersion"] == merge
        assert build["triggerInfo"]["pr.sourceSha"] == head
        statuses = await told(receiver, 4)
    assert [(one["context"], one["state"]) for one in statuses] == [
        ("CI", "pending"),
        ("CI", "success"),
        ("shop/Dev", "pending"),
        ("shop/Dev", "success"),
    ]
    [release] = (await yard.server.seen("releases?$expand=artifacts"))["value"]
    taken = release["artifacts"][0]["definitionReference"]
    assert taken["pullRequest.targetBranch"]["id"] == "refs/heads/main"
    assert "requestedForId" not in taken  # nobody known here opened it
    assert statuses[3]["description"] == "Deployment of Release-1 on Dev succeeded."
    assert "_release?releaseId=" in statuses[3]["target_url"]
    assert all(f"statuses/{head} " in one for one in receiver.asked)
    assert statuses[1]["description"] == f"Build {build['buildNumber']} succeeded."
    assert statuses[1]["target_url"].endswith(f"/_build/results?buildId={build['id']}")
    first = receiver.asked[0]
    assert first.startswith(f"POST /api/v3/repos/octo/web/statuses/{head} HTTP/1.1")
    assert "Bearer gh-token" in first


async def test_a_newer_commit_cancels_the_older_build_and_forks_are_left_alone(
    yard: Yard, shop: Path
) -> None:
    await hook(yard.server)
    waits = phase("Wait", task(DELAY, "Wait", delayForMinutes="60"), target={"type": 2})
    repo = {"type": "Git", "id": str(shop), "name": "web", "url": str(shop)}
    await yard.define(
        "CI", process={"type": 1, "phases": [waits]}, repository=repo, triggers=[pr()]
    )
    await yard.world.worker()
    stranger = event(shop, *proposed(shop, "zero"))
    stranger["pull_request"]["head"]["repo"] = {"id": 9}
    await delivered(yard, stranger)
    await delivered(yard, event(shop, *proposed(shop, "two")))
    [first] = await found(yard, 1)
    await delivered(yard, event(shop, *proposed(shop, "three")))
    [canceled] = [await yard.ended(first)]
    assert canceled["result"] == "canceled"
    both = await found(yard, 2)
    assert len(both) == 2
    assert both[1]["status"] == "inProgress"

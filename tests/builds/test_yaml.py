"""Pipelines described by a file in their repository, and the commits of their builds."""

from pathlib import Path
from typing import Any

from dulwich.porcelain import add, commit

from tests.builds.conftest import Yard
from tests.builds.test_running import at
from tests.repositories import AUTHOR, committed
from tests.repositories import made as repository_made

PIPELINE = """
name: Site-$(Rev:r)
variables: {color: blue}
jobs:
- job: Make
  steps:
  - script: echo "$(color) $(Build.SourceBranchName)" && mkdir -p out && cp page.txt out/
  - publish: out
    artifact: site
- job: Check
  dependsOn: Make
  steps:
  - checkout: none
  - bash: test ! -e page.txt || test -e page.txt
"""


def with_file(place: Path, name: str, text: str) -> str:
    """One more commit, with this file."""
    (place / name).write_text(text)
    add(str(place), [str(place / name)])
    made: Any = commit(
        str(place), f"Add {name} for #42".encode(), author=AUTHOR, committer=AUTHOR, sign=False
    )
    return str(made.decode())


def pipeline(place: Path, **changes: Any) -> Any:
    return {"process": {"type": 2, "yamlFilename": "/ci.yml"}, "repository": at(place), **changes}


async def test_a_yaml_pipeline_is_read_at_the_commit_that_is_built(yard: Yard, tmp_path: Path):
    place = tmp_path / "web"
    repository_made(place)
    tip = with_file(place, "ci.yml", PIPELINE)
    await yard.world.worker()
    definition = await yard.define("Site", **pipeline(place))
    queued = await yard.queue(definition, sourceBranch="main")
    assert (queued["buildNumber"], queued["sourceVersion"]) == ("Site-1", tip)
    build = await yard.ended(queued)
    log = await yard.log(build, "CmdLine")
    assert build["result"] == "succeeded", log
    assert "blue main" in log
    [artifact] = (await yard.ask("GET", f"builds/{build['id']}/artifacts"))["value"]
    assert artifact["name"] == "site"
    newer = committed(place)
    second = await yard.queue(definition, sourceBranch="refs/heads/main")
    changes = (await yard.ask("GET", f"builds/{second['id']}/changes"))["value"]
    assert [one["id"] for one in changes] == [newer]
    items = (await yard.ask("GET", f"builds/{build['id']}/workitems"))["value"]
    assert [one["id"] for one in items] == ["42"]
    assert (await yard.ended(second))["result"] == "succeeded"


async def test_what_cannot_be_read_or_run_is_said_when_the_build_is_queued(
    yard: Yard, tmp_path: Path
):
    place = tmp_path / "web"
    repository_made(place)
    definition = await yard.define("Site", **pipeline(place))
    body = {"definition": {"id": definition["id"]}, "sourceBranch": "main"}
    refused = await yard.ask("POST", "builds", 400, json=body)
    assert "ci.yml" in refused["message"]
    with_file(place, "ci.yml", "steps:\n- template: other.yml\n")
    refused = await yard.ask("POST", "builds", 400, json=body)
    assert "ci.yml line 2: templates are not supported" in refused["message"]
    refused = await yard.ask("POST", "builds", 400, json={**body, "sourceBranch": "nowhere"})
    assert "nowhere" in refused["message"]
    assert (await yard.ask("GET", "builds"))["count"] == 0

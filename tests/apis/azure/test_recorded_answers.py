"""What published answers of the service hold is in ours, whatever was said when it was saved."""

import csv
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.apis.azure.server import Server
from tests.apis.azure.versions.test_recorded import places
from tests.documents import approval_step, build_artifact, stage
from tests.vectors import shared_folder

DATA = shared_folder() / "data"
pytestmark = pytest.mark.skipif(
    not (DATA / "INDEX.tsv").is_file(), reason=f"{DATA} is not there (QUAYMASTER_SHARED)"
)
# Fields of the documents' own authors, and pictures, which belong to people.
FREE = re.compile(r"definitionReference\.|\.variables\.|properties\.|inputs\.|[aA]vatar|imageUrl")
NEVER = (
    ".currentRelease",  # which release a stage runs is told by deployments
    ".value[].retentionPolicy",  # of a definition; each stage has its own
    ".timeoutInMintues",  # misspelt in some examples
    ".workflowTasks[]",  # as they were sent
    ".approvalOptions",  # as they were sent
    ".variableGroups[]",
    ".agentSpecification",
    ".processParameters",
    ".deploySteps[]",  # nothing runs here
    ".deployPhasesSnapshot[].deploymentInput.parallelExecution.",
    "Approvals[].",
    ".triggers[]",
    ".artifacts[]",
    ".schedules[]",
)


def recorded(*kinds: str) -> Iterator[tuple[str, Any]]:
    """The published answers of these kinds, each with its version."""
    with (DATA / "INDEX.tsv").open("r", encoding="utf-8") as index:
        for row in csv.DictReader(index, delimiter="\t"):
            version = re.search(r"__(?:azure-devops-server-|tfs-)?(\d\.\d)_", row["file"])
            if row["file"].startswith("responses/") and row["kind"] in kinds and version:
                body = json.loads((DATA / row["file"]).read_text("utf-8-sig"))
                yield version.group(1).replace("4.1", "4.1-preview"), body


def lacking(theirs: Any, ours: Any) -> set[str]:
    """The places of a published answer that ours does not have."""
    return {
        place
        for place in set(places(theirs)) - set(places(ours))
        if not FREE.search(place) and not any(part in place for part in NEVER)
    }


async def made(server: Server) -> tuple[int, int]:
    """A release of a definition that says as little as one can."""
    me = await server.me()
    asks = {"approvals": [approval_step(me)]}
    sparse = {
        "name": "Sparse",
        "environments": [
            {
                **{key: stage("Dev")[key] for key in ("name", "retentionPolicy")},
                "preDeployApprovals": asks,
                "postDeployApprovals": asks,
                "conditions": [{"conditionType": "event", "name": "ReleaseStarted", "value": ""}],
                "deployPhases": [
                    {"name": "Run", "rank": 1, "phaseType": 1, "deploymentInput": {"queueId": 1}}
                ],
            }
        ],
        "artifacts": [build_artifact()],
    }
    definition = await server.made("definitions", sparse)
    chosen = [{"alias": "_Web-CI", "instanceReference": {"id": "5", "name": "5.0"}}]
    body = {"definitionId": definition["id"], "artifacts": chosen}
    return definition["id"], (await server.made("releases", body))["id"]


async def test_vector_published_answers_hold_nothing_that_ours_lack(server: Server):
    definition, release = await made(server)
    paths = {
        ("releasedef",): f"definitions/{definition}?",
        ("list:releasedef", "list:releasedefref"): "definitions?$expand=all&",
        ("release",): f"releases/{release}?",
        ("list:release",): "releases?$expand=all&",
        ("list:approval",): "approvals?",
        ("list:deployment",): "deployments?",
    }
    found, seen = {}, 0
    for kinds, path in paths.items():
        for version, body in recorded(*kinds):
            ours = await server.seen(f"{path}api-version={version}")
            if lacks := lacking(body, ours):
                found[kinds[0], version] = sorted(lacks)
            seen += 1
    assert not found
    assert seen > 20


async def test_what_is_shown_beyond_what_was_said_changes_nothing(server: Server):
    definition, _ = await made(server)
    read = await server.seen(f"definitions/{definition}")
    answer = await server.project("PUT", "definitions", json={**read, "description": "same"})
    again = answer.json()
    for key in ("environments", "artifacts", "triggers", "properties", "releaseNameFormat"):
        assert again[key] == read[key], key
    shown = {key: value for key, value in answer.json().items() if value is not None}
    for dev in shown["environments"]:  # as the Python client sends it: without nulls
        for gates in ("preDeploymentGates", "postDeploymentGates"):
            del dev[gates]["gatesOptions"]
    bare = (await server.project("PUT", "definitions", json=shown)).json()
    assert bare["environments"] == read["environments"]
    assert read["environments"][0]["badgeUrl"].endswith(
        f"/{definition}/{read['environments'][0]['id']}"
    )

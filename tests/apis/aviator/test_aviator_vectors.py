"""The published vectors, over HTTP: PATCH, rollback and the grammar of versions."""

from typing import Any

import pytest

from tests import vectors
from tests.apis.aviator.server import COMMIT, REPOSITORY, Aviator

FROZEN = {"reason": "Closing the books"}


def agrees(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Every key that is wanted is there with its value."""
    assert {key: found.get(key, "missing") for key in wanted} == wanted


@pytest.mark.parametrize("case", vectors.cases("patch"))
async def test_patch_vector(aviator: Aviator, case: dict[str, Any]):
    for version in case["release_candidates"]:
        assert (await aviator.cut(version)).status_code == 201
    for step in case["steps"]:
        answer = await aviator.here(step["method"], "/deployments", json=step["body"])
        assert answer.status_code == step["expect"]["status"], answer.text
        if "body" in step["expect"]:
            agrees(answer.json(), step["expect"]["body"])
    found = await aviator.listed(per_page=100)
    assert len(found) == len(case["list_newest_first"])
    for one, wanted in zip(found, case["list_newest_first"], strict=True):
        agrees(one, wanted)


@pytest.mark.parametrize("case", vectors.cases("rollback"))
async def test_rollback_vector(aviator: Aviator, case: dict[str, Any]):
    await aviator.history([(row["rc"], row["status"]) for row in case["history"]])
    before = await aviator.listed(per_page=100)
    if case.get("frozen"):
        assert (await aviator.here("PUT", "/freeze", json=FROZEN)).status_code == 200
    answer = await aviator.roll_back(**case["request"])
    wanted = case["expect"]
    assert answer.status_code == wanted["status"], answer.text
    agrees(answer.json(), wanted.get("body", {}))
    after = await aviator.listed(per_page=100)
    if answer.status_code != 201:
        assert after == before
        return
    agrees(answer.json(), case.get("recommended", {}))
    assert after[0] == answer.json()
    statuses = [row["status"] for row in reversed(after)]
    for canceled in wanted.get("canceled", ()):
        place = canceled if isinstance(canceled, int) else _place(case, canceled)
        assert statuses[place] in ("canceling", "canceled")


def _place(case: dict[str, Any], version: str) -> int:
    """The newest row of this candidate."""
    return max(n for n, row in enumerate(case["history"]) if row["rc"] == version)


@pytest.mark.parametrize("case", vectors.cases("versions"))
async def test_versions_vector(aviator: Aviator, case: dict[str, Any]):
    answer = await aviator.cut(case["input"])
    if case["valid"]:
        assert answer.status_code == 201, answer.text
        agrees(
            answer.json(),
            {
                "release_version": case["release_version"],
                "rc_number": case["rc"],
                "release_candidate_version": case["input"],
                "commit": COMMIT,
                "repo": REPOSITORY,
            },
        )
        assert (await aviator.deploy(case["input"])).status_code == 201
        return
    if case["input"]:
        assert (answer.status_code, answer.json()) == _said(case)
    else:
        assert answer.status_code in (404, 405)
    for ask in (aviator.deploy(case["input"]), aviator.report(case["input"], "success")):
        refused = await ask
        assert (refused.status_code, refused.json()) == _said(case)
    assert await aviator.listed() == []


def _said(case: dict[str, Any]) -> tuple[int, dict[str, str]]:
    return case["error"]["status"], case["error"]["body"]

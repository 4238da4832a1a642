"""Documents and plans are stored once under their digests and come back equal."""

from dataclasses import replace
from datetime import timedelta

import pytest

from quaymaster.domain.plan import (
    ArtifactFilter,
    ArtifactMatches,
    ArtifactPlan,
    ReleaseStarts,
    StageReached,
)
from quaymaster.domain.statuses import StageStatus
from quaymaster.store.storage import bodies
from tests import make

ENDED = frozenset({StageStatus.SUCCEEDED, StageStatus.REJECTED, StageStatus.CANCELED})
CONDITIONS = (
    ReleaseStarts(),
    StageReached("QA", ENDED),
    StageReached("", frozenset()),
    ArtifactMatches("app", ArtifactFilter("main", ("a", "b"), use_default_branch=True)),
    ArtifactMatches("", ArtifactFilter()),
)
PLAN = replace(
    make.plan(
        "Dev → Prod",
        Dev={
            "conditions": CONDITIONS,
            "pre_approvals": make.asks("ann", timeout=timedelta(days=1, microseconds=1)),
        },
    ),
    artifacts=(ArtifactPlan("app", "Git", reference={"z": "1", "a": "2"}),),
)


def test_a_plan_comes_back_equal():
    read = bodies.decode_plan(bodies.encode_plan(PLAN))
    assert read == PLAN
    assert read.stages[0].conditions == CONDITIONS
    assert list(read.artifacts[0].reference) == ["z", "a"]  # an order that may mean something


def test_a_stage_comes_back_equal():
    assert bodies.decode_stage_plan(bodies.encode_plan(PLAN.stages[0])) == PLAN.stages[0]


def test_equal_plans_have_equal_bytes():
    other_order = StageReached("QA", frozenset(sorted(ENDED, reverse=True)))
    again = replace(PLAN.stages[0], conditions=(CONDITIONS[0], other_order, *CONDITIONS[2:]))
    same = replace(PLAN, stages=(again, PLAN.stages[1]))
    assert bodies.encode_plan(same) == bodies.encode_plan(PLAN)


def test_a_plan_that_an_older_version_wrote_gets_the_defaults():
    written = b'{"stages": [{"definition_stage_id": 7, "name": "Dev", "conditions": [{}]}]}'
    [stage] = bodies.decode_plan(written).stages
    assert (stage.name, stage.rank, stage.conditions) == ("Dev", 1, (ReleaseStarts(),))


async def test_bodies_are_stored_once(database):
    async with database.transaction() as connection:
        digests = {await bodies.put_document(connection, '{"a": "ß"}') for _ in range(3)}
        plans = {await bodies.put_plan(connection, PLAN) for _ in range(3)}
        [digest], [plan] = digests, plans
        assert await bodies.document(connection, digest) == '{"a": "ß"}'
        assert await bodies.plan(connection, plan) == PLAN
        assert await bodies.plan(connection, plan) is await bodies.plan(connection, plan)
        with pytest.raises(KeyError):
            await bodies.document(connection, b"\0" * 32)


async def test_only_so_many_plans_are_remembered(database, monkeypatch):
    monkeypatch.setattr(bodies, "REMEMBERED_PLANS", 2)
    monkeypatch.setattr(bodies, "_plans", type(bodies._plans)())
    async with database.transaction() as connection:
        made = [replace(PLAN, release_name_format=str(number)) for number in range(3)]
        digests = [await bodies.put_plan(connection, plan) for plan in made]
        first = await bodies.plan(connection, digests[0])
        await bodies.plan(connection, digests[1])
        assert await bodies.plan(connection, digests[0]) is first  # used again: kept
        await bodies.plan(connection, digests[2])
    assert list(bodies._plans) == [digests[0], digests[2]]

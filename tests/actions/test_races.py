"""Whatever is asked of a release at the same moment comes out as if one had come first (R-33)."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import happen
from quaymaster.actions.gathering import Gathering
from quaymaster.domain.changes import (
    Abandoned,
    ApprovalGiven,
    ApprovalReassigned,
    ApprovalRefused,
    CancelRequested,
    DeploymentDeferred,
    DeploymentRequested,
    Event,
    JobClaimed,
    JobFinished,
    JobLost,
)
from quaymaster.domain.decide import decide
from quaymaster.domain.errors import DomainError
from quaymaster.domain.release import PersonId, Release, Stage
from quaymaster.domain.status import operation_status, stage_status
from quaymaster.domain.statuses import DeploymentReason, JobStatus
from tests import invariants, make
from tests.actions.office import Office
from tests.worker.world import World

ROUNDS = 4  # of each pair, in both orders of asking: about 200 in all
ANN, BOB = PersonId("ann"), make.person("bob")
Ask = Callable[[Release], Event]


def _stage(of: Release) -> Stage:
    return of.stages[0]


def _approval(of: Release) -> int:
    newest = _stage(of).newest
    assert newest
    return newest.approvals[0].id


def _job(of: Release) -> int:
    newest = _stage(of).newest
    assert newest
    return newest.jobs[0].id


def _again(of: Release) -> Event:
    return DeploymentRequested(_stage(of).id, ANN, ANN, DeploymentReason.MANUAL)


TOMORROW = datetime.now(UTC) + timedelta(days=1)
WHILE_ASKED: dict[str, Ask] = {
    "approve": lambda of: ApprovalGiven(_approval(of), BOB),
    "reject": lambda of: ApprovalRefused(_approval(of), BOB),
    "reassign": lambda of: ApprovalReassigned(_approval(of), BOB, "carol"),
    "cancel": lambda of: CancelRequested(_stage(of).id, ANN),
    "abandon": lambda _: Abandoned(ANN),
    "deploy again": _again,
    "defer": lambda of: DeploymentDeferred(_stage(of).id, TOMORROW, ANN),
}
WHILE_WORKING: dict[str, Ask] = {
    "finish": lambda of: JobFinished(_job(of), "token", JobStatus.SUCCEEDED),
    "fail": lambda of: JobFinished(_job(of), "token", JobStatus.FAILED, "It broke."),
    "lose": lambda of: JobLost(_job(of), "token", "The worker is gone."),
    "cancel": lambda of: CancelRequested(_stage(of).id, ANN),
    "abandon": lambda _: Abandoned(ANN),
    "deploy again": _again,
}


async def _asked(world: World, pair: tuple[Ask, Ask]) -> None:
    """Both at once: what comes out is what one order of them gives, and nothing in between."""
    plan = make.plan("Dev", Dev={"pre_approvals": make.asks("bob")})
    await _raced(world, await world.loaded(await world.release(plan)), pair)


async def _worked(world: World, pair: tuple[Ask, Ask]) -> None:
    release = await world.release("Dev")
    found = await world.loaded(release)
    await world.happen(release, JobClaimed(_job(found), "worker", "token"))
    await _raced(world, await world.loaded(release), pair)


async def _raced(world: World, before: Release, pair: tuple[Ask, Ask]) -> None:
    first, second = (ask(before) for ask in pair)
    other_process = replace(world.installation, decisions=Gathering())
    told = await asyncio.gather(
        happen(world.call(), before.id, first),
        happen(Call(other_process), before.id, second),
        return_exceptions=True,
    )
    refused = tuple(isinstance(one, BaseException) for one in told)
    for one in told:
        assert not isinstance(one, BaseException) or isinstance(one, DomainError), one
    after = await world.loaded(before.id)
    invariants.check(after, datetime.now(UTC))
    legal = {_in_order(before, first, second), _in_order(before, second, first, swapped=True)}
    assert (refused, _shown(after)) in legal


def _in_order(
    before: Release, first: Event, second: Event, *, swapped: bool = False
) -> tuple[tuple[bool, bool], str]:
    """Which of the two would be refused, and what would be shown then."""
    of, refused = before, []
    for event in (first, second):
        try:
            of, _ = decide(of, event, datetime.now(UTC))
            refused.append(False)
        except DomainError:
            refused.append(True)
    one, other = reversed(refused) if swapped else refused
    return (one, other), _shown(of)


def _shown(of: Release) -> str:
    stage = _stage(of)
    newest = stage.newest
    assert newest
    approvals = [f"{one.status}:{one.approver}" for one in newest.approvals]
    jobs = [one.status for one in newest.jobs]
    operation = operation_status(stage, newest)
    return f"{of.status} {stage_status(stage)} {operation} {newest.attempt} {approvals} {jobs}"


@pytest.fixture
def world(office: Office) -> World:
    """Releases that no worker knows of."""
    return World(office.installation, "", Path())


@pytest.mark.parametrize("pair", tuple(combinations(WHILE_ASKED, 2)), ids=" and ".join)
async def test_while_somebody_is_asked(world: World, pair: tuple[str, str]) -> None:
    one, other = (WHILE_ASKED[name] for name in pair)
    for _ in range(ROUNDS):
        await _asked(world, (one, other))
        await _asked(world, (other, one))


@pytest.mark.parametrize("pair", tuple(combinations(WHILE_WORKING, 2)), ids=" and ".join)
async def test_while_a_job_runs(world: World, pair: tuple[str, str]) -> None:
    one, other = (WHILE_WORKING[name] for name in pair)
    for _ in range(ROUNDS):
        await _worked(world, (one, other))
        await _worked(world, (other, one))


@pytest.mark.parametrize("name", WHILE_ASKED)
async def test_the_same_twice(world: World, name: str) -> None:
    for _ in range(ROUNDS):
        await _asked(world, (WHILE_ASKED[name], WHILE_ASKED[name]))

"""Requests that come while others are being served are served together."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quaymaster.actions.gathering import GROUPS_AT_ONCE, LARGEST_GROUP, Gathering

# What some people ask about, one thing after the other.
ASKERS = st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=6), min_size=1, max_size=24)
UNANSWERED_SECONDS = 30


class Desk:
    """Answers each request with itself, once it is let."""

    def __init__(self) -> None:
        self.gathering: Gathering[str, str] = Gathering()
        self.groups: list[list[str]] = []
        self.is_open = asyncio.Event()

    async def serve(self, asked: Sequence[str]) -> Sequence[str | Exception]:
        self.groups.append(list(asked))
        await self.is_open.wait()
        return [ValueError(one) if "refused" in one else one for one in asked]

    def ask(self, subject: object, asked: str) -> "asyncio.Task[str]":
        return asyncio.create_task(self.gathering.ask(subject, asked, self.serve))


async def turns() -> None:
    """Let everybody get as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_who_comes_alone_is_served_at_once() -> None:
    desk = Desk()
    asked = desk.ask(1, "one")
    await turns()
    assert desk.groups == [["one"]]
    desk.is_open.set()
    assert await asked == "one"


async def test_who_comes_meanwhile_is_served_together() -> None:
    desk = Desk()
    asked = []
    for number in range(GROUPS_AT_ONCE):
        asked.append(desk.ask(number, str(number)))
        await turns()
    rest = [str(number) for number in range(GROUPS_AT_ONCE, LARGEST_GROUP + GROUPS_AT_ONCE)]
    asked += [desk.ask(one, one) for one in rest]
    await turns()
    assert len(desk.groups) == GROUPS_AT_ONCE
    desk.is_open.set()
    await asyncio.gather(*asked)
    assert desk.groups[GROUPS_AT_ONCE:] == [rest]


async def test_nobody_is_served_beside_somebody_with_the_same_subject() -> None:
    desk = Desk()
    asked = [desk.ask("a", name) for name in ("first", "second", "third")]
    await turns()
    assert desk.groups == [["first"]]
    desk.is_open.set()
    assert await asyncio.gather(*asked) == ["first", "second", "third"]
    assert desk.groups == [["first"], ["second"], ["third"]]


async def test_what_one_is_refused_the_others_do_not_hear() -> None:
    desk = Desk()
    desk.is_open.set()
    asked = [desk.ask(name, name) for name in ("good", "refused", "better")]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert answers[0] == "good"
    assert isinstance(answers[1], ValueError)
    assert answers[2] == "better"


async def test_what_fails_for_a_group_is_told_to_all_of_it_and_ends_nothing() -> None:
    desk = Desk()

    async def fail(asked: Sequence[str]) -> Sequence[str | Exception]:
        raise ConnectionError(str(len(asked)))

    failing = [desk.gathering.ask(number, str(number), fail) for number in range(3)]
    told = await asyncio.gather(*failing, return_exceptions=True)
    assert all(isinstance(one, ConnectionError) for one in told)
    desk.is_open.set()
    assert await desk.ask(1, "after") == "after"


async def test_a_request_given_up_before_its_turn_is_not_served() -> None:
    desk = Desk()
    first = desk.ask("a", "first")
    await turns()
    second = desk.ask("a", "second")
    await turns()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    desk.is_open.set()
    assert await first == "first"
    assert await desk.ask("a", "third") == "third"
    assert desk.groups == [["first"], ["third"]]


async def test_a_request_given_up_while_it_is_served_harms_nobody() -> None:
    desk = Desk()
    first, second = desk.ask("a", "first"), desk.ask("b", "second")
    await turns()
    first.cancel()
    await turns()
    desk.is_open.set()
    assert await second == "second"
    assert await desk.ask("a", "third") == "third"


async def test_who_asks_again_in_the_turn_in_which_all_groups_ended_is_served() -> None:
    desk = Desk()

    async def ask_twice(name: str) -> list[str]:
        first = await desk.gathering.ask(name, name, desk.serve)
        return [first, await desk.gathering.ask(name, f"{name} again", desk.serve)]

    asking = []
    for number in range(GROUPS_AT_ONCE):
        asking.append(asyncio.create_task(ask_twice(str(number))))
        await turns()
    assert len(desk.groups) == GROUPS_AT_ONCE
    desk.is_open.set()
    async with asyncio.timeout(UNANSWERED_SECONDS):
        answers = await asyncio.gather(*asking)
    assert answers == [[str(number), f"{number} again"] for number in range(GROUPS_AT_ONCE)]


async def test_when_serving_is_stopped_nobody_waits_for_ever() -> None:
    desk = Desk()
    asked = desk.ask("a", "one")
    await turns()
    [serving] = [task for task in asyncio.all_tasks() if "_serve_all" in repr(task)]
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    desk.is_open.set()
    assert await desk.ask("a", "two") == "two"


@given(ASKERS)
def test_everybody_is_answered_once_and_in_order(askers: list[list[int]]) -> None:
    asyncio.run(_all_answered(askers))


async def _all_answered(askers: list[list[int]]) -> None:
    gathering: Gathering[tuple[int, int], tuple[int, int]] = Gathering()
    busy: set[int] = set()
    came: list[tuple[int, int]] = []
    served: list[tuple[int, int]] = []

    async def serve(asked: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int] | Exception]:
        subjects = {subject for subject, _ in asked}
        assert len(subjects) == len(asked) <= LARGEST_GROUP
        assert not subjects & busy
        busy.update(subjects)
        for _ in range(len(asked) % 3):
            await asyncio.sleep(0)
        busy.difference_update(subjects)
        served.extend(asked)
        return list(asked)

    async def ask(subjects: list[int]) -> None:
        for subject in subjects:
            asked = (subject, len(came))
            came.append(asked)
            assert await gathering.ask(subject, asked, serve) == asked

    async with asyncio.timeout(UNANSWERED_SECONDS):
        await asyncio.gather(*(ask(subjects) for subjects in askers))
    assert sorted(served) == sorted(came)
    for wanted in {subject for subject, _ in came}:
        places = [place for subject, place in served if subject == wanted]
        assert places == sorted(places)

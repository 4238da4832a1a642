"""Requests that come while others are being served are served together."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quaymaster.actions.gathering import GROUPS_AT_ONCE, LARGEST_GROUP, Gathering

SUBJECTS = st.lists(st.integers(0, 6), min_size=1, max_size=60)


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


@given(SUBJECTS, SUBJECTS)
def test_everybody_is_answered_once_and_in_order(now: list[int], later: list[int]) -> None:
    asyncio.run(_all_answered(now, later))


async def _all_answered(now: list[int], later: list[int]) -> None:
    gathering: Gathering[tuple[int, int], tuple[int, int]] = Gathering()
    busy: set[int] = set()
    served: list[tuple[int, int]] = []

    async def serve(asked: Sequence[tuple[int, int]]) -> Sequence[tuple[int, int] | Exception]:
        subjects = {subject for subject, _ in asked}
        assert len(subjects) == len(asked) <= LARGEST_GROUP
        assert not subjects & busy
        busy.update(subjects)
        for _ in range(len(asked)):
            await asyncio.sleep(0)
        busy.difference_update(subjects)
        served.extend(asked)
        return list(asked)

    def ask(place: int, subject: int) -> "asyncio.Task[tuple[int, int]]":
        asked = (subject, place)
        return asyncio.create_task(gathering.ask(subject, asked, serve))

    first = [ask(place, subject) for place, subject in enumerate(now)]
    await asyncio.sleep(0)
    rest = [ask(len(now) + place, subject) for place, subject in enumerate(later)]
    answers = await asyncio.gather(*first, *rest)
    assert answers == [(subject, place) for place, subject in enumerate(now + later)]
    for subject in set(now + later):
        places = [place for about, place in served if about == subject]
        assert places == sorted(places)

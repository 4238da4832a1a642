"""What comes in while others are being served is served together with what else has come in.

Eight decisions in one transaction take half of what they take one by one. Who comes alone is
served at once: nobody waits for company.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

GROUPS_AT_ONCE = 2  # one is decided here while PostgreSQL works for the other
LARGEST_GROUP = 8  # the event loop does nothing else while it decides for all of them


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Asked, Answer]):
    subject: Hashable
    asked: Asked
    answer: "asyncio.Future[Answer]"


class Gathering(Generic[Asked, Answer]):
    """Requests of one kind, each about a subject; never two about the same subject in one group,
    nor in two groups at the same time."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting[Asked, Answer]] = []
        self._busy: set[Hashable] = set()
        self._serving = 0  # groups, one after the other, by as many tasks
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(
        self,
        subject: Hashable,
        asked: Asked,
        serve: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer | Exception]]],
    ) -> Answer:
        """The answer to this request, or the exception that stands in its place. `serve` answers
        a group, in its order; what it raises, everybody in the group is told."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(subject, asked, answer))
        if self._serving < GROUPS_AT_ONCE and subject not in self._busy:
            self._serving += 1
            task = asyncio.get_running_loop().create_task(self._serve_all(serve))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _serve_all(
        self, serve: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer | Exception]]]
    ) -> None:
        try:
            while group := self._next_group():
                await self._serve(group, serve)
        finally:
            # Right after the last look for somebody who waits: whoever comes later begins anew.
            self._serving -= 1

    async def _serve(
        self,
        group: Sequence[_Waiting[Asked, Answer]],
        serve: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer | Exception]]],
    ) -> None:
        subjects = {one.subject for one in group}
        self._busy |= subjects
        answers: Sequence[Answer | Exception]
        try:
            answers = await serve([one.asked for one in group])
        except Exception as error:  # noqa: BLE001 - raised to everybody who waits for it
            answers = [error] * len(group)
        except BaseException:
            for one in group:
                one.answer.cancel()
            raise
        finally:
            self._busy -= subjects
        for one, answer in zip(group, answers, strict=True):
            _tell(one.answer, answer)

    def _next_group(self) -> list[_Waiting[Asked, Answer]]:
        """Who came first, one of each subject that nobody is busy with."""
        taken: dict[Hashable, _Waiting[Asked, Answer]] = {}
        left = []
        for one in self._waiting:
            if one.answer.done():  # the request was given up before its turn came
                continue
            if len(taken) < LARGEST_GROUP and not {one.subject} & (self._busy | taken.keys()):
                taken[one.subject] = one
            else:
                left.append(one)
        self._waiting = left
        return list(taken.values())


def _tell(future: "asyncio.Future[Any]", answer: object) -> None:
    if future.done():  # the request was given up meanwhile
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)

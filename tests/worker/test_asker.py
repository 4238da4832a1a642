"""Asking beside everything else: what is woken is asked, whenever the wake-up comes."""

import asyncio
from typing import cast

from quaymaster.actions.call import Call, Installation
from quaymaster.worker.asker import Asker


async def test_a_wakeup_as_the_asking_ends_is_not_lost() -> None:
    asked: list[int] = []
    answered = asyncio.Event()

    async def ask(_: Call, number: int) -> bool:
        asked.append(number)
        answered.set()
        return True

    asker = Asker(cast(Installation, None), "gates", ask)
    await asker.ask(7)
    await answered.wait()  # goes on in the very turn of the loop in which the asking has ended
    answered.clear()
    await asker.ask(7)
    async with asyncio.timeout(10):
        await answered.wait()
    await asker.close()
    assert asked == [7, 7]

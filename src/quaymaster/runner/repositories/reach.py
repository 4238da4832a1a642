"""What a question to a repository may reach, and how whoever asked it breaks it off."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from quaymaster.outgoing.addresses import AllowedAddresses

KNOWN_HOSTS = "_known_hosts"  # where keys of ssh servers are remembered, beside the copies


class Errand:
    """A question that is asked in a thread, as those see it who wait for its answer.

    A thread cannot be ended, so what it waits for is: programs that it started and connections.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._ends: list[Callable[[], None]] = []
        self._left = threading.Event()
        self._is_broken_off = False

    @property
    def is_broken_off(self) -> bool:
        return self._is_broken_off

    def leave(self) -> None:
        """Nobody waits any more: what is being copied goes on, what only stands in line ends."""
        self._left.set()

    def break_off(self) -> None:
        """End all that it waits for, now and from now on."""
        with self._guard:
            self._is_broken_off = True
            self._left.set()
            for end in self._ends:
                end()

    def is_left_within(self, seconds: float) -> bool:
        """Wait that long for its being left or broken off."""
        return self._left.wait(seconds)

    def ends(self, end: Callable[[], None]) -> None:
        """Have `end` called, from another thread, when it is broken off."""
        with self._guard:
            self._ends.append(end)
            if self._is_broken_off:
                end()

    @contextmanager
    def ended_by(self, end: Callable[[], None]) -> Iterator[None]:
        """The same for the length of a block."""
        self.ends(end)
        try:
            yield
        finally:
            with self._guard:
                self._ends.remove(end)


@dataclass(frozen=True, slots=True)
class Reach:
    """Addresses that may be called (R-13), the file in which keys of ssh servers are remembered,
    and the errand; None in a job, whose programs end with it."""

    allowed: AllowedAddresses
    known_hosts: Path
    errand: Errand | None = None

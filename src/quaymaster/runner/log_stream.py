"""One step's log on its way to the worker: time stamps, line numbers, chunks and the limit."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from quaymaster.protocol.job import LogChunk
from quaymaster.runner.outbox import Outbox

CHUNK_BYTES = 128 * 1024
QUIET_SECONDS = 0.3
TAIL_BYTES = 256 * 1024


def stamp(seconds: float) -> str:
    """`2026-01-01T00:00:00.0000000Z`: UTC with seven decimals, as this contract's logs have it."""
    whole = int(seconds)
    date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    return f"{date}.{int((seconds - whole) * 10_000_000):07d}Z"


class LogStream:
    """Collects whole lines and sends them as chunks, at the latest after 0.3 s.

    What a task prints beyond `limit` bytes is not kept, but for the last lines: the log says so,
    and the task goes on (RELIABILITY R-22). The runner's own lines are always kept.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        job_id: int,
        step_id: int,
        limit: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._job_id = job_id
        self._step_id = step_id
        self._limit = limit
        self._now = now
        self._parts: list[bytes] = []
        self._size = 0
        self._lines = 0
        self._sent_lines = 0
        self._sequence = 0
        self._taken = 0
        self._dropped_lines = 0
        self._tail: deque[_Written] = deque()
        self._tail_size = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def last_line(self) -> int:
        """The number of the newest line, counted from 1."""
        return self._sent_lines + self._lines

    def write(self, text: str, *, own: bool = False) -> None:
        """Add masked text: one or more lines without the last line's end."""
        prefix = stamp(self._now()) + " "
        lines = text.count("\n") + 1
        if not own:
            written = _Written(prefix, text, lines)
            self._taken += written.size
            if self._taken > self._limit:
                self._drop(written)
                return
        self._keep(_formatted(prefix, text), lines)

    def close(self) -> None:
        """Send what is left; when lines were dropped, say how many and add the last of them."""
        if self._dropped_lines:
            tail, self._tail = self._tail, deque()
            shown = sum(dropped.lines for dropped in tail)
            self.write(
                f"##[warning]{self._dropped_lines - shown} lines were left out here; "
                "the last lines of the task follow.",
                own=True,
            )
            for dropped in tail:
                self._keep(_formatted(dropped.prefix, dropped.text), dropped.lines)
            self._dropped_lines = 0
        self.flush()

    def flush(self) -> None:
        """Send the lines collected so far as one chunk."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._parts:
            return
        self._sequence += 1
        self._outbox.send(
            LogChunk(
                job_id=self._job_id,
                step_id=self._step_id,
                sequence=self._sequence,
                first_line=self._sent_lines + 1,
                line_count=self._lines,
                body=b"".join(self._parts),
            )
        )
        self._sent_lines += self._lines
        self._parts.clear()
        self._size = self._lines = 0

    def _keep(self, body: bytes, lines: int) -> None:
        self._parts.append(body)
        self._size += len(body)
        self._lines += lines
        if self._size >= CHUNK_BYTES:
            self.flush()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(QUIET_SECONDS, self.flush)

    def _drop(self, dropped: "_Written") -> None:
        if not self._dropped_lines:
            self.write(
                f"##[warning]This task has printed more than the limit of {self._limit} bytes of "
                "log. What it prints from here on is not kept, except for its last lines.",
                own=True,
            )
        self._dropped_lines += dropped.lines
        self._tail.append(dropped)
        self._tail_size += dropped.size
        while self._tail_size > TAIL_BYTES and len(self._tail) > 1:
            self._tail_size -= self._tail.popleft().size


@dataclass(frozen=True, slots=True)
class _Written:
    """Lines as the task wrote them; beyond the limit they are kept only if they are the last."""

    prefix: str
    text: str
    lines: int

    @property
    def size(self) -> int:
        """Its characters with what stands before each line, so that blank ones count as well."""
        return len(self.text) + self.lines * (len(self.prefix) + 1)


def _formatted(prefix: str, text: str) -> bytes:
    return (prefix + text.replace("\n", "\n" + prefix) + "\n").encode(errors="replace")

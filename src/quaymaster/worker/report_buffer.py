"""What a job host says of a job, gathered until it is written down: steps as they stand, and logs.

Many messages become one report: a short job is written once, at its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from quaymaster.protocol.job import (
    Detail,
    HostMessage,
    Issue,
    LogChunk,
    OutputVariable,
    Step,
    StepEnded,
    StepProgress,
    StepStarted,
)
from quaymaster.store.jobs.logs import Chunk
from quaymaster.store.jobs.reports import StepState
from quaymaster.store.jobs.task_runs import StepDetail, StepIssue, StepOutput

MOST_OUTPUTS = 200  # of a step are kept with it; later steps know them all
LONGEST_SHOWN = 2048


@dataclass(frozen=True, slots=True)
class Portion:
    """The steps that changed since the last portion, and the new piece of each one's log."""

    steps: tuple[StepState, ...]
    chunks: tuple[tuple[int, Chunk], ...]
    byte_count: int


class ReportBuffer:
    """The timeline of one job in memory; `bytes_waiting` is the log that is not written yet."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._states = {step.id: StepState(step.id, storable(step.display_name)) for step in steps}
        self._changed: dict[int, StepState] = {}
        self._logs: dict[int, list[LogChunk]] = {}
        self._details: dict[int, dict[str, StepDetail]] = {}
        self._outputs: dict[int, dict[str, StepOutput]] = {}
        self.bytes_waiting = 0

    @property
    def is_empty(self) -> bool:
        return not self._changed

    def take(self, message: HostMessage) -> None:
        """Remember a message about a step; those about the whole job are not for here."""
        match message:
            case StepStarted():
                state = self._change(message.step_id)
                state.status = "inProgress"
                state.name = storable(message.display_name)
                state.started_at = state.started_at or _time(message.at)
            case StepProgress():
                state = self._change(message.step_id)
                state.percent = message.percent
                state.operation = storable(message.operation)
            case LogChunk():
                self._change(message.step_id)
                self._logs.setdefault(message.step_id, []).append(message)
                self.bytes_waiting += len(message.body)
            case StepEnded():
                self._end(message)
            case Detail():
                self._add_detail(message)
            case OutputVariable():
                self._add_output(message)
            case _:
                return

    def _change(self, step: int) -> StepState:
        state = self._states[step]
        self._changed[step] = state
        return state

    def _end(self, message: StepEnded) -> None:
        state = self._change(message.step_id)
        state.status = "completed"
        state.result = message.result
        state.percent = 100
        state.started_at = state.started_at or _time(message.at)
        state.finished_at = _time(message.at)
        state.issues = tuple(map(_issue, message.issues))
        state.error_count = message.error_count
        state.warning_count = message.warning_count
        state.version = message.task_version

    def _add_detail(self, message: Detail) -> None:
        state = self._change(message.step_id)
        known = self._details.setdefault(message.step_id, {})
        fields = {name: _shortened(storable(text)) for name, text in message.fields.items()}
        known[message.id] = StepDetail(message.id, fields)
        state.details = tuple(known.values())

    def _add_output(self, message: OutputVariable) -> None:
        state = self._change(message.step_id)
        known = self._outputs.setdefault(message.step_id, {})
        name = storable(message.name)
        if name.casefold() in known or len(known) < MOST_OUTPUTS:
            value = _shortened(storable(message.value))
            known[name.casefold()] = StepOutput(name, value, message.is_secret)
        state.outputs = tuple(known.values())

    def portion(self) -> Portion:
        """Everything new; it is forgotten here, so the caller must get it written."""
        chunks = tuple(self._chunk(step, pieces) for step, pieces in self._logs.items())
        steps = tuple(replace(state) for state in self._changed.values())
        for state in self._changed.values():
            state.details = state.outputs = None
        taken = Portion(steps, chunks, self.bytes_waiting)
        self._changed = {}
        self._logs = {}
        self.bytes_waiting = 0
        return taken

    def _chunk(self, step: int, pieces: list[LogChunk]) -> tuple[int, Chunk]:
        """The pieces of a step's log as one, numbered anew: chunks are counted as written."""
        state = self._states[step]
        body = b"".join(piece.body for piece in pieces)
        lines = sum(piece.line_count for piece in pieces)
        chunk = Chunk(state.last_sequence + 1, state.line_count + 1, lines, body)
        state.last_sequence += 1
        state.line_count += lines
        state.log_bytes += len(body)
        return step, chunk

    def end_open_steps(self, result: str, at: datetime) -> None:
        """End what a killed job left open; steps that never began were skipped."""
        for step, state in self._states.items():
            if not state.result:
                changed = self._change(step)
                changed.status = "completed"
                changed.result = result if state.started_at else "Skipped"
                changed.finished_at = at


def storable(text: str) -> str:
    """PostgreSQL holds no NUL in a text; what a task prints may have one."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _shortened(text: str) -> str:
    """As much of a text as is shown; the job itself knows all of it."""
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"


def _issue(issue: Issue) -> StepIssue:
    data = {storable(name): storable(value) for name, value in issue.data.items()}
    return StepIssue(issue.type, storable(issue.message), data)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

"""Many messages of a host become few reports."""

from quaymaster.protocol.job import (
    Detail,
    Issue,
    JobResult,
    LogChunk,
    OutputVariable,
    Step,
    StepEnded,
    StepProgress,
    StepStarted,
)
from quaymaster.store.jobs.task_runs import StepOutput
from quaymaster.worker.report_buffer import LONGEST_SHOWN, ReportBuffer
from tests import make

STEPS = [Step(1, "initialize", "Initialize job"), Step(2, "task", "Script")]


def line(text: str, number: int, step: int = 2) -> LogChunk:
    body = f"{text}\n".encode()
    return LogChunk(9, step, number, number, body.count(b"\n"), body)


def buffer() -> ReportBuffer:
    return ReportBuffer(STEPS)


def test_nothing_new_is_an_empty_portion() -> None:
    empty = buffer()
    assert empty.is_empty
    assert empty.portion().steps == ()


def test_pieces_of_a_log_become_one_chunk_and_are_numbered_on() -> None:
    gathered = buffer()
    for number in (1, 2):
        gathered.take(line(f"line {number}", number))
    assert gathered.bytes_waiting == 14
    [(step, first)] = gathered.portion().chunks
    assert (step, first.sequence, first.first_line, first.line_count) == (2, 1, 1, 2)
    assert first.body == b"line 1\nline 2\n"
    gathered.take(line("line 3", 3))
    portion = gathered.portion()
    [(_, second)] = portion.chunks
    assert (second.sequence, second.first_line) == (2, 3)
    [state] = portion.steps
    assert (state.line_count, state.log_bytes, state.last_sequence) == (3, 21, 2)


def test_only_steps_that_changed_are_told() -> None:
    gathered = buffer()
    gathered.take(StepStarted(9, 1, "Initialize job", 100.0))
    assert [state.id for state in gathered.portion().steps] == [1]
    gathered.take(StepProgress(9, 2, 40, "halfway"))
    [state] = gathered.portion().steps
    assert (state.id, state.percent, state.operation) == (2, 40, "halfway")


def test_details_and_outputs_are_told_whole_and_only_when_they_changed() -> None:
    gathered = buffer()
    gathered.take(Detail(9, 2, "a", {"name": "part"}))
    gathered.take(Detail(9, 2, "b", {"name": "other", "currentOperation": "x" * 5000}))
    gathered.take(OutputVariable(9, 2, "s.key", "", is_secret=True))
    [state] = gathered.portion().steps
    assert state.details is not None
    assert [one.id for one in state.details] == ["a", "b"]
    assert len(state.details[1].fields["currentOperation"]) == LONGEST_SHOWN + 1
    assert state.outputs == (StepOutput("s.key", "", is_secret=True),)
    gathered.take(StepProgress(9, 2, 50, "on"))
    [state] = gathered.portion().steps
    assert (state.details, state.outputs) == (None, None)
    gathered.take(Detail(9, 2, "a", {"name": "part", "state": "Completed"}))
    [state] = gathered.portion().steps
    assert state.details is not None
    assert [one.fields.get("state") for one in state.details] == ["Completed", None]


def test_a_step_ends_with_its_result_and_issues() -> None:
    gathered = buffer()
    gathered.take(StepStarted(9, 2, "Say hello", 100.0))
    issue = Issue("error", "no\0thing", {"code": "1"})
    ended = StepEnded(9, 2, JobResult.FAILED, 103.0, [issue], 1, 0, "3.1.4")
    gathered.take(ended)
    [state] = gathered.portion().steps
    assert (state.name, state.status, state.result) == ("Say hello", "completed", "Failed")
    assert state.started_at is not None
    assert state.finished_at is not None
    assert (state.finished_at - state.started_at).total_seconds() == 3
    assert state.issues[0].message == "no\N{REPLACEMENT CHARACTER}thing"
    assert (state.error_count, state.version) == (1, "3.1.4")


def test_a_portion_does_not_change_any_more() -> None:
    gathered = buffer()
    gathered.take(StepStarted(9, 2, "Script", 100.0))
    before = gathered.portion()
    gathered.take(StepEnded(9, 2, JobResult.SUCCEEDED, 101.0))
    assert before.steps[0].result == ""


def test_a_killed_job_leaves_no_step_open() -> None:
    gathered = buffer()
    gathered.take(StepStarted(9, 1, "Initialize job", 100.0))
    gathered.end_open_steps(JobResult.FAILED, make.NOW)
    states = {state.id: state.result for state in gathered.portion().steps}
    assert states == {1: "Failed", 2: "Skipped"}

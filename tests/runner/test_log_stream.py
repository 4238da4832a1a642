"""Chunks, line numbers, time stamps and the limit of a step's log (RELIABILITY R-22)."""

import asyncio

import pytest

from quaymaster.protocol import frames
from quaymaster.protocol.job import UNACKNOWLEDGED_LIMIT, LogChunk
from quaymaster.runner.log_stream import CHUNK_BYTES, TAIL_BYTES, stamp
from quaymaster.runner.outbox import Outbox
from tests.runner.fakes import FullPipe, Sent, log_stream


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.0000000Z"),
        (1_767_225_600.25, "2026-01-01T00:00:00.2500000Z"),
        (1_767_225_599.5, "2025-12-31T23:59:59.5000000Z"),
    ],
)
def test_stamps_have_seven_decimals(seconds: float, text: str) -> None:
    assert stamp(seconds) == text


async def test_every_line_has_its_stamp() -> None:
    sent = Sent()
    log = log_stream(sent)
    log.write("a\nb")
    log.close()
    assert sent.chunks[0].body == (
        b"2026-01-01T00:00:00.2500000Z a\n2026-01-01T00:00:00.2500000Z b\n"
    )


async def test_chunks_count_lines_and_themselves_without_gaps() -> None:
    sent = Sent()
    log = log_stream(sent)
    for number in range(2_000):
        log.write(f"line {number}\n" + "x" * 200)
    log.close()
    expected = 1
    for sequence, chunk in enumerate(sent.chunks, 1):
        assert (chunk.sequence, chunk.first_line) == (sequence, expected)
        assert chunk.line_count == chunk.body.count(b"\n")
        assert len(chunk.body) < CHUNK_BYTES + 1_000
        expected += chunk.line_count
    assert expected == 4_001
    assert log.last_line == 4_000


async def test_a_quiet_log_is_sent_soon_without_being_closed() -> None:
    sent = Sent()
    log_stream(sent).write("hello")
    assert sent.chunks == []
    while not sent.chunks:  # noqa: ASYNC110 - the stream's own timer is what is waited for
        await asyncio.sleep(0.01)
    assert sent.lines() == ["hello"]


async def test_beyond_the_limit_only_the_last_lines_are_kept() -> None:
    sent = Sent()
    log = log_stream(sent, limit=10_000)
    for number in range(20_000):
        log.write(f"line {number} " + "x" * 60)
    log.write("##[section]Finishing", own=True)
    log.close()
    lines = sent.lines()
    assert lines[0].startswith("line 0 ")
    [notice] = [line for line in lines if "more than the limit of 10000 bytes" in line]
    [left_out] = [line for line in lines if "lines were left out here" in line]
    assert lines[-1].startswith("line 19999 ")
    kept = sum(line.startswith("line ") for line in lines)
    assert kept + int(left_out.split("]")[1].split()[0]) == 20_000
    assert "##[section]Finishing" in lines
    assert lines.index(notice) < lines.index(left_out)


async def test_blank_lines_beyond_the_limit_are_counted_too() -> None:
    sent = Sent()
    log = log_stream(sent, limit=100)
    for _ in range(20_000):
        log.write("")
    log.close()
    [left_out] = [line for line in sent.lines() if "lines were left out here" in line]
    kept = sent.lines().count("")
    assert kept + int(left_out.split("]")[1].split()[0]) == 20_000
    assert sum(len(chunk.body) for chunk in sent.chunks) < TAIL_BYTES + 1_000


def chunk(size: int) -> LogChunk:
    return LogChunk(job_id=1, step_id=1, sequence=1, first_line=1, line_count=1, body=b"x" * size)


async def test_the_outbox_has_no_room_until_the_worker_has_stored_enough() -> None:
    pipe = FullPipe()
    outbox = Outbox(pipe)
    outbox.send(chunk(UNACKNOWLEDGED_LIMIT))
    waiting = asyncio.ensure_future(outbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    assert len(pipe.written) > UNACKNOWLEDGED_LIMIT  # what is sent is on its way meanwhile
    outbox.acknowledged(1)
    await waiting


async def test_the_outbox_has_no_room_while_its_pipe_is_full() -> None:
    outbox = Outbox(FullPipe())
    outbox.writable(now=False)
    waiting = asyncio.ensure_future(outbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    outbox.writable(now=True)
    await waiting


async def test_frames_survive_the_way_through_a_pipe() -> None:
    reader = asyncio.StreamReader()
    sent = chunk(10)
    reader.feed_data(frames.encode(sent))
    reader.feed_data(frames.encode(chunk(3))[:-1])
    reader.feed_eof()
    assert await frames.read_from_host(reader) == sent
    assert await frames.read_from_host(reader) is None


@pytest.mark.parametrize("junk", [b"\xff\xff\xff\xff", b"\0\0\0\x01\xc1", b"\0\0\0\x02\x81\xa1"])
async def test_junk_is_refused_and_never_taken_for_a_message(junk: bytes) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(junk)
    with pytest.raises(frames.FrameError):
        await frames.read_from_host(reader)

"""Logs: every acknowledged line can be read, in order, once, from wherever it is kept."""

from itertools import count
from pathlib import Path

import pytest

from quaymaster.domain import changes as c
from quaymaster.domain.decide import decide
from quaymaster.store.jobs import logs, reports, task_runs
from quaymaster.store.jobs.logs import Chunk, Lines
from quaymaster.store.jobs.reports import Report, StepState
from quaymaster.store.postgres.database import Database
from quaymaster.store.releases import releases
from quaymaster.store.storage.object_storage import ObjectStorage, StorageUnavailable
from tests import make
from tests.store import build

SMALL, LARGE = 10, 3 * logs.INLINE_BYTES


@pytest.fixture
def files(tmp_path: Path) -> ObjectStorage:
    return ObjectStorage.at((tmp_path / "storage").as_uri())


@pytest.fixture
async def step(database: Database) -> tuple[int, int]:
    """A running job, held under the token t1, and its only step."""
    async with database.transaction() as connection:
        release = await build.release(connection, await build.definition(connection))
        before = release
        for event in (c.Activated(make.CREATOR),):
            after, _ = decide(before, event, make.NOW)
            before = await releases.save(connection, before, after)
        job = before.stages[0].newest.jobs[0].id
        after, _ = decide(before, c.JobClaimed(job, "w", "t1"), make.NOW)
        await releases.save(connection, before, after)
        steps = [task_runs.PlannedStep(1, "task", "Deploy")]
        [run] = await task_runs.plan(connection, job, "t1", steps)
    return job, run.id


def chunks(*sizes: int) -> list[Chunk]:
    """Chunks of two lines each, of about these sizes."""
    lines = count(1)
    made = []
    for sequence, size in enumerate(sizes, 1):
        first = next(lines)
        texts = [f"line {first} {'x' * (size // 2)}\n", f"line {next(lines)}\r still it\n"]
        made.append(Chunk(sequence, first, 2, "".join(texts).encode()))
    return made


async def write(
    database: Database,
    files: ObjectStorage,
    step: tuple[int, int],
    told: list[Chunk],
    token: str = "t1",
) -> bool:
    job, run = step
    stored = [await reports.kept(files, run, token, chunk) for chunk in told]
    last = told[-1]
    state = StepState(
        run,
        "Deploy",
        status="inProgress",
        line_count=last.first_line + last.line_count - 1,
        last_sequence=last.sequence,
    )
    async with database.transaction() as connection:
        return await reports.write(connection, job, token, Report((state,), stored))


async def read(
    database: Database, files: ObjectStorage, step: tuple[int, int], lines: Lines | None = None
) -> bytes:
    return b"".join([piece async for piece in logs.read(database, files, step[1], lines)])


@pytest.mark.parametrize("sizes", [(SMALL,), (LARGE,), (SMALL, LARGE, SMALL), (SMALL,) * 150])
async def test_what_was_written_is_read(database, files, step, sizes):
    told = chunks(*sizes)
    assert await write(database, files, step, told)
    assert await read(database, files, step) == b"".join(chunk.body for chunk in told)


async def test_a_chunk_that_comes_twice_is_there_once(database, files, step):
    told = chunks(SMALL, LARGE)
    assert await write(database, files, step, told)
    assert await write(database, files, step, told)
    assert await read(database, files, step) == b"".join(chunk.body for chunk in told)


async def test_only_who_holds_the_job_may_write(database, files, step):
    assert not await write(database, files, step, chunks(SMALL), token="t2")
    assert await read(database, files, step) == b""


async def test_a_late_worker_cannot_overwrite_a_stored_object(database, files, step):
    [told] = chunks(LARGE)
    assert await write(database, files, step, [told])
    late = Chunk(told.sequence, told.first_line, told.line_count, b"other\nlines\n" * 5000)
    assert not await write(database, files, step, [late], token="t2")
    assert await read(database, files, step) == told.body


@pytest.mark.parametrize(
    ("lines", "numbers"),
    [
        (Lines(1, 1), [1]),
        (Lines(2, 3), [2, 3]),
        (Lines(start=5), [5, 6]),
        (Lines(end=2), [1, 2]),
        (Lines(3, 4), [3, 4]),
        (Lines(4, 400), [4, 5, 6]),
        (Lines(7, 9), []),
        (Lines(5, 2), []),
    ],
)
async def test_lines_are_cut_out_exactly(database, files, step, lines, numbers):
    await write(database, files, step, chunks(SMALL, LARGE, SMALL))
    found = (await read(database, files, step, lines)).split(b"\n")[:-1]
    assert [int(line.split()[1]) for line in found] == numbers


async def test_a_lost_object_is_an_error_not_a_gap(database, files, step, tmp_path):
    await write(database, files, step, chunks(SMALL, LARGE))
    for file in (tmp_path / "storage" / "logs").rglob("*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(StorageUnavailable):
        await read(database, files, step)


async def test_a_storage_that_cannot_be_written_says_so(tmp_path):
    files = ObjectStorage.at((tmp_path / "storage").as_uri())
    (tmp_path / "storage" / "logs").write_text("in the way")
    with pytest.raises(StorageUnavailable, match="written"):
        await files.put("logs/1/1/1-t", b"x")

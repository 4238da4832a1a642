"""From what a process prints to the lines of the log (RELIABILITY R-17, R-22)."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quaymaster.runner.masking import Masker
from quaymaster.runner.output import LONGEST_LINE, TaskOutput
from tests.runner.fakes import Sent, log_stream

SECRET = "correct-horse-battery"


def printed(
    *portions: bytes, secrets: tuple[str, ...] = (SECRET,), commands: list[str] | None = None
) -> list[str]:
    """The log of a process that prints these portions."""
    sent, masker = Sent(), Masker()
    for secret in secrets:
        masker.add(secret)
    log = log_stream(sent)
    output = TaskOutput(log, masker, None if commands is None else commands.append)
    for portion in portions:
        output.feed(portion)
    output.close()
    log.close()
    return sent.lines()


@pytest.mark.parametrize(
    ("portions", "lines"),
    [
        ([b"a\nb\n"], ["a", "b"]),
        ([b"a\nb"], ["a", "b"]),
        ([b"a\r\nb\r\n"], ["a", "b"]),
        ([b"a\r", b"\nb"], ["a", "b"]),
        ([b"10%\r20%\r30%\n"], ["10%", "20%", "30%"]),
        ([b"a\n\n\nb\n"], ["a", "", "", "b"]),
        ([b"\n"], [""]),
        ([b"nul \0 here\n"], ["nul \u2400 here"]),
        ([b"bad \xff\xfe utf\n"], ["bad \ufffd\ufffd utf"]),
        ([b"caf\xc3", b"\xa9\n"], ["café"]),
        ([b"cut \xc3"], ["cut \ufffd"]),
        ([b""], []),
    ],
)
async def test_lines_are_what_readers_of_this_contract_expect(
    portions: list[bytes], lines: list[str]
) -> None:
    assert printed(*portions) == lines


async def test_a_secret_split_over_two_writes_is_masked() -> None:
    assert printed(b"pw=correct-ho", b"rse-battery!\n") == ["pw=***!"]


@given(
    pieces=st.lists(
        st.sampled_from(["a", "\n", "\r\n", "é", SECRET, "##[group]", " "]), max_size=30
    ),
    cuts=st.lists(st.integers(0, 400), max_size=8),
)
async def test_portions_do_not_change_the_log(pieces: list[str], cuts: list[int]) -> None:
    text = "".join(pieces).encode()
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    portions = [text[start:end] for start, end in itertools.pairwise(edges)]
    assert printed(*portions) == printed(text)
    assert SECRET not in "\n".join(printed(*portions))


async def test_a_long_line_is_shown_in_pieces_with_a_notice() -> None:
    line = b"x" * (LONGEST_LINE * 3 + 10)
    for portions in ([line + b"\nnext\n"], [line[:50_000], line[50_000:], b"\nnext\n"]):
        notice, *pieces, last = printed(*portions)
        assert "longer than 32768 characters" in notice
        assert "".join(pieces) == line.decode()
        assert max(map(len, pieces)) <= LONGEST_LINE
        assert last == "next"


@pytest.mark.parametrize("offset", range(-22, 3))
async def test_no_piece_of_a_long_line_cuts_a_secret(offset: int) -> None:
    before = "x" * (LONGEST_LINE + offset)
    line = (before + SECRET + "y" * 50_000).encode()
    for portions in ([line], [line[:40_000], line[40_000:]]):
        notice, *pieces = printed(*portions)
        assert "".join(pieces) == before + "***" + "y" * 50_000, notice


async def test_a_line_of_nothing_but_secrets_is_all_masked() -> None:
    lines = printed((SECRET * 5_000).encode())
    assert set("".join(lines[1:])) == {"*"}


async def test_a_secret_longer_than_any_piece_is_masked() -> None:
    blob = "".join(chr(33 + n * 7 % 90) for n in range(50_000))
    lines = printed(b"<", blob.encode(), b">" + b"z" * 70_000, secrets=(blob,))
    assert blob[:40] not in "".join(lines)
    assert "".join(lines[1:]).endswith("z" * 100)


async def test_commands_are_taken_out_in_order() -> None:
    commands: list[str] = []
    lines = printed(b"a\n##vso[task.debug]x\nb\nz ##vso[task.debug]y\nc\n", commands=commands)
    assert commands == ["##vso[task.debug]x", "z ##vso[task.debug]y"]
    assert lines == ["a", "b", "c"]


async def test_output_that_may_not_command_is_printed_as_it_is() -> None:
    assert printed(b"##vso[task.debug]x\n") == ["##vso[task.debug]x"]


async def test_a_long_command_is_kept_whole() -> None:
    commands: list[str] = []
    value = b"v" * 500_000
    portions = [b"##vso[task.setvariable variable=a]", value[:250_000], value[250_000:], b"\n"]
    assert printed(*portions, commands=commands) == []
    assert commands == ["##vso[task.setvariable variable=a]" + value.decode()]


async def test_a_command_without_measure_is_not_obeyed() -> None:
    commands: list[str] = []
    portions = [b"##vso[task.setvariable variable=a]", *([b"v" * 100_000] * 30), b"\n"]
    lines = printed(*portions, commands=commands)
    assert commands == []
    assert lines[1].startswith("##vso[task.setvariable")


async def test_a_secret_set_by_a_command_is_masked_from_the_next_line_on() -> None:
    sent, masker = Sent(), Masker()
    log = log_stream(sent)
    output = TaskOutput(log, masker, lambda line: masker.add(line.partition("]")[2]))
    output.feed(b"before hush-hush\n##vso[task.setsecret]hush-hush\nafter hush-hush\n")
    log.close()
    assert sent.lines() == ["before hush-hush", "after ***"]

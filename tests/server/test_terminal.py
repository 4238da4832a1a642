"""What others have written is inert on the terminal of whoever reads it (R-16)."""

import ast
import io
import logging
from pathlib import Path

import pytest
import structlog
from rich.table import Table

from quaymaster import settings
from quaymaster.cli import printing
from quaymaster.server import logs
from quaymaster.server.terminal import plain

CLI = Path(printing.__file__).parent
CLEARS, LINK, C1, TURNS = "\x1b[2J", "\x1b]8;;http://evil\x07here", "\x9b31m", "\u202egnp.exe"
HOSTILE = CLEARS + LINK + C1 + TURNS + "\r\x00\u2066\ue0041"
ACTIVE = set(HOSTILE) - set(ascii(HOSTILE)) | {"\x1b", "\x9b", "\u202e", "\r"}


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (CLEARS, r"\x1b[2J"),
        (LINK, r"\x1b]8;;http://evil\x07here"),
        (C1, r"\x9b31m"),
        (TURNS, r"\u202egnp.exe"),
        ("a\rb\tc", r"a\rb\tc"),
        ("two\nlines", "two\nlines"),
        ("Zoë 🚀 'quoted'", "Zoë 🚀 'quoted'"),
    ],
)
def test_what_is_not_seen_is_written_out(written: str, shown: str):
    assert plain(written) == shown


def test_lines_errors_and_tables_of_commands_are_inert(capsys: pytest.CaptureFixture[str]):
    printing.say(HOSTILE)
    printing.complain(ValueError(HOSTILE))
    printing.show_table(Table("name"), [[f"[red]{HOSTILE}"]])
    printing.show_table(Table("name"), [], f"{HOSTILE} has none.")
    printed = capsys.readouterr()
    assert printed.err.startswith("quaymaster: ")
    assert printed.out.count(r"\x1b[2J") == 3
    assert "[red]" in printed.out
    assert not ACTIVE & set(printed.out + printed.err)


def test_commands_print_in_no_other_way():
    for module in CLI.glob("*.py"):
        names = {one.id for one in ast.walk(ast.parse(module.read_text())) if type(one) is ast.Name}
        assert module.name == "printing.py" or not names & {"print", "Console"}, module


def test_what_is_logged_to_a_terminal_is_inert(monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    written = Terminal()
    monkeypatch.setattr("sys.stderr", written)
    monkeypatch.setenv("NO_COLOR", "1")
    logs.set_up(settings.read({}))
    logger = structlog.get_logger("quaymaster.test")
    logger.error(HOSTILE, path=HOSTILE, exc_info=ValueError(HOSTILE))
    logging.root.handlers.clear()
    structlog.reset_defaults()
    for style in ("\x1b[0m", "\x1b[1m", "\x1b[2m", *(f"\x1b[{n}m" for n in range(31, 37))):
        written = Terminal(written.getvalue().replace(style, ""))
    assert written.getvalue().count(r"\x1b]8;;") == 3
    assert not ACTIVE & set(written.getvalue())

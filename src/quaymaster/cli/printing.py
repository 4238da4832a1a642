"""How commands print: names, reasons and errors hold what others have written (R-16)."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from quaymaster.server.terminal import plain

if TYPE_CHECKING:
    from rich.table import Table


def say(text: object) -> None:
    """A line to a person or a script, at once, also when the output is a pipe."""
    print(plain(str(text)), flush=True)


def complain(text: object) -> None:
    """The same about what went wrong."""
    print(plain(f"quaymaster: {text}"), file=sys.stderr)


def show_table(
    table: "Table",
    rows: Iterable[Iterable[object]],
    nothing: str = "There is none.",
    *,
    soft_wrap: bool = False,
) -> None:
    """The table with these rows, in which nothing is markup, or the sentence for none."""
    from rich.console import Console  # noqa: PLC0415 - most commands print a line
    from rich.text import Text  # noqa: PLC0415

    for row in rows:
        table.add_row(*(Text(plain(str(cell))) for cell in row))
    if table.row_count:
        Console(soft_wrap=soft_wrap).print(table)
    else:
        say(nothing)

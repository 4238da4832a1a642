"""Dates written by a pattern of letters, with English names whatever the machine's language."""

import re
from collections.abc import Callable
from datetime import datetime

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

_WRITERS: dict[str, Callable[[datetime], str]] = {
    "d": lambda moment: f"{moment.day}",
    "dd": lambda moment: f"{moment.day:02}",
    "ddd": lambda moment: _DAYS[moment.weekday()][:3],
    "dddd": lambda moment: _DAYS[moment.weekday()],
    "M": lambda moment: f"{moment.month}",
    "MM": lambda moment: f"{moment.month:02}",
    "MMM": lambda moment: _MONTHS[moment.month - 1][:3],
    "MMMM": lambda moment: _MONTHS[moment.month - 1],
    "y": lambda moment: f"{moment.year % 100}",
    "yy": lambda moment: f"{moment.year % 100:02}",
    "yyyy": lambda moment: f"{moment.year:04}",
    "h": lambda moment: f"{_on_the_clock(moment)}",
    "hh": lambda moment: f"{_on_the_clock(moment):02}",
    "H": lambda moment: f"{moment.hour}",
    "HH": lambda moment: f"{moment.hour:02}",
    "m": lambda moment: f"{moment.minute}",
    "mm": lambda moment: f"{moment.minute:02}",
    "s": lambda moment: f"{moment.second}",
    "ss": lambda moment: f"{moment.second:02}",
}
_LONGEST = {"d": 4, "M": 4, "y": 4, "h": 2, "H": 2, "m": 2, "s": 2}
_RUN = re.compile(r"([dMyhHms])\1*")


def format_date(moment: datetime, pattern: str) -> str:
    """The moment written by d, M, y, h, H, m, s and their repetitions (SEMANTICS 3.3).

    Other characters stay; a run longer than the longest known is written as that one.
    """
    return _RUN.sub(lambda run: _writer(run[0])(moment), pattern)


def _writer(run: str) -> Callable[[datetime], str]:
    known = run if run in _WRITERS else run[0] * _LONGEST[run[0]]
    return _WRITERS[known]


def _on_the_clock(moment: datetime) -> int:
    """The hour from 1 to 12."""
    return moment.hour % 12 or 12

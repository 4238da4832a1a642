"""Writes docs/reference/stages.md from the tables of the domain; a test fails when it is stale."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from quaymaster.domain.allowed import ALLOWED, ENDED, NOT_STARTED
from quaymaster.domain.rules import ALWAYS, UNDER_WAY
from quaymaster.domain.statuses import OperationStatus

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "stages.md"

BEGINNING = """\
# How a stage moves

Written by `make docs` from `domain/allowed.py` and `domain/rules`; do not edit it.

## What may happen when

The situation of a stage is the operation status of its newest attempt, or `notStarted` without
one. A ✓ says that the event is legal then; anywhere else it is refused with a sentence, and
nothing changes. Statuses are never set: they are derived from approvals, gates, phases and jobs.
Events about an approval, a job or a gate are legal as long as that one is open.
"""

RULES = """\
## What follows by itself

After every event these rules are tried from top to bottom, stage by stage, until none applies.
The first that does makes one change, and the next look begins at the top.
"""


def page() -> str:
    """The whole text, ending in a newline."""
    return "\n".join([BEGINNING, *_situations(), "", RULES, *_rules(), ""])


def _situations() -> Iterator[str]:
    events = list(ALLOWED)
    yield "| situation | " + " | ".join(_words(event.__name__) for event in events) + " |"
    yield "|---|" + ":-:|" * len(events)
    for situation in [NOT_STARTED, *OperationStatus]:
        marks = [("✓" if situation in ALLOWED[event] else "") for event in events]
        ended = " (ended)" if situation in ENDED else ""
        yield f"| {situation}{ended} | " + " | ".join(marks) + " |"


def _rules() -> Iterator[str]:
    yield "| | rule | what it does | where |"
    yield "|---|---|---|---|"
    for number, rule in enumerate([*ALWAYS, *UNDER_WAY], 1):
        sentence = (inspect.getdoc(rule) or "").split("\n\n")[0].replace("\n", " ")
        module = rule.__module__.removeprefix("quaymaster.domain.")
        where = f"`{module.replace('.', '/')}.py`"
        name = rule.__name__.replace("_", " ")
        yield f"| {number} | {name} | {sentence.replace('|', '/')} | {where} |"


def _words(name: str) -> str:
    """Slot granted, for SlotGranted."""
    return re.sub(r"(?<!^)([A-Z])", lambda found: " " + found.group(1).lower(), name)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")

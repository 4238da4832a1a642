"""Commands that show and carry out retention."""

from collections.abc import Iterator
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from quaymaster.actions.builds.results import retention as build_retention
from quaymaster.actions.builds.results.retention import BuildVerdicts
from quaymaster.actions.call import Call
from quaymaster.actions.releases import retention
from quaymaster.actions.releases.retention import DefinitionVerdicts
from quaymaster.cli.homes import on_installation
from quaymaster.cli.options import Home
from quaymaster.cli.printing import show_table
from quaymaster.domain.build_retention import Fate

Row = tuple[str, str, str, str]
BUILD_ENDS = {Fate.GOES: "deleted", Fate.LOSES_FILES: "loses its artifacts", Fate.KEPT: "kept"}


def explain(
    *,
    kept: Annotated[bool, Parameter(help="Also list what is kept, and why.")] = False,
    home: Home = None,
) -> None:
    releases, builds = on_installation(home, _explained)
    rows = [*_of_releases(releases), *_of_builds(builds)]
    shown = [row for row in rows if kept or row[2] != BUILD_ENDS[Fate.KEPT]]
    table = Table("definition", "release or build", "what happens", "why")
    show_table(table, shown, "No release and no build would be deleted now.")


async def _explained(call: Call) -> tuple[list[DefinitionVerdicts], list[BuildVerdicts]]:
    return await retention.explained(call), await build_retention.explained(call)


def _of_releases(found: list[DefinitionVerdicts]) -> Iterator[Row]:
    for group in found:
        for verdict in group.verdicts:
            ends = Fate.GOES if verdict.may_go else Fate.KEPT
            why = " ".join(verdict.reasons) or retention.WHY
            yield group.definition_name, verdict.name, BUILD_ENDS[ends], why


def _of_builds(found: list[BuildVerdicts]) -> Iterator[Row]:
    for group in found:
        for verdict in group.verdicts:
            why = " ".join(verdict.reasons)
            yield group.definition_name, verdict.number, BUILD_ENDS[verdict.fate], why

"""Commands that show and carry out retention."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from quaymaster.actions import retention
from quaymaster.actions.call import Call
from quaymaster.actions.retention import DefinitionVerdicts
from quaymaster.cli import options
from quaymaster.cli.options import Home
from quaymaster.server import access, installation
from quaymaster.store import migrate


def explain(
    *,
    kept: Annotated[bool, Parameter(help="Also list what is kept, and why.")] = False,
    home: Home = None,
) -> None:
    rows = _rows(asyncio.run(_explained(home)), with_kept=kept)
    table = Table("definition", "release", "what happens", "why")
    for row in rows:
        table.add_row(*map(escape, row))
    Console().print(table if rows else "No release would be deleted now.")


async def _explained(home: Path | None) -> list[DefinitionVerdicts]:
    settings = options.settings(home)
    async with access.reached(settings) as dsn:
        await migrate.upgrade(dsn)
        async with installation.opened(settings, dsn) as opened:
            return await retention.explained(Call(opened))


def _rows(found: list[DefinitionVerdicts], *, with_kept: bool) -> list[tuple[str, str, str, str]]:
    rows = []
    for group in found:
        for verdict in group.verdicts:
            if verdict.may_go:
                rows.append((group.definition_name, verdict.name, "deleted", retention.WHY))
            elif with_kept:
                why = " ".join(verdict.reasons)
                rows.append((group.definition_name, verdict.name, "kept", why))
    return rows

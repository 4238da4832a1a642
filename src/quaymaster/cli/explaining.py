"""The command that says why a stage is not deploying."""

import asyncio
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from quaymaster.actions import explaining
from quaymaster.actions.call import Call
from quaymaster.actions.explaining import Explained
from quaymaster.cli import options
from quaymaster.cli.options import Home
from quaymaster.domain.reasons import Reason
from quaymaster.domain.release import ReleaseId
from quaymaster.server import access, installation
from quaymaster.store import migrate


def explain(release: int, stage: str, *, home: Home = None) -> None:
    found = asyncio.run(_explained(home, ReleaseId(release), stage))
    if not found.reasons:
        Console().print(f"Nothing keeps {found.stage} from deploying.", markup=False)
        return
    table = Table("", "reason", "cleared by", "clears at")
    for reason in found.reasons:
        table.add_row(*map(escape, _row(reason, found)))
    Console().print(table)


async def _explained(home: Path | None, release: ReleaseId, stage: str) -> Explained:
    settings = options.settings(home)
    async with access.reached(settings) as dsn:
        await migrate.upgrade(dsn)
        async with installation.opened(settings, dsn) as opened:
            return await explaining.reasons_by_name(Call(opened), release, stage)


def _row(reason: Reason, found: Explained) -> tuple[str, str, str, str]:
    who = ", ".join(found.names.get(one, one) for one in reason.cleared_by)
    at = f"{reason.clears_at:%Y-%m-%d %H:%M} UTC" if reason.clears_at else ""
    return "later" if reason.is_ahead else "now", reason.text, who, at

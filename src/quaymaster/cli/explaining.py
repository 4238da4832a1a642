"""The commands that say why a stage is not deploying, and why a build does not go on."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from quaymaster.actions.builds import explaining as build_explaining
from quaymaster.actions.call import Call
from quaymaster.actions.deployments import explaining
from quaymaster.actions.deployments.explaining import Explained
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
    _show(found.reasons, found.names)


def explain_build(build: int, *, home: Home = None) -> None:
    _show(asyncio.run(_build_explained(home, build)), {})


async def _build_explained(home: Path | None, build: int) -> tuple[Reason, ...]:
    settings = options.settings(home)
    async with access.reached(settings) as dsn:
        await migrate.upgrade(dsn)
        async with installation.opened(settings, dsn) as opened:
            return await build_explaining.reasons(Call(opened), build)


def _show(reasons: Sequence[Reason], names: Mapping[str, str]) -> None:
    table = Table("", "reason", "cleared by", "clears at")
    for reason in reasons:
        table.add_row(*map(escape, _row(reason, names)))
    Console().print(table)


async def _explained(home: Path | None, release: ReleaseId, stage: str) -> Explained:
    settings = options.settings(home)
    async with access.reached(settings) as dsn:
        await migrate.upgrade(dsn)
        async with installation.opened(settings, dsn) as opened:
            return await explaining.reasons_by_name(Call(opened), release, stage)


def _row(reason: Reason, names: Mapping[str, str]) -> tuple[str, str, str, str]:
    who = ", ".join(names.get(one, one) for one in reason.cleared_by)
    at = f"{reason.clears_at:%Y-%m-%d %H:%M} UTC" if reason.clears_at else ""
    return "later" if reason.is_ahead else "now", reason.text, who, at

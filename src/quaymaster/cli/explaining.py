"""The commands that say why a stage is not deploying, and why a build does not go on."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from quaymaster.actions.builds import explaining as build_explaining
from quaymaster.actions.deployments import explaining
from quaymaster.cli.homes import on_installation
from quaymaster.cli.options import Home
from quaymaster.domain.reasons import Reason
from quaymaster.domain.release import ReleaseId


def explain(release: int, stage: str, *, home: Home = None) -> None:
    number = ReleaseId(release)
    found = on_installation(home, lambda call: explaining.reasons_by_name(call, number, stage))
    if not found.reasons:
        Console().print(f"Nothing keeps {found.stage} from deploying.", markup=False)
        return
    _show(found.reasons, found.names)


def explain_build(build: int, *, home: Home = None) -> None:
    _show(on_installation(home, lambda call: build_explaining.reasons(call, build)), {})


def _show(reasons: Sequence[Reason], names: Mapping[str, str]) -> None:
    table = Table("", "reason", "cleared by", "clears at")
    for reason in reasons:
        table.add_row(*map(escape, _row(reason, names)))
    Console().print(table)


def _row(reason: Reason, names: Mapping[str, str]) -> tuple[str, str, str, str]:
    who = ", ".join(names.get(one, one) for one in reason.cleared_by)
    at = f"{reason.clears_at:%Y-%m-%d %H:%M} UTC" if reason.clears_at else ""
    return "later" if reason.is_ahead else "now", reason.text, who, at

"""The commands that say why a stage is not deploying, and why a build does not go on."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from quaymaster.actions.builds import explaining as build_explaining
from quaymaster.actions.deployments import explaining
from quaymaster.cli.homes import on_installation
from quaymaster.cli.options import Home
from quaymaster.cli.printing import say, show_table
from quaymaster.domain.reasons import Reason
from quaymaster.domain.release import ReleaseId


def explain(release: int, stage: str, *, home: Home = None) -> None:
    number = ReleaseId(release)
    found = on_installation(home, lambda call: explaining.reasons_by_name(call, number, stage))
    if not found.reasons:
        say(f"Nothing keeps {found.stage} from deploying.")
        return
    _show(found.reasons, found.names)


def explain_build(build: int, *, home: Home = None) -> None:
    _show(on_installation(home, lambda call: build_explaining.reasons(call, build)), {})


def _show(reasons: Sequence[Reason], names: Mapping[str, str]) -> None:
    table = Table("", "reason", "cleared by", "clears at")
    rows = (_row(reason, names) for reason in reasons)
    show_table(table, rows, "There is nothing to wait for.")


def _row(reason: Reason, names: Mapping[str, str]) -> tuple[str, str, str, str]:
    who = ", ".join(names.get(one, one) for one in reason.cleared_by)
    at = f"{reason.clears_at:%Y-%m-%d %H:%M} UTC" if reason.clears_at else ""
    return "later" if reason.is_ahead else "now", reason.text, who, at

"""Commands that add and list pools of workers."""

from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape
from rich.table import Table

from quaymaster.actions.resources import pools
from quaymaster.cli.homes import on_database
from quaymaster.cli.options import Home
from quaymaster.cli.printing import say, show_table
from quaymaster.server.terminal import plain


def create(
    name: Annotated[str, Parameter(help="Unique, such as Linux.")],
    *,
    home: Home = None,
) -> None:
    say(on_database(home, lambda database: pools.create(database, name)))


def show(
    *,
    project: Annotated[str, Parameter(help="Whose queues are shown.")] = "Default",
    home: Home = None,
) -> None:
    found = on_database(home, lambda database: pools.reached(database, project))
    table = Table("id", "name", "workers now", escape(f"queue of {plain(project)}"))
    rows = (
        (one.pool.id, one.pool.name, one.pool.workers, "" if one.queue is None else one.queue)
        for one in found
    )
    show_table(table, rows, "There are no pools.")

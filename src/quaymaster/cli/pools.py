"""Commands that add and list pools of workers."""

from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from quaymaster.actions.resources import pools
from quaymaster.cli.homes import on_database
from quaymaster.cli.options import Home


def create(
    name: Annotated[str, Parameter(help="Unique, such as Linux.")],
    *,
    home: Home = None,
) -> None:
    print(on_database(home, lambda database: pools.create(database, name)))


def show(
    *,
    project: Annotated[str, Parameter(help="Whose queues are shown.")] = "Default",
    home: Home = None,
) -> None:
    found = on_database(home, lambda database: pools.reached(database, project))
    table = Table("id", "name", "workers now", f"queue of {escape(project)}")
    for one in found:
        pool, queue = one.pool, "" if one.queue is None else str(one.queue)
        table.add_row(str(pool.id), escape(pool.name), str(pool.workers), queue)
    Console().print(table)

"""Commands that add, list and remove service connections."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TypeVar

from cyclopts import Parameter
from rich.table import Table

from quaymaster.actions.call import Call, Project
from quaymaster.actions.people import projects
from quaymaster.actions.resources import connections
from quaymaster.cli.homes import on_installation
from quaymaster.cli.options import Home
from quaymaster.cli.printing import say, show_table
from quaymaster.domain.connection_saving import ConnectionContent
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.store.resources.connections import KeptConnection

T = TypeVar("T")
InProject = Annotated[str, Parameter(help="The project that it belongs to.")]


def create(  # noqa: PLR0913 - each is an option
    name: str,
    *,
    project: InProject = "Default",
    type: Annotated[str, Parameter(help="Such as Generic, ssh, github.")] = "Generic",  # noqa: A002 - the published word
    url: Annotated[str, Parameter(help="Where it is.")] = "",
    scheme: Annotated[str, Parameter(help="UsernamePassword, Token, None …")] = "UsernamePassword",
    parameter: Annotated[
        tuple[str, ...], Parameter(negative=(), help="What is no secret, as username=quay.")
    ] = (),
    data: Annotated[
        tuple[str, ...], Parameter(negative=(), help="What describes it, as Host=web1.")
    ] = (),
    secret: Annotated[
        str, Parameter(help="Which parameter is read from standard input, as password.")
    ] = "",
    home: Home = None,
) -> None:
    parameters = _pairs(parameter)
    if secret:
        parameters[secret] = sys.stdin.readline().rstrip("\n")
    content = ConnectionContent(name, type, url, "", scheme, parameters, _pairs(data))

    async def add(call: Call) -> KeptConnection:
        return await connections.create(call, content)

    say(_run(home, project, add).connection.id)


def show(*, project: InProject = "Default", home: Home = None) -> None:
    found = _run(home, project, connections.listed)
    table = Table()
    table.add_column("id", no_wrap=True, min_width=36)  # whole: others go by it
    for title in ("name", "type", "scheme", "address"):
        table.add_column(title, overflow="fold")
    every = (kept.connection for kept in found)
    rows = ((one.id, one.name, one.type, one.scheme, one.url) for one in every)
    show_table(table, rows, "There are no service connections.")


def remove(name: str, *, project: InProject = "Default", home: Home = None) -> None:
    async def delete(call: Call) -> None:
        for kept in await connections.listed(call):
            if name.casefold() in (kept.connection.id, kept.connection.name.casefold()):
                return await connections.delete(call, kept.connection.id)
        raise NotFound("service connection", name)

    _run(home, project, delete)


def _pairs(given: tuple[str, ...]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise Invalid(f"{text!r} must be a name and a value, as username=quay.")
        found[key.strip()] = value
    return found


def _run(home: Path | None, project: str, act: Callable[[Call], Awaitable[T]]) -> T:
    async def within(call: Call) -> T:
        number = await projects.id_of(call.database, project)
        return await act(replace(call, project=Project(number, project, "")))

    return on_installation(home, within)

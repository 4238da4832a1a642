"""Commands that administer people, groups, tokens and projects."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.table import Table

from quaymaster.actions.people import people, projects
from quaymaster.actions.resources import deployment_groups
from quaymaster.apis.shared import scopes
from quaymaster.cli.homes import on_database
from quaymaster.cli.options import Home
from quaymaster.cli.printing import say, show_table
from quaymaster.domain.errors import Invalid
from quaymaster.store.people.people import Token
from quaymaster.store.postgres.database import Database

LONGEST_DAYS = 36_500


def create_token(
    *,
    user: Annotated[str, Parameter(help="Whose token it is: a unique name or an e-mail address.")],
    scope: Annotated[
        tuple[str, ...],
        Parameter(
            negative=(),
            help="What it may do, such as vso.release_execute; everything if none is given.",
        ),
    ] = (),
    name: Annotated[str, Parameter(help="What it is for, for the list of tokens.")] = "",
    days: Annotated[
        int | None,
        Parameter(
            validator=Number(gte=1, lte=LONGEST_DAYS),
            help="How long it is valid; for ever if not given.",
        ),
    ] = None,
    home: Home = None,
) -> None:
    _check_scopes(scope)
    lifetime = timedelta(days=days) if days is not None else None

    async def make(database: Database) -> people.NewToken:
        return await people.create_token(
            database, user, name, scope or people.ALL_SCOPES, lifetime, now=datetime.now(UTC)
        )

    say(on_database(home, make).text)


def show_tokens(
    *,
    user: Annotated[str, Parameter(help="Whose tokens: a unique name or an e-mail address.")],
    home: Home = None,
) -> None:
    found = on_database(home, lambda database: people.tokens_of(database, user))
    table = Table()
    for title in ("id", "what for", "scopes", "made", "used last", "valid until"):
        table.add_column(title, overflow="fold")
    show_table(table, map(_row, found), f"{user} has no tokens.")


def _row(one: Token) -> tuple[object, ...]:
    until = "revoked" if one.revoked_at else _day(one.expires_at) or "for ever"
    used = _day(one.last_used_at) or "never"
    return (one.id, one.name, ", ".join(one.scopes), _day(one.created_at), used, until)


def _day(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else ""


def revoke_token(
    number: Annotated[int, Parameter(name="ID", help="As `quaymaster token list` shows it.")],
    *,
    home: Home = None,
) -> None:
    on_database(home, lambda database: people.revoke_token(database, number, datetime.now(UTC)))
    say(f"Token {number} is not valid any more.")


def _check_scopes(asked: tuple[str, ...]) -> None:
    """Raise Invalid for a scope that no request asks for: the token would be good for nothing."""
    unknown = sorted(set(asked) - scopes.KNOWN)
    if unknown:
        known = ", ".join(sorted(scopes.KNOWN))
        raise Invalid(f"There is no scope {unknown[0]!r}. Use some of {known}.")


def create_user(
    name: Annotated[str, Parameter(help="Unique, such as ann@example.com.")],
    *,
    display_name: Annotated[str, Parameter(help="As it is shown; the unique name otherwise.")] = "",
    email: Annotated[str, Parameter(help="Where to write to.")] = "",
    home: Home = None,
) -> None:
    say(on_database(home, lambda database: people.create_user(database, name, display_name, email)))


def disable_user(
    name: Annotated[str, Parameter(help="A unique name or an e-mail address.")],
    *,
    home: Home = None,
) -> None:
    on_database(home, lambda database: people.set_active(database, name, active=False))
    say(f"{name} is shut out.")


def enable_user(
    name: Annotated[str, Parameter(help="A unique name or an e-mail address.")],
    *,
    home: Home = None,
) -> None:
    on_database(home, lambda database: people.set_active(database, name, active=True))
    say(f"{name} may sign in again.")


def create_project(
    name: Annotated[str, Parameter(help="Unique in the organization.")],
    *,
    description: Annotated[str, Parameter(help="What it is about.")] = "",
    home: Home = None,
) -> None:
    say(on_database(home, lambda database: projects.create(database, name, description)))


def create_deployment_group(
    name: Annotated[str, Parameter(help="Unique in the project.")],
    *,
    project: Annotated[str, Parameter(help="Whose group it is.")] = "Default",
    description: Annotated[str, Parameter(help="What it is about.")] = "",
    home: Home = None,
) -> None:
    async def make(database: Database) -> int:
        return await deployment_groups.create_by_operator(
            database, name, project, description, datetime.now(UTC)
        )

    say(on_database(home, make))


def create_group(
    name: Annotated[str, Parameter(help="Unique in the project or the organization.")],
    *,
    project: Annotated[
        str | None, Parameter(help="Whose group it is; the organization's if not given.")
    ] = None,
    home: Home = None,
) -> None:
    say(on_database(home, lambda database: people.create_group(database, name, project)))


def add_to_group(
    group: Annotated[str, Parameter(help="Such as Contributors, or Release Administrators.")],
    member: Annotated[str, Parameter(help="A person or another group.")],
    *,
    project: Annotated[
        str | None, Parameter(help="Whose group it is; the organization's if not given.")
    ] = None,
    home: Home = None,
) -> None:
    on_database(home, lambda database: people.add_to_group(database, group, member, project))
    say(f"{member} is a member of {group}.")


def remove_from_group(
    group: Annotated[str, Parameter(help="Such as Contributors, or Release Administrators.")],
    member: Annotated[str, Parameter(help="A person or another group.")],
    *,
    project: Annotated[
        str | None, Parameter(help="Whose group it is; the organization's if not given.")
    ] = None,
    home: Home = None,
) -> None:
    on_database(home, lambda database: people.remove_from_group(database, group, member, project))
    say(f"{member} is no member of {group} any more.")

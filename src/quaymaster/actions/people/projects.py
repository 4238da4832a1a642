"""Finding and making projects."""

from uuid import UUID

from quaymaster.actions.call import Caller, Project
from quaymaster.actions.people.people import check_name, default_organization
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.store.people import projects
from quaymaster.store.people.projects import ProjectRow
from quaymaster.store.postgres.database import Database

# What the published service refuses in a project's name: it is a part of every address.
UNUSABLE = frozenset("/\\:~&%;@'\"?<>|#$*{},+=[]")


async def installation_id(database: Database) -> UUID:
    """What tells this installation from every other."""
    async with database.read() as connection:
        return await projects.installation_id(connection)


async def organization_of(database: Database, caller: Caller) -> str | None:
    """What the caller's own organization is called; the only one that exists for the caller."""
    async with database.read() as connection:
        return await projects.organization_name(connection, UUID(caller.organization))


async def find(
    database: Database, caller: Caller, organization: str, name_or_id: str
) -> Project | None:
    """A project that the caller may see at all; None otherwise, without telling which."""
    async with database.read() as connection:
        home = await projects.organization(connection, organization)
        if home is None or str(home.id) != caller.organization:
            return None
        row = await projects.find(connection, home.id, name_or_id)
    return _project(row) if row and caller.sees(str(row.id)) else None


async def id_of(database: Database, name: str) -> str:
    """The id of a project of the default organization. Raises NotFound."""
    async with database.read() as connection:
        organization = await default_organization(connection)
        row = await projects.find(connection, organization.id, name)
    if row is None:
        raise NotFound("project", name)
    return str(row.id)


async def listed(database: Database, caller: Caller, organization: str) -> list[Project] | None:
    """All projects that the caller may see; None when the organization is not the caller's."""
    async with database.read() as connection:
        home = await projects.organization(connection, organization)
        if home is None or str(home.id) != caller.organization:
            return None
        rows = await projects.listed(connection, home.id)
    return [_project(row) for row in rows if caller.sees(str(row.id))]


async def create(database: Database, name: str, description: str = "") -> str:
    """Make a project in the default organization; its id. Raises Invalid or Conflict."""
    check_name(name)
    _check_address(name)
    async with database.transaction() as connection:
        organization = await default_organization(connection)
        return str(await projects.create(connection, organization.id, name, description))


def _check_address(name: str) -> None:
    """Raise Invalid for a project's name that an address could not hold, or would misread."""
    bad = sorted(UNUSABLE.intersection(name))
    if bad or name[0] in "_." or name[-1] == "." or name != name.strip():
        raise Invalid(
            f"A project cannot be called {name!r}: its name is part of every address. It must not "
            "begin with an underscore, begin or end with a dot or a space, or hold any of "
            f"{' '.join(sorted(UNUSABLE))}"
        )


def _project(row: ProjectRow) -> Project:
    return Project(
        id=str(row.id),
        name=row.name,
        organization=row.organization,
        description=row.description,
        created_at=row.created_at,
    )

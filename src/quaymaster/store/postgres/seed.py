"""What a fresh installation begins with, and what every new project gets."""

from uuid import UUID

from quaymaster.domain import access
from quaymaster.store.postgres.database import Connection

DEFAULT_ORGANIZATION = "default"
DEFAULT_PROJECT = "Default"
DEFAULT_POOL = "Default"
COLLECTION_ADMINISTRATORS = "Project Collection Administrators"

# The bits of SEMANTICS 25.2; those of 25.1 are the domain's.
BUILD_EVERYTHING = 32767
BUILD_READ = 1 | 1024
BUILD_ADMINISTER_PERMISSIONS = 16384
ALL = (access.EVERYTHING, BUILD_EVERYTHING)
PROJECT_GROUPS = {  # SEMANTICS 25.4
    "Readers": (access.READER, BUILD_READ),
    "Contributors": (
        access.CONTRIBUTOR,
        BUILD_EVERYTHING & ~BUILD_ADMINISTER_PERMISSIONS,
    ),
    "Release Administrators": ALL,
    "Project Administrators": ALL,
}
WHOLE_INSTALLATION = ""


async def fill_if_empty(connection: Connection) -> None:
    """Make the organization, project, pool and groups of a fresh installation, once."""
    if await connection.fetchval("SELECT id FROM installation"):
        return
    await connection.execute("INSERT INTO installation DEFAULT VALUES")
    organization: UUID = await connection.fetchval(
        "INSERT INTO organizations (name, name_key) VALUES ($1, $2) RETURNING id",
        DEFAULT_ORGANIZATION,
        DEFAULT_ORGANIZATION.casefold(),
    )
    await connection.execute(
        "INSERT INTO pools (organization_id, name, name_key) VALUES ($1, $2, $3)",
        organization,
        DEFAULT_POOL,
        DEFAULT_POOL.casefold(),
    )
    administrators = await add_group(
        connection, organization, DEFAULT_ORGANIZATION, COLLECTION_ADMINISTRATORS
    )
    await _grant(connection, administrators, WHOLE_INSTALLATION, ALL)
    await add_project(connection, organization, DEFAULT_PROJECT, "")


async def add_project(
    connection: Connection, organization: UUID, name: str, description: str
) -> UUID:
    """A project with its groups, their permissions and a queue for every pool there is.

    Raises asyncpg.UniqueViolationError when the name is taken.
    """
    project: UUID = await connection.fetchval(
        "INSERT INTO projects (organization_id, name, name_key, description)"
        " VALUES ($1, $2, $3, $4) RETURNING id",
        organization,
        name,
        name.casefold(),
        description,
    )
    await connection.execute(
        "INSERT INTO queues (project_id, pool_id, name, name_key)"
        " SELECT $1, id, name, name_key FROM pools WHERE organization_id = $2"
        " AND type = 'automation' ORDER BY id",
        project,
        organization,
    )
    for group, bits in PROJECT_GROUPS.items():
        identity = await add_group(connection, organization, name, group, project)
        await _grant(connection, identity, str(project), bits)
    return project


async def _grant(connection: Connection, identity: str, token: str, bits: tuple[int, int]) -> None:
    release_bits, build_bits = bits
    await connection.executemany(
        "INSERT INTO grants (namespace, token, identity_id, allow) VALUES ($1, $2, $3, $4)",
        [
            ("release", token, identity, release_bits),
            ("build", token, identity, build_bits),
        ],
    )


async def add_group(
    connection: Connection, organization: UUID, owner: str, name: str, project: UUID | None = None
) -> str:
    """A group of a project, or of the whole organization; `[owner]\\name` is its unique name."""
    unique_name = f"[{owner}]\\{name}"
    identity: str = await connection.fetchval(
        "INSERT INTO identities (organization_id, kind, unique_name, unique_name_key,"
        " display_name, display_name_key, project_id)"
        " VALUES ($1, 'group', $2, $3, $4, $5, $6) RETURNING id",
        organization,
        unique_name,
        unique_name.casefold(),
        unique_name,
        unique_name.casefold(),
        project,
    )
    return identity

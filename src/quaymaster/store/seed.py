"""What a fresh installation begins with, and what every new project gets."""

from uuid import UUID

from quaymaster.domain.ordinal import upper
from quaymaster.store.database import Connection

DEFAULT_ORGANIZATION = "default"
DEFAULT_PROJECT = "Default"
DEFAULT_POOL = "Default"
COLLECTION_ADMINISTRATORS = "Project Collection Administrators"

# Bits of SEMANTICS 25.1 and 25.2, given at the root of a new project as 25.4 says.
RELEASE_ALL = 16383
RELEASE_READ = 1 | 32
RELEASE_ADMINISTER_PERMISSIONS = 512
BUILD_ALL = 32767
BUILD_READ = 1 | 1024
BUILD_ADMINISTER_PERMISSIONS = 16384
PROJECT_GROUPS = {
    "Readers": (RELEASE_READ, BUILD_READ),
    "Contributors": (
        RELEASE_ALL & ~RELEASE_ADMINISTER_PERMISSIONS,
        BUILD_ALL & ~BUILD_ADMINISTER_PERMISSIONS,
    ),
    "Release Administrators": (RELEASE_ALL, BUILD_ALL),
    "Project Administrators": (RELEASE_ALL, BUILD_ALL),
}


async def fill_if_empty(connection: Connection) -> None:
    """Make the organization, project, pool and groups of a fresh installation, once."""
    if await connection.fetchval("SELECT id FROM installation"):
        return
    await connection.execute("INSERT INTO installation DEFAULT VALUES")
    organization: UUID = await connection.fetchval(
        "INSERT INTO organizations (name, name_key) VALUES ($1, $2) RETURNING id",
        DEFAULT_ORGANIZATION,
        upper(DEFAULT_ORGANIZATION),
    )
    await connection.execute(
        "INSERT INTO pools (organization_id, name, name_key) VALUES ($1, $2, $3)",
        organization,
        DEFAULT_POOL,
        upper(DEFAULT_POOL),
    )
    await add_group(connection, organization, DEFAULT_ORGANIZATION, COLLECTION_ADMINISTRATORS)
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
        upper(name),
        description,
    )
    await connection.execute(
        "INSERT INTO queues (project_id, pool_id, name, name_key)"
        " SELECT $1, id, name, name_key FROM pools WHERE organization_id = $2 ORDER BY id",
        project,
        organization,
    )
    for group, (release_bits, build_bits) in PROJECT_GROUPS.items():
        identity = await add_group(connection, organization, name, group, project)
        await connection.executemany(
            "INSERT INTO grants (namespace, token, identity_id, allow) VALUES ($1, $2, $3, $4)",
            [
                ("release", str(project), identity, release_bits),
                ("build", str(project), identity, build_bits),
            ],
        )
    return project


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
        upper(unique_name),
        unique_name,
        upper(unique_name),
        project,
    )
    return identity

"""Tokens with which jobs call this server: each ends with its job (SEMANTICS 17.3, 18.4)."""

from datetime import datetime
from uuid import UUID

from quaymaster.store.people import people
from quaymaster.store.postgres.database import Connection

GROUP = "Readers"
SCOPES = ["vso.release_manage", "vso.build_execute"]

SERVICE = """
INSERT INTO identities (organization_id, kind, unique_name, unique_name_key,
  display_name, display_name_key, project_id)
SELECT organization_id, 'service', $2, lower($2), name || ' Build Service',
  name_key || ' build service', id
FROM projects WHERE id = $1
ON CONFLICT (organization_id, unique_name_key) DO NOTHING
RETURNING id
"""

IN_GROUP = """
INSERT INTO memberships (group_id, member_id)
SELECT id, $2 FROM identities WHERE project_id = $1 AND kind = 'group' AND unique_name LIKE $3
ON CONFLICT DO NOTHING
"""

WITHDRAW = """
DELETE FROM tokens USING identities i
WHERE tokens.identity_id = i.id AND i.kind = 'service' AND tokens.name = $1
"""


async def add(
    connection: Connection,
    project: UUID,
    name: str,
    sha256: bytes,
    *,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Keep the digest of a job's token; it belongs to the project's service identity.

    That identity is made when it is first needed, as a reader of the project. What it may do
    beyond is for administrators to say. Tokens of it that have expired go.
    """
    identity = await _service(connection, project)
    await connection.execute(
        "DELETE FROM tokens WHERE identity_id = $1 AND expires_at < $2", identity, now
    )
    await people.add_token(connection, identity, name, sha256, SCOPES, expires_at, project)


async def _service(connection: Connection, project: UUID) -> str:
    unique_name = service_name(project)
    find = "SELECT id FROM identities WHERE unique_name_key = $1 AND kind = 'service'"
    known: str | None = await connection.fetchval(find, unique_name.lower())
    if known is not None:
        return known
    made: str | None = await connection.fetchval(SERVICE, project, unique_name)
    if made is None:  # somebody else was quicker
        found: str = await connection.fetchval(find, unique_name.lower())
        return found
    await connection.execute(IN_GROUP, project, made, f"%\\\\{GROUP}")
    return made


def service_name(project: UUID) -> str:
    """What the service identity of a project is called."""
    return f"Build\\{project}"


async def withdraw(connection: Connection, name: str) -> None:
    """End the validity of a job's token, if it had one."""
    await connection.execute(WITHDRAW, name)

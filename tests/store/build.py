"""Builders of rows that a test needs before it can say what it is about."""

from typing import Any
from uuid import UUID

from quaymaster.domain.plan import Plan
from quaymaster.domain.release import Release
from quaymaster.domain.release_names import Named
from quaymaster.store import bodies, releases
from quaymaster.store.database import Connection
from quaymaster.store.records import NewRelease
from quaymaster.store.vault import KEY_BYTES, Vault
from tests import make

VAULT = Vault([b"k" * KEY_BYTES])


async def project_id(connection: Connection) -> UUID:
    found: UUID = await connection.fetchval("SELECT id FROM projects ORDER BY created_at LIMIT 1")
    return found


async def definition(connection: Connection, name: str = "Web", of: str = "{}") -> int:
    """A definition of the default project, straight into its table."""
    created: int = await connection.fetchval(
        "INSERT INTO definitions (project_id, name, name_key, document_digest, created_at,"
        " modified_at) VALUES ($1, $2, upper($2), $3, $4, $4) RETURNING id",
        await project_id(connection),
        name,
        await bodies.put_document(connection, of),
        make.NOW,
    )
    return created


async def release(
    connection: Connection, definition_id: int, of: Plan | str = "Dev", **changes: Any
) -> Release:
    """A draft release of this definition."""
    new = {
        "project_id": await project_id(connection),
        "definition_id": definition_id,
        "definition_revision": 1,
        "plan": make.plan(of) if isinstance(of, str) else of,
        "document": "{}",
        "created_at": make.NOW,
        "created_by": make.CREATOR,
        "created_for": make.CREATOR,
        "named": Named(make.NOW),
    }
    return await releases.insert(connection, NewRelease(**{**new, **changes}), VAULT)

"""People, groups, tokens and what they were granted."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from quaymaster.domain.access import Grant, Permission
from quaymaster.domain.errors import Conflict, NotFound
from quaymaster.domain.release import PersonId
from quaymaster.store.postgres import seed
from quaymaster.store.postgres.database import Connection

IDENTITY = """
SELECT id, organization_id, kind, unique_name, display_name, email, project_id, is_active
FROM identities
"""
# The address of the identity `i`, or its name where there is none.
EMAIL = "coalesce(nullif(i.email, ''), i.unique_name)"

# All groups of an identity, directly or through other groups; cycles end because of UNION.
GROUPS = """
WITH RECURSIVE held (id) AS (
  SELECT group_id FROM memberships WHERE member_id = $1
  UNION
  SELECT m.group_id FROM memberships m JOIN held ON m.member_id = held.id
) SELECT id FROM held
"""

MEMBERS = """
WITH RECURSIVE held (id) AS (
  SELECT member_id FROM memberships WHERE group_id = $1
  UNION
  SELECT m.member_id FROM memberships m JOIN held ON m.group_id = held.id
) SELECT id FROM held
"""

VERIFY = """
SELECT t.id AS token_id, t.scopes, t.project_id AS token_project, t.expires_at,
  i.id, i.organization_id, i.kind, i.unique_name, i.display_name, i.email, i.project_id, i.is_active
FROM tokens t JOIN identities i ON i.id = t.identity_id
WHERE t.sha256 = $1 AND t.revoked_at IS NULL AND i.is_active
  AND (t.expires_at IS NULL OR t.expires_at > $2)
"""

# A row that another process is at is left to it: it writes the same.
NOTE_USES = """
UPDATE tokens SET last_used_at = now() WHERE id IN (
  SELECT id FROM tokens WHERE sha256 = ANY($1::bytea[])
    AND (last_used_at IS NULL OR last_used_at < now() - $2::interval)
  FOR NO KEY UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """A person, a group or a service. `id` is what documents and history refer to."""

    id: PersonId
    organization_id: UUID
    kind: str
    unique_name: str
    display_name: str
    email: str
    project_id: UUID | None
    is_active: bool

    @property
    def address(self) -> str:
        """The e-mail address, or the name to sign in with for who has none; see EMAIL."""
        return self.email or self.unique_name

    @property
    def is_group(self) -> bool:
        return self.kind == "group"


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token that is valid now, and whose it is; `project_id` limits it to one project."""

    identity: Identity
    scopes: frozenset[str]
    project_id: UUID | None
    expires_at: datetime | None


def _identity(row: "asyncpg.Record") -> Identity:
    return Identity(
        id=PersonId(row["id"]),
        organization_id=row["organization_id"],
        kind=row["kind"],
        unique_name=row["unique_name"],
        display_name=row["display_name"],
        email=row["email"],
        project_id=row["project_id"],
        is_active=row["is_active"],
    )


async def verify_token(
    connection: Connection, sha256: bytes, now: datetime
) -> VerifiedToken | None:
    """Whose token this is; None when it is unknown, revoked, expired or its owner inactive."""
    row = await connection.fetchrow(VERIFY, sha256, now)
    if row is None:
        return None
    return VerifiedToken(
        _identity(row), frozenset(row["scopes"]), row["token_project"], row["expires_at"]
    )


async def note_uses(connection: Connection, digests: list[bytes], apart: timedelta) -> None:
    """Write down that these tokens are used now, but for those that were within `apart`."""
    await connection.execute(NOTE_USES, digests, apart)


async def get(connection: Connection, identity_id: str) -> Identity | None:
    """The identity of this id."""
    row = await connection.fetchrow(f"{IDENTITY} WHERE id = $1", identity_id)
    return _identity(row) if row else None


async def get_many(connection: Connection, ids: list[str]) -> dict[str, Identity]:
    """The identities of these ids that exist, by id."""
    if not ids:
        return {}
    rows = await connection.fetch(f"{IDENTITY} WHERE id = ANY($1::text[])", ids)
    return {row["id"]: _identity(row) for row in rows}


async def find(
    connection: Connection, named: str, organization: UUID | None = None
) -> Identity | None:
    """Who is meant by an id, a unique name, an e-mail address or a display name, ignoring case.

    The first of these that fits somebody wins; None when nobody is meant, or a display name
    fits several.
    """
    if not named:
        return None  # groups have no e-mail address: nothing would mean all of them
    rows = await connection.fetch(
        f"{IDENTITY} WHERE ($2::uuid IS NULL OR organization_id = $2)"
        " AND (id = $3 OR unique_name_key = $1 OR lower(email) = $1 OR display_name_key = $1)"
        " ORDER BY (id = $3) DESC, (unique_name_key = $1) DESC, (lower(email) = $1) DESC LIMIT 3",
        named.casefold(),
        organization,
        named,
    )
    if not rows:
        return None
    first = _identity(rows[0])
    by_display_name_only = named.casefold() not in (
        first.id.casefold(),
        first.unique_name.casefold(),
        first.email.casefold(),
    )
    return None if by_display_name_only and len(rows) > 1 else first


async def groups_of(connection: Connection, identity_id: str) -> frozenset[str]:
    """All groups that the identity belongs to, directly or through other groups."""
    return frozenset(row["id"] for row in await connection.fetch(GROUPS, identity_id))


async def members_of(connection: Connection, group_id: str) -> frozenset[str]:
    """Everybody in a group, directly or through other groups (which are listed too)."""
    return frozenset(row["id"] for row in await connection.fetch(MEMBERS, group_id))


async def lock(connection: Connection, identity_id: str) -> None:
    """Let nobody else lock this identity until the transaction ends; who joins it may do so."""
    await connection.execute("SELECT FROM identities WHERE id = $1 FOR NO KEY UPDATE", identity_id)


async def able_members_of(connection: Connection, group_id: str) -> frozenset[str]:
    """The people in a group, directly or through other groups, who are not shut out."""
    rows = await connection.fetch(
        f"SELECT id FROM identities WHERE id IN ({MEMBERS}) AND kind = 'user' AND is_active",
        group_id,
    )
    return frozenset(row["id"] for row in rows)


async def grants_of(
    connection: Connection, identities: list[str], namespace: str = "release"
) -> tuple[Grant, ...]:
    """What these identities were given and denied, in all projects."""
    rows = await connection.fetch(
        "SELECT token, allow, deny FROM grants"
        " WHERE namespace = $1 AND identity_id = ANY($2::text[])",
        namespace,
        identities,
    )
    return tuple(
        Grant(row["token"], Permission(row["allow"]), Permission(row["deny"])) for row in rows
    )


async def grant(
    connection: Connection, identity_id: str, given: Grant, namespace: str = "release"
) -> None:
    """Set what an identity has at a token, replacing what it had there."""
    await connection.execute(
        "INSERT INTO grants (namespace, token, identity_id, allow, deny)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (namespace, token, identity_id)"
        " DO UPDATE SET allow = excluded.allow, deny = excluded.deny",
        namespace,
        given.token,
        identity_id,
        int(given.allow),
        int(given.deny),
    )


async def create_user(
    connection: Connection, organization: UUID, unique_name: str, display_name: str, email: str
) -> PersonId:
    """Add a person. Raises Conflict when the unique name is taken."""
    try:
        created: str = await connection.fetchval(
            "INSERT INTO identities (organization_id, kind, unique_name, unique_name_key,"
            " display_name, display_name_key, email)"
            " VALUES ($1, 'user', $2, $3, $4, $5, $6) RETURNING id",
            organization,
            unique_name,
            unique_name.casefold(),
            display_name,
            display_name.casefold(),
            email,
        )
    except asyncpg.UniqueViolationError as error:
        raise Conflict(f"Somebody is already known as {unique_name!r}.") from error
    return PersonId(created)


async def create_group(
    connection: Connection, organization: UUID, owner: str, name: str, project: UUID | None = None
) -> PersonId:
    """Add a group of a project, or of the organization. Raises Conflict when the name is taken."""
    try:
        return PersonId(await seed.add_group(connection, organization, owner, name, project))
    except asyncpg.UniqueViolationError as error:
        raise Conflict(f"{owner} already has a group named {name!r}.") from error


async def set_active(connection: Connection, identity_id: str, *, active: bool) -> None:
    """Let somebody in again, or shut them out: their tokens stop working at once."""
    await connection.execute(
        "UPDATE identities SET is_active = $2 WHERE id = $1", identity_id, active
    )


async def add_member(connection: Connection, group_id: str, member_id: str) -> None:
    """Put somebody into a group. Raises Conflict when that would make the group its own member."""
    if group_id == member_id or group_id in await members_of(connection, member_id):
        raise Conflict("A group cannot become a member of itself.")
    await connection.execute(
        "INSERT INTO memberships (group_id, member_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        group_id,
        member_id,
    )


async def remove_member(connection: Connection, group_id: str, member_id: str) -> bool:
    """Take somebody out of a group; whether they were in it."""
    found = await connection.fetchval(
        "DELETE FROM memberships WHERE group_id = $1 AND member_id = $2 RETURNING true",
        group_id,
        member_id,
    )
    return bool(found)


async def add_token(
    connection: Connection,
    identity_id: str,
    name: str,
    sha256: bytes,
    scopes: list[str],
    expires_at: datetime | None,
    project: UUID | None = None,
) -> int:
    """Store the digest of a new token; the text itself is never stored."""
    token_id: int = await connection.fetchval(
        "INSERT INTO tokens (identity_id, name, sha256, scopes, expires_at, project_id)"
        " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        identity_id,
        name,
        sha256,
        scopes,
        expires_at,
        project,
    )
    return token_id


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; nobody knows its text but who holds it."""

    id: int
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


async def tokens_of(connection: Connection, identity_id: str) -> list[Token]:
    """All tokens that somebody was ever given, oldest first."""
    rows = await connection.fetch(
        "SELECT id, name, scopes, created_at, expires_at, revoked_at, last_used_at FROM tokens"
        " WHERE identity_id = $1 ORDER BY id",
        identity_id,
    )
    return [Token(**{**row, "scopes": tuple(row["scopes"])}) for row in rows]


async def revoke_token(connection: Connection, token_id: int, at: datetime) -> None:
    """End a token's validity. Raises NotFound for an id that was never given."""
    done = await connection.fetchval(
        "UPDATE tokens SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING id",
        token_id,
        at,
    )
    if done is None:
        raise NotFound("token", token_id)

"""Who wants to be told of what: rows with their secrets sealed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from quaymaster.domain.announcements import Happening
from quaymaster.domain.records import changed
from quaymaster.domain.release import PersonId, Side
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage.vault import Vault, VaultError

COLUMNS = """
SELECT id, organization_id, project_id, dialect, happenings, definition_id, definition_stage_id,
  side, statuses, url, settings, secrets, is_enabled, created_by, created_at, modified_by,
  modified_at FROM subscriptions
"""
INSERT = """
INSERT INTO subscriptions (id, organization_id, project_id, dialect, happenings, definition_id,
  definition_stage_id, side, statuses, url, settings, secrets, is_enabled, created_by, created_at,
  modified_by, modified_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $14, $15)
"""
UPDATE = """
UPDATE subscriptions SET happenings = $5, definition_id = $6, definition_stage_id = $7, side = $8,
  statuses = $9, url = $10, settings = $11, secrets = $12, is_enabled = $13, modified_by = $14,
  modified_at = $15
WHERE id = $1 AND organization_id = $2 AND project_id IS NOT DISTINCT FROM $3 AND dialect = $4
"""

HAS_DEFINITION = """
SELECT EXISTS (
  SELECT FROM definitions d JOIN projects p ON p.id = d.project_id
  WHERE d.id = $3 AND d.kind = $4 AND NOT d.is_deleted AND p.organization_id = $1
    AND ($2::uuid IS NULL OR p.id = $2))
"""
HAS_STAGE = """
SELECT EXISTS (
  SELECT FROM environments e JOIN projects p ON p.id = e.project_id
  WHERE e.id = $3 AND NOT e.is_deleted AND p.organization_id = $1
    AND ($2::uuid IS NULL OR p.id = $2) AND ($4::bigint IS NULL OR e.definition_id = $4))
"""

_settings = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is told: None and nothing stand for everything of that kind."""

    happenings: tuple[Happening, ...]
    definition: int | None = None
    definition_stage: int | None = None
    side: Side | None = None
    statuses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscription:
    """One wish to be told, in one dialect, at one address.

    `settings` are in the dialect's words; `secrets` are headers, passwords and signing keys.
    `unopened` is the sealed map of those where it cannot be opened, and is kept as it is.
    """

    id: UUID
    organization: UUID
    project: UUID | None
    dialect: str
    wanted: Wanted
    url: str = field(repr=False)  # may hold a key
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_enabled: bool = True
    unopened: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class KeptSubscription:
    """A subscription with who made and changed it."""

    subscription: Subscription
    created_by: PersonId | None
    created_at: datetime
    modified_by: PersonId | None
    modified_at: datetime


def owner(subscription: UUID) -> str:
    """The owner to which the vault binds a subscription's secrets."""
    return f"subscription/{subscription}"


async def add(
    connection: Connection, vault: Vault, new: Subscription, by: PersonId | None, at: datetime
) -> None:
    """Store a new subscription under its id."""
    await connection.execute(INSERT, *_values(vault, new), by, at)


async def replace(
    connection: Connection, vault: Vault, new: Subscription, by: PersonId | None, at: datetime
) -> None:
    """Store everything of a subscription anew; its place and dialect stay."""
    await connection.execute(UPDATE, *_values(vault, new), by, at)


async def remove(connection: Connection, subscription: UUID) -> None:
    """Forget a subscription and everything it was told."""
    await connection.execute("DELETE FROM subscriptions WHERE id = $1", subscription)


async def has_definition(
    connection: Connection,
    organization: UUID,
    project: UUID | None,
    definition: int,
    *,
    of_builds: bool = False,
) -> bool:
    """Whether there is this definition, of releases or of builds, in the project (None: in any of
    the organization)."""
    kind = "build" if of_builds else "release"
    return bool(await connection.fetchval(HAS_DEFINITION, organization, project, definition, kind))


async def has_stage(
    connection: Connection,
    organization: UUID,
    project: UUID | None,
    stage: int,
    definition: int | None,
) -> bool:
    """Whether there is this stage there, of this definition (None: of any)."""
    return bool(await connection.fetchval(HAS_STAGE, organization, project, stage, definition))


async def get(connection: Connection, vault: Vault, subscription: UUID) -> KeptSubscription | None:
    """One subscription; the caller checks that its place may be seen."""
    row = await connection.fetchrow(f"{COLUMNS} WHERE id = $1", subscription)
    return _kept(vault, row) if row else None


async def opened(connection: Connection, vault: Vault, subscription: UUID) -> Subscription | None:
    """The same for telling it something. Raises VaultError when its secrets cannot be opened."""
    kept = await get(connection, vault, subscription)
    if kept is None or kept.subscription.unopened is None:
        return kept.subscription if kept else None
    secrets = vault.unseal(owner(subscription), kept.subscription.unopened)
    return changed(kept.subscription, secrets=secrets, unopened=None)


async def listed(
    connection: Connection, vault: Vault, organization: UUID, dialect: str
) -> list[KeptSubscription]:
    """All of an organization in the order in which they were made."""
    rows = await connection.fetch(
        f"{COLUMNS} WHERE organization_id = $1 AND dialect = $2 ORDER BY created_at, id",
        organization,
        dialect,
    )
    return [_kept(vault, row) for row in rows]


async def count(connection: Connection, organization: UUID, dialect: str) -> int:
    """How many an organization has."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM subscriptions WHERE organization_id = $1 AND dialect = $2",
        organization,
        dialect,
    )
    return found


def _values(vault: Vault, one: Subscription) -> tuple[object, ...]:
    return (
        one.id,
        one.organization,
        one.project,
        one.dialect,
        list(one.wanted.happenings),
        one.wanted.definition,
        one.wanted.definition_stage,
        one.wanted.side,
        list(one.wanted.statuses),
        one.url,
        msgspec.json.encode(one.settings).decode(),
        vault.seal(owner(one.id), one.secrets) if one.unopened is None else one.unopened,
        one.is_enabled,
    )


def _kept(vault: Vault, row: "asyncpg.Record") -> KeptSubscription:
    return KeptSubscription(
        _read(vault, row),
        row["created_by"],
        row["created_at"],
        row["modified_by"],
        row["modified_at"],
    )


def _read(vault: Vault, row: "asyncpg.Record") -> Subscription:
    """One whose secrets cannot be opened is there, too: it can be seen, stopped and removed."""
    unopened = None
    try:
        secrets = vault.unseal(owner(row["id"]), row["secrets"])
    except VaultError:
        secrets, unopened = {}, row["secrets"]
    wanted = Wanted(
        tuple(map(Happening, row["happenings"])),
        row["definition_id"],
        row["definition_stage_id"],
        Side(row["side"]) if row["side"] else None,
        tuple(row["statuses"]),
    )
    return Subscription(
        row["id"],
        row["organization_id"],
        row["project_id"],
        row["dialect"],
        wanted,
        row["url"],
        _settings.decode(row["settings"]),
        secrets,
        row["is_enabled"],
        unopened,
    )

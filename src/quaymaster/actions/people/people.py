"""Signing in, and administering people, groups and tokens."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from quaymaster.actions.call import Caller
from quaymaster.domain import build_access
from quaymaster.domain.access import EVERYTHING, Grant, Permission
from quaymaster.domain.administrators import check_somebody_is_left
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.domain.release import PersonId
from quaymaster.store.people import people, projects
from quaymaster.store.people.people import Identity
from quaymaster.store.postgres.database import Connection, Database
from quaymaster.store.postgres.seed import COLLECTION_ADMINISTRATORS, DEFAULT_ORGANIZATION

TOKEN_BYTES = 32
LONGEST_NAME = 256
ALL_SCOPES = ("vso.full",)
ADMINISTRATOR = "admin"
USES_APART = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made. `text` is shown once and stored nowhere."""

    id: int
    text: str

    def __repr__(self) -> str:
        return f"NewToken(id={self.id})"


async def sign_in(database: Database, token: str, now: datetime) -> Caller | None:
    """Who holds this token, with groups and grants as they are now; None when nobody does."""
    async with database.read() as connection:
        verified = await people.verify_token(connection, digest(token), now)
        if verified is None:
            return None
        identity = verified.identity
        groups = await people.groups_of(connection, identity.id)
        grants = await grants_of(connection, identity, groups)
        build_grants = await build_grants_of(connection, identity, groups)
    return Caller(
        id=identity.id,
        unique_name=identity.unique_name,
        display_name=identity.display_name,
        groups=groups,
        grants=grants,
        scopes=verified.scopes,
        organization=str(identity.organization_id),
        only_project=str(verified.project_id) if verified.project_id else None,
        build_grants=build_grants,
    )


async def note_uses(database: Database, digests: list[bytes]) -> None:
    """Write down that these tokens are used now, for each at most once in USES_APART however many
    processes say so."""
    async with database.read() as connection:
        await people.note_uses(connection, digests, USES_APART)


async def grants_of(
    connection: Connection, identity: Identity, groups: frozenset[str] | None = None
) -> tuple[Grant, ...]:
    """What somebody and all their groups were given and denied; administrators have everything."""
    own = groups if groups is not None else await people.groups_of(connection, identity.id)
    grants = await people.grants_of(connection, [identity.id, *own])
    administrators = await _administrators(connection, identity.organization_id)
    return (*grants, Grant("", EVERYTHING)) if administrators in own else grants


async def build_grants_of(
    connection: Connection, identity: Identity, groups: frozenset[str] | None = None
) -> tuple[Grant, ...]:
    """The same of the permissions over builds."""
    own = groups if groups is not None else await people.groups_of(connection, identity.id)
    grants = await people.grants_of(connection, [identity.id, *own], "build")
    administrators = await _administrators(connection, identity.organization_id)
    everything = Grant("", Permission(build_access.EVERYTHING))
    return (*grants, everything) if administrators in own else grants


async def _administrators(connection: Connection, organization: UUID) -> str | None:
    name = f"[{DEFAULT_ORGANIZATION}]\\{COLLECTION_ADMINISTRATORS}"
    group = await people.find(connection, name, organization)
    return group.id if group else None


def digest(token: str) -> bytes:
    """What is stored of a token: it is random, so a fast digest is enough."""
    return sha256(token.encode()).digest()


async def create_user(
    database: Database, unique_name: str, display_name: str = "", email: str = ""
) -> PersonId:
    """Add a person to the default organization. Raises Invalid or Conflict for a bad name."""
    check_name(unique_name)
    check_name(display_name or unique_name)
    async with database.transaction() as connection:
        return await people.create_user(
            connection,
            (await default_organization(connection)).id,
            unique_name,
            display_name or unique_name,
            email or (unique_name if "@" in unique_name else ""),
        )


def check_name(name: str) -> None:
    """Raise Invalid for a name that is empty, too long or holds characters nobody can see."""
    if not name.strip():
        raise Invalid("A name cannot be empty.")
    if len(name) > LONGEST_NAME:
        raise Invalid(f"A name can have at most {LONGEST_NAME} characters; this one has more.")
    if any(not character.isprintable() for character in name):
        raise Invalid(f"The name {name!r} holds control characters. Leave them out.")


async def create_token(
    database: Database,
    user: str,
    name: str,
    scopes: tuple[str, ...] = ALL_SCOPES,
    lifetime: timedelta | None = None,
    *,
    now: datetime,
    text: str | None = None,
) -> NewToken:
    """Make a token for a person. `text` is only given for the first start's admin token."""
    token = text or secrets.token_urlsafe(TOKEN_BYTES)
    async with database.transaction() as connection:
        owner = await found(connection, user)
        expires_at = now + lifetime if lifetime else None
        token_id = await people.add_token(
            connection, owner.id, name, digest(token), list(scopes), expires_at
        )
    return NewToken(token_id, token)


async def tokens_of(database: Database, user: str) -> list[people.Token]:
    """The tokens of a person, oldest first. Raises NotFound."""
    async with database.read() as connection:
        return await people.tokens_of(connection, (await _person(connection, user)).id)


async def revoke_token(database: Database, token_id: int, now: datetime) -> None:
    """End a token. Raises NotFound for an id that was never given."""
    async with database.transaction() as connection:
        await people.revoke_token(connection, token_id, now)


async def set_active(database: Database, user: str, *, active: bool) -> None:
    """Let a person in again, or shut them out: their tokens stop working at once. Raises
    NotFound, Refused for the last administrator."""
    async with database.transaction() as connection:
        owner = await _person(connection, user)
        async with _somebody_administers(connection, owner.organization_id):
            await people.set_active(connection, owner.id, active=active)


@asynccontextmanager
async def _somebody_administers(connection: Connection, organization: UUID) -> AsyncIterator[None]:
    """Hold what the block does against the rule that an administrator is left, one change after
    the other. Raises Refused."""
    group = await _administrators(connection, organization)
    if group is None:
        raise NotFound("group", COLLECTION_ADMINISTRATORS)
    await people.lock(connection, group)
    before = await people.able_members_of(connection, group)
    yield
    after = await people.able_members_of(connection, group)
    check_somebody_is_left(before, after, COLLECTION_ADMINISTRATORS)


async def _person(connection: Connection, named: str) -> people.Identity:
    identity = await found(connection, named)
    if identity.is_group:
        raise NotFound("user", named, f"'{named}' is a group. Name a person.")
    return identity


async def create_group(database: Database, name: str, project: str | None = None) -> PersonId:
    """Add a group of a project, or of the organization. Raises Invalid, Conflict or NotFound."""
    check_name(name)
    async with database.transaction() as connection:
        organization = await default_organization(connection)
        if project is None:
            return await people.create_group(connection, organization.id, organization.name, name)
        row = await projects.find(connection, organization.id, project)
        if row is None:
            raise NotFound("project", project)
        return await people.create_group(connection, organization.id, row.name, name, row.id)


async def add_to_group(
    database: Database, group: str, member: str, project: str | None = None
) -> None:
    """Put a person or group into a group: one of a project, or one of the whole organization."""
    async with database.transaction() as connection:
        target = await _group(connection, group, project)
        await people.add_member(connection, target.id, (await found(connection, member)).id)


async def remove_from_group(
    database: Database, group: str, member: str, project: str | None = None
) -> None:
    """Take a person or group out of a group. Raises NotFound, also for who is no member, Refused
    for the last administrator."""
    async with database.transaction() as connection:
        target = await _group(connection, group, project)
        one = await found(connection, member)
        async with _somebody_administers(connection, target.organization_id):
            if not await people.remove_member(connection, target.id, one.id):
                raise NotFound("member", member, f"{member} is no member of {group} itself.")


async def _group(connection: Connection, group: str, project: str | None) -> people.Identity:
    owner = project or DEFAULT_ORGANIZATION
    target = await people.find(connection, f"[{owner}]\\{group}")
    if target is None or not target.is_group:
        raise NotFound("group", group, f"{owner} has no group named {group!r}.")
    return target


async def found(connection: Connection, named: str) -> people.Identity:
    """The person or group that is meant. Raises NotFound."""
    identity = await people.find(connection, named)
    if identity is None:
        raise NotFound("user", named, f"Nobody is known as '{named}'.")
    return identity


async def default_organization(connection: Connection) -> projects.Organization:
    """The organization that every installation has."""
    organization = await projects.organization(connection, DEFAULT_ORGANIZATION)
    if organization is None:
        raise NotFound("organization", DEFAULT_ORGANIZATION)
    return organization


async def create_administrator(database: Database, token: str | None) -> NewToken | None:
    """The first start's administrator, member of the collection's administrators, with a token.

    All or nothing, so that a crash leaves no administrator without a token; None when there is
    one already. `token` is the operator's own choice of its text.
    """
    text = token or secrets.token_urlsafe(TOKEN_BYTES)
    async with database.transaction() as connection:
        if await people.find(connection, ADMINISTRATOR) is not None:
            return None
        organization = (await default_organization(connection)).id
        person = await people.create_user(
            connection, organization, ADMINISTRATOR, "Administrator", ""
        )
        group = await _administrators(connection, organization)
        if group is None:
            raise NotFound("group", COLLECTION_ADMINISTRATORS)
        await people.add_member(connection, group, person)
        made = await people.add_token(
            connection, person, "first start", digest(text), list(ALL_SCOPES), None
        )
    return NewToken(made, text)

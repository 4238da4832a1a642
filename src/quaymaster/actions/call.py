"""Who asks, for which project, at what time, over which database: handed to every action."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from quaymaster.actions.gathering import Gathering
from quaymaster.actions.ports.outside import Outside
from quaymaster.domain import build_access
from quaymaster.domain.access import WORDS, Grant, Permission, permissions_at
from quaymaster.domain.build_access import BuildPermission, build_permissions_at
from quaymaster.domain.errors import Forbidden, Invalid
from quaymaster.domain.plan import QueuePolicy
from quaymaster.domain.release import Person, PersonId, Release
from quaymaster.store.postgres.database import Database
from quaymaster.store.storage.object_storage import ObjectStorage
from quaymaster.store.storage.vault import Vault

SYSTEM_NAME = "Quaymaster"


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in identity with its groups (all of them), grants and the scopes of its token."""

    id: PersonId
    unique_name: str
    display_name: str
    groups: frozenset[str] = frozenset()
    grants: tuple[Grant, ...] = ()
    scopes: frozenset[str] = frozenset()
    organization: str = ""  # id of the organization the identity belongs to
    only_project: str | None = None  # id of the project that the token is limited to
    build_grants: tuple[Grant, ...] = ()

    def sees(self, project: str) -> bool:
        """Whether anything in this project, or anywhere below it, was granted to the caller."""
        if self.only_project not in (None, project):
            return False
        inside = any(grant.token.casefold().startswith(project) for grant in self.grants)
        return inside or bool(permissions_at(self.grants, project))


@dataclass(frozen=True, slots=True)
class Project:
    """The project a request is about."""

    id: str
    name: str
    organization: str
    description: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Installation:
    """What all requests of a running product share.

    `url` is where clients reach it; `strict_versions` refuses changes that name no api-version;
    `requests_per_minute` is how many somebody may send, 0 being any number.
    `decisions` gathers those that can be made and saved together (see `orchestrate.happen`).
    """

    database: Database
    vault: Vault
    files: ObjectStorage
    outside: Outside
    url: str = ""
    strict_versions: bool = False
    requests_per_minute: int = 0
    decisions: "Gathering[Any, Release | None]" = field(
        default_factory=Gathering, compare=False, repr=False
    )


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `caller` None is the product itself (schedules, workers).

    `moved` are the environments in whose queues it made somebody join or leave, until they have
    been asked who is next (see `orchestrate.deciding`).
    """

    installation: Installation
    caller: Caller | None = None
    project: Project | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    moved: dict[int, QueuePolicy] = field(default_factory=dict, compare=False, repr=False)

    @property
    def database(self) -> Database:
        return self.installation.database

    @property
    def vault(self) -> Vault:
        return self.installation.vault

    @property
    def project_id(self) -> UUID | None:
        """The project that limits what this call can see; None is all of them."""
        return UUID(self.project.id) if self.project else None

    def required_project(self, meant: str) -> UUID:
        """The project of a call that is about one; `meant` says in an error which is to be named.

        Raises Invalid without one.
        """
        if self.project_id is None:
            raise Invalid(f"Name the project {meant}.")
        return self.project_id

    @property
    def by(self) -> PersonId | None:
        return self.caller.id if self.caller else None

    def permissions(self, token: str) -> Permission:
        """What the caller may do at this token; the product itself may do everything."""
        if self.caller is None:
            return ~Permission(0)
        return permissions_at(self.caller.grants, token)

    def may(self, permission: Permission, token: str) -> bool:
        return permission in self.permissions(token)

    def require(self, permission: Permission, token: str, on: str) -> None:
        """Raise Forbidden, naming the permission and the object, unless the caller has it."""
        if not self.may(permission, token):
            who = self.caller.display_name if self.caller else SYSTEM_NAME
            raise Forbidden(
                f"Access denied: {who} does not have the {WORDS[permission]} permission on {on}. "
                "Ask an administrator of the project for it.",
                WORDS[permission],
            )

    def may_build(self, permission: BuildPermission, token: str) -> bool:
        """Whether the caller has this permission over builds there."""
        if self.caller is None:
            return True
        return permission in build_permissions_at(self.caller.build_grants, token)

    def require_build(self, permission: BuildPermission, token: str, on: str) -> None:
        """Raise Forbidden, naming the permission and the object, unless the caller has it."""
        if not self.may_build(permission, token):
            who = self.caller.display_name if self.caller else SYSTEM_NAME
            named = build_access.words(permission)
            raise Forbidden(
                f"Access denied: {who} does not have the {named} permission on {on}. "
                "Ask an administrator of the project for it.",
                named,
            )

    def person(self, token: str) -> Person:
        """The caller as the rules know them, with what they may override at this stage."""
        if self.caller is None:
            raise Forbidden("Only a signed-in person can decide this.")
        overrides = Permission.MANAGE_RELEASE_APPROVERS | Permission.ADMINISTER_RELEASE_PERMISSIONS
        return Person(
            id=self.caller.id,
            groups=self.caller.groups,
            may_override_approvals=bool(self.permissions(token) & overrides),
        )

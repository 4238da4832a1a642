"""Who may do what: one table of permissions and one function (SEMANTICS 25).

Grants are written to a token such as `{project}/{definition}/Environment/{stage}` and are
inherited along its slashes: the nearest level that says something about a permission decides,
and on one level a denial beats every grant.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag


class Permission(IntFlag):
    """The published bits of release management (SEMANTICS 25.1)."""

    VIEW_RELEASE_DEFINITION = 1
    EDIT_RELEASE_DEFINITION = 2
    DELETE_RELEASE_DEFINITION = 4
    MANAGE_RELEASE_APPROVERS = 8
    MANAGE_RELEASES = 16
    VIEW_RELEASES = 32
    CREATE_RELEASES = 64
    EDIT_RELEASE_ENVIRONMENT = 128
    DELETE_RELEASE_ENVIRONMENT = 256
    ADMINISTER_RELEASE_PERMISSIONS = 512
    DELETE_RELEASES = 1024
    MANAGE_DEPLOYMENTS = 2048
    MANAGE_RELEASE_SETTINGS = 4096
    MANAGE_TASK_HUB_EXTENSION = 8192
    OVERRIDE_FREEZES = 1 << 20  # our own: to deploy although an environment is frozen
    BYPASS_VERIFICATION = 1 << 21  # our own: although nobody vouches for its pull requests


# What people read when a permission is missing.
WORDS = {
    Permission.VIEW_RELEASE_DEFINITION: "view release pipeline",
    Permission.EDIT_RELEASE_DEFINITION: "edit release pipeline",
    Permission.DELETE_RELEASE_DEFINITION: "delete release pipeline",
    Permission.MANAGE_RELEASE_APPROVERS: "manage release approvers",
    Permission.MANAGE_RELEASES: "manage releases",
    Permission.VIEW_RELEASES: "view releases",
    Permission.CREATE_RELEASES: "create releases",
    Permission.EDIT_RELEASE_ENVIRONMENT: "edit release stage",
    Permission.DELETE_RELEASE_ENVIRONMENT: "delete release stage",
    Permission.ADMINISTER_RELEASE_PERMISSIONS: "administer release permissions",
    Permission.DELETE_RELEASES: "delete releases",
    Permission.MANAGE_DEPLOYMENTS: "manage deployments",
    Permission.MANAGE_RELEASE_SETTINGS: "manage release settings",
    Permission.MANAGE_TASK_HUB_EXTENSION: "manage task hub extension",
    Permission.OVERRIDE_FREEZES: "override freezes",
    Permission.BYPASS_VERIFICATION: "bypass verification",
}

NOTHING = Permission(0)
EVERYTHING = Permission(sum(Permission))
READER = Permission.VIEW_RELEASE_DEFINITION | Permission.VIEW_RELEASES
ADMINISTRATORS_ALONE = (
    Permission.ADMINISTER_RELEASE_PERMISSIONS
    | Permission.OVERRIDE_FREEZES
    | Permission.BYPASS_VERIFICATION
)
CONTRIBUTOR = EVERYTHING & ~ADMINISTRATORS_ALONE


@dataclass(frozen=True, slots=True)
class Grant:
    """What one identity or one of its groups was given or denied at one token."""

    token: str
    allow: Permission = NOTHING
    deny: Permission = NOTHING


def permissions_at(grants: Iterable[Grant], token: str) -> Permission:
    """All permissions that hold at this token; nothing holds that no grant gives."""
    return Permission(bits_at(grants, token, EVERYTHING))


def bits_at(grants: Iterable[Grant], token: str, everything: int) -> int:
    """The same as bits, of a namespace whose permissions are all in `everything`."""
    levels: dict[str, list[Grant]] = {}
    for grant in grants:
        levels.setdefault(grant.token.casefold().strip("/"), []).append(grant)
    held, open_bits = 0, int(everything)
    for level in _from_nearest(token.casefold().strip("/")):
        here = levels.get(level, ())
        denied = allowed = 0
        for grant in here:
            denied |= int(grant.deny)
            allowed |= int(grant.allow)
        held |= allowed & ~denied & open_bits
        open_bits &= ~(allowed | denied)
    return held


def _from_nearest(token: str) -> Iterable[str]:
    """The token and what it inherits from, the whole installation ("") last."""
    while token:
        yield token
        token = token.rpartition("/")[0]
    yield ""


def definition_token(project: str, path: str, definition: int) -> str:
    """The token of a definition in a folder, `path` as in the documents (`\\A\\B`)."""
    folders = "/".join(part for part in path.split("\\") if part)
    return "/".join(part for part in (project, folders, str(definition)) if part)


def stage_token(project: str, path: str, definition: int, stage: int) -> str:
    return f"{definition_token(project, path, definition)}/Environment/{stage}"

"""Who may do what with builds and their definitions (SEMANTICS 25.2).

The tokens are those of release definitions, in a namespace of their own.
"""

from collections.abc import Iterable
from enum import IntFlag

from quaymaster.domain.access import Grant, bits_at


class BuildPermission(IntFlag):
    """The published bits of builds."""

    VIEW_BUILDS = 1
    EDIT_BUILD_QUALITY = 2
    RETAIN_INDEFINITELY = 4
    DELETE_BUILDS = 8
    MANAGE_BUILD_QUALITIES = 16
    DESTROY_BUILDS = 32
    UPDATE_BUILD_INFORMATION = 64
    QUEUE_BUILDS = 128
    MANAGE_BUILD_QUEUE = 256
    STOP_BUILDS = 512
    VIEW_BUILD_DEFINITION = 1024
    EDIT_BUILD_DEFINITION = 2048
    DELETE_BUILD_DEFINITION = 4096
    OVERRIDE_BUILD_CHECK_IN_VALIDATION = 8192
    ADMINISTER_BUILD_PERMISSIONS = 16384


EVERYTHING = BuildPermission(sum(BuildPermission))


def words(permission: BuildPermission) -> str:
    """What people read when the permission is missing."""
    return str(permission.name).replace("_", " ").lower()


def build_permissions_at(grants: Iterable[Grant], token: str) -> BuildPermission:
    """All permissions that hold at this token of the build namespace."""
    return BuildPermission(bits_at(grants, token, EVERYTHING))

"""What a token was made for: the published scopes, and which of them hold which others."""

from enum import StrEnum


class Scope(StrEnum):
    """What a route may need of a token beyond the permissions of its owner."""

    PUBLIC = ""  # no credentials at all
    ANY = "any"  # any valid token: the handshake
    RELEASE = "vso.release"
    RELEASE_EXECUTE = "vso.release_execute"
    RELEASE_MANAGE = "vso.release_manage"
    BUILD = "vso.build"
    BUILD_EXECUTE = "vso.build_execute"
    PROJECT = "vso.project"
    CONNECTION = "vso.serviceendpoint"
    SECURE_FILE = "vso.securefiles_read"
    SECURE_FILE_MANAGE = "vso.securefiles_manage"
    CONNECTION_MANAGE = "vso.serviceendpoint_manage"


FULL = frozenset({"vso.full", "app_token", "user_impersonation"})

# Each scope holds those to its right (the published consent pages list them so).
_HELD = {
    "vso.release": ("vso.release", "vso.project"),
    "vso.release_execute": ("vso.release_execute", "vso.release", "vso.project"),
    "vso.release_manage": (
        "vso.release_manage",
        "vso.release_execute",
        "vso.release",
        "vso.project",
    ),
    "vso.build": ("vso.build", "vso.project"),
    "vso.build_execute": ("vso.build_execute", "vso.build", "vso.project"),
    "vso.project": ("vso.project",),
    "vso.serviceendpoint": ("vso.serviceendpoint",),
    "vso.securefiles_read": ("vso.securefiles_read",),
    "vso.securefiles_write": ("vso.securefiles_manage", "vso.securefiles_read"),
    "vso.securefiles_manage": ("vso.securefiles_manage", "vso.securefiles_read"),
    "vso.serviceendpoint_query": ("vso.serviceendpoint",),
    "vso.serviceendpoint_manage": ("vso.serviceendpoint_manage", "vso.serviceendpoint"),
    "vso.project_write": ("vso.project",),
    "vso.project_manage": ("vso.project",),
}

KNOWN = FULL | _HELD.keys()


def allows(held: frozenset[str], needed: Scope) -> bool:
    """Whether a token with these scopes may be used where this one is needed."""
    if needed in (Scope.PUBLIC, Scope.ANY) or held & FULL:
        return True
    return any(needed in _HELD.get(scope, ()) for scope in held)

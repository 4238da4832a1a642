"""Keeps names that come from outside (archives, repositories, aliases) inside their directory."""

import posixpath
from pathlib import Path


def safe_parts(name: str) -> tuple[str, ...] | None:
    """The parts of a relative path that stays where it is put, else None (RELIABILITY R-10, R-11).

    Absolute paths, drive letters, `..`, backslashes and NUL are not accepted; `.` is left out.
    """
    if not name or "\0" in name or "\\" in name or name.startswith("/"):
        return None
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if not parts or ".." in parts or (len(parts[0]) == 2 and parts[0][1] == ":"):
        return None
    return parts


def link_stays_inside(name: str, target: str) -> bool:
    """Whether a link called `name`, made in a directory without other links, cannot lead out.

    Only leading `..` are accepted, and no more than the link is deep: after a name, which may be
    a link itself, `..` could lead anywhere.
    """
    if not target or "\0" in target or posixpath.isabs(target):
        return False
    parts = [part for part in target.split("/") if part not in ("", ".")]
    ups = 0
    while ups < len(parts) and parts[ups] == "..":
        ups += 1
    return ".." not in parts[ups:] and ups <= len(name.split("/")) - 1


def contained(base: Path, relative: str) -> Path | None:
    """`base / relative` when that stays below `base`, links resolved, else None."""
    if (parts := safe_parts(relative)) is None:
        return None
    root = base.resolve()
    candidate = root.joinpath(*parts).resolve()
    return candidate if root in candidate.parents else None

"""What a source tells of its versions and of the files of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Unpacked = Literal["", "zip", "tar"]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an artifact: a build, a commit, a package.

    `reference` holds the further published keys of the version (SEMANTICS 4.1), flat text.
    """

    id: str
    name: str
    branch: str = ""
    commit: str = ""
    message: str = ""
    tags: tuple[str, ...] = ()
    created_at: datetime | None = None
    reference: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit; `message` whole, times in UTC. `at` is when it was committed."""

    id: str
    message: str = ""
    author_name: str = ""
    author_email: str = ""
    authored_at: datetime | None = None
    at: datetime | None = None
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a file's content must add up to: `algorithm` as hashlib names it, `digest` in hex."""

    algorithm: str
    digest: str


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a version. `path` is where it goes below the artifact's folder; with `unpacked`
    it is an archive whose entries go below `path` in its place ("" is the folder itself).
    """

    url: str = field(repr=False)
    path: str
    size: int | None = None
    checksum: Checksum | None = None
    unpacked: Unpacked = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

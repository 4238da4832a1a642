"""How a version names a release: `<version>-rc<number>`, and the names around it (AVIATOR 6)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

LONGEST = 255
MOST = 2**31 - 1

_VERSION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+-]*[A-Za-z0-9])?")
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")
_COMMIT = re.compile(r"(?:[0-9a-fA-F]{7,40}|[0-9a-fA-F]{64})")
_REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,98})/[A-Za-z0-9_.-]{1,100}")
_SEMANTIC = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})")
_PROJECT = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9_ -]{0,198}[A-Za-z0-9_-])?")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9_-]{1,200}")


@dataclass(frozen=True, slots=True)
class CandidateVersion:
    """A version and the number of the candidate for it; its text is the release's name."""

    version: str
    number: int

    def __str__(self) -> str:
        return f"{self.version}-rc{self.number}"


def read(text: object) -> CandidateVersion | None:
    """The version that a text names; None when it names none. Nothing is trimmed."""
    if not isinstance(text, str) or len(text) > LONGEST:
        return None
    version, mark, number = text.rpartition("-rc")
    if not mark or not _VERSION.fullmatch(version) or not _NUMBER.fullmatch(number):
        return None
    return CandidateVersion(version, int(number)) if int(number) <= MOST else None


def version_of(name: str) -> str:
    """The version a release's name belongs to; a name that is no candidate's is its own."""
    candidate = read(name)
    return candidate.version if candidate else name


def commit(text: object) -> str | None:
    """A commit's hash in lower case, full or abbreviated to seven digits or more; else None."""
    if not isinstance(text, str) or not _COMMIT.fullmatch(text):
        return None
    return text.lower()


def is_repository(text: object) -> bool:
    """Whether this is `org/name`."""
    return isinstance(text, str) and bool(_REPOSITORY.fullmatch(text))


def is_project_name(text: object) -> bool:
    """Letters, digits, `-`, `_` and spaces inside."""
    return isinstance(text, str) and bool(_PROJECT.fullmatch(text))


def is_environment_name(text: object) -> bool:
    return isinstance(text, str) and bool(_ENVIRONMENT.fullmatch(text))


class Numbering(StrEnum):
    """How versions are made that nobody names: by the calendar, or by raising the middle part."""

    CALVER = "calver"
    SEMVER = "semver"


def following(numbering: Numbering, names: Iterable[str], today: date) -> str:
    """The version to suggest beside releases of these names (AVIATOR 6): `YYYY.MM.DD-N` with the
    first free N, or the next minor version."""
    taken = {version_of(name).casefold() for name in names}
    if numbering is Numbering.SEMVER:
        found = [match for version in taken if (match := _SEMANTIC.fullmatch(version))]
        major, minor = max((int(one[1]), int(one[2])) for one in found) if found else (0, 0)
        return f"{major}.{minor + 1}.0"
    number = 1
    while (version := f"{today:%Y.%m.%d}-{number}") in taken:
        number += 1
    return version

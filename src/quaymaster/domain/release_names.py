"""Names of releases and numbers of builds, made from a format with tokens (SEMANTICS 3)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from quaymaster.domain.date_formats import format_date
from quaymaster.domain.macros import Macro, Names, pieces
from quaymaster.domain.ordinal import upper
from quaymaster.domain.variables import VariableSet

DEFAULT_FORMAT = "Release-$(rev:r)"
DEFAULT_DATE = "MMddyy"
BRANCHES = "refs/heads/"

LONGEST_TOKEN = 1024
MOST_READ = 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_WHOLE_NUMBER = re.compile("[0-9]+")
_RUN_OF_R = re.compile("[rR]+")


class UnusableName(Exception):
    """A format that gives no name this definition may use; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Named:
    """What the tokens of a format stand for; what is None has no token here.

    `now` is the moment of creation in UTC. The build's facts are those of the primary artifact
    of a release, or the build's own. `source_branch` is a full reference (refs/heads/…).
    """

    now: datetime
    team_project: str | None = None
    definition_name: str | None = None
    release_id: int | None = None
    build_id: int | None = None
    build_number: str | None = None
    build_definition_name: str | None = None
    source_branch: str | None = None
    artifact_type: str | None = None
    variables: VariableSet = field(default_factory=VariableSet)


@dataclass(frozen=True, slots=True)
class Counter:
    """The place of the counter in a name: text before and after it, and its fewest digits."""

    before: str
    digits: int
    after: str

    def written(self, value: int) -> str:
        return f"{self.before}{value:0{self.digits}}{self.after}"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a name must keep to besides being new."""

    what: str
    longest: int
    forbidden: str = ""
    forbidden_end: str = ""

    def broken_by(self, name: str) -> str | None:
        """What is wrong with a name, or None."""
        if not name.strip():
            return f"The format gives an empty {self.what}; add $(rev:r) or some text"
        if len(name) > self.longest:
            return f"The format gives a {self.what} of {len(name)} characters, over {self.longest}"
        if _CONTROL.search(name):  # would break lines of logs and lists, as it would in a renaming
            return f"The format gives a {self.what} with control characters; remove them"
        found = next((character for character in name if character in self.forbidden), None)
        if found is not None:
            return f"The format gives the {self.what} '{name}', which may not hold {found!r}"
        if self.forbidden_end and name.endswith(self.forbidden_end):
            return f"The {self.what} '{name}' may not end in {self.forbidden_end!r}"
        return None


RELEASE_NAME = Limits("release name", 256)
BUILD_NUMBER = Limits("build number", 255, forbidden='"/:<>\\|?@*', forbidden_end=".")


@dataclass(frozen=True, slots=True)
class PlannedName:
    """A name whose tokens are all filled in but for the counter.

    `prefix` and `suffix` are the fixed text before the first counter and behind the last: every
    name that counts begins and ends so, in any case, which lets a store ask for few names. They
    are the whole name, and '', when there is no counter.
    """

    parts: tuple[str | Counter, ...]
    limits: Limits

    @property
    def counters(self) -> int:
        return sum(isinstance(part, Counter) for part in self.parts)

    @property
    def prefix(self) -> str:
        text = ""
        for part in self.parts:
            if isinstance(part, Counter):
                return text + part.before
            text += part
        return text

    @property
    def suffix(self) -> str:
        text = ""
        for part in reversed(self.parts):
            if isinstance(part, Counter):
                return part.after + text
            text = part + text
        return ""

    def name(self, existing_names: Iterable[str]) -> str:
        """The name to use, given all names this definition ever used (or those that match prefix
        and suffix). Raises UnusableName when it is taken or breaks the limits.
        """
        taken = {upper(name) for name in existing_names}
        name = self._written(1 + max(self._values_in(taken), default=0))
        wrong = self.limits.broken_by(name)
        if wrong is None and upper(name) in taken:
            wrong = f"The {self.limits.what} '{name}' is taken; add $(rev:r) to the format"
        if wrong is not None:
            raise UnusableName(wrong)
        return name

    def _written(self, value: int) -> str:
        return "".join(p.written(value) if isinstance(p, Counter) else p for p in self.parts)

    def _values_in(self, folded_names: Iterable[str]) -> Iterator[int]:
        """The counter's values in the names already used, of those that are alike otherwise."""
        counters, before, after = self.counters, upper(self.prefix), upper(self.suffix)
        for name in folded_names if counters else ():
            end = len(name) - len(after)
            inner = name[len(before) : end]
            if len(name) > MOST_READ or name != f"{before}{inner}{after}":
                continue
            if counters == 1 and _WHOLE_NUMBER.fullmatch(inner):
                yield int(inner)
            elif counters > 1:
                yield from self._value_repeated(name, inner)

    def _value_repeated(self, folded_name: str, inner: str) -> Iterator[int]:
        """The value that, written in every place, gives this name."""
        digits = re.match("[0-9]*", inner)
        longest = 0 if digits is None else digits.end()
        tried = (int(inner[:length]) for length in range(1, longest + 1))
        yield from (value for value in tried if upper(self._written(value)) == folded_name)


def planned_name(name_format: str, named: Named) -> PlannedName:
    """The name of a release but for its counter; unknown tokens stay as written.

    A blank format is the default `Release-$(rev:r)`. Raises UnusableName for a secret variable.
    """
    return PlannedName(
        _parts(name_format if name_format.strip() else DEFAULT_FORMAT, named), RELEASE_NAME
    )


def planned_build_number(number_format: str, named: Named) -> PlannedName:
    """The number of a build but for its counter; a blank format is the build's id (23.3)."""
    return PlannedName(
        _parts(number_format if number_format.strip() else "$(BuildID)", named), BUILD_NUMBER
    )


def release_name(name_format: str, named: Named, existing_names: Iterable[str]) -> str:
    """The name of a new release (SEMANTICS 3); raises UnusableName."""
    return planned_name(name_format, named).name(existing_names)


def build_number(number_format: str, named: Named, existing_names: Iterable[str]) -> str:
    """The number of a new build (SEMANTICS 3, 23.3); raises UnusableName."""
    return planned_build_number(number_format, named).name(existing_names)


def _parts(name_format: str, named: Named) -> tuple[str | Counter, ...]:
    simple = _simple_tokens(named)
    known = Names(lambda token: _filled(token, simple, named) is not None, LONGEST_TOKEN)
    found = (
        _filled(piece.name, simple, named) if isinstance(piece, Macro) else piece
        for piece in pieces(name_format, known)
    )
    return tuple(part for part in found if part is not None)


def _filled(token: str, simple: Mapping[str, str], named: Named) -> str | Counter | None:
    """What one token becomes; None when nothing is known by that name."""
    word, colon, pattern = token.partition(":")
    run = _RUN_OF_R.search(pattern) if upper(word) == "REV" else None
    if run is not None:
        return Counter(pattern[: run.start()], len(run[0]), pattern[run.end() :])
    if upper(word) == "DATE":
        return format_date(named.now, pattern if colon else DEFAULT_DATE)
    if upper(token) in simple:
        return simple[upper(token)]
    if token not in named.variables:
        return None
    variable = named.variables[token]
    if variable.is_secret:
        sentence = "secret variables may not be used in a release name"
        raise UnusableName(f"{sentence}: '{variable.name}' is one")
    return variable.value


def _simple_tokens(named: Named) -> dict[str, str]:
    """The tokens that are one fact each, names in upper case; unknown facts are left out."""
    branch = named.source_branch
    facts = {
        "SYSTEM.TEAMPROJECT": named.team_project,
        "RELEASE.RELEASEID": named.release_id,
        "RELEASE.DEFINITIONNAME": named.definition_name,
        "BUILD.BUILDNUMBER": named.build_number,
        "BUILD.DEFINITIONNAME": named.build_definition_name,
        "BUILD.SOURCEBRANCH": None if branch is None else branch.removeprefix(BRANCHES),
        "ARTIFACT.ARTIFACTTYPE": named.artifact_type,
        "TEAMPROJECT": named.team_project,
        "BUILDDEFINITIONNAME": named.build_definition_name,
        "SOURCEBRANCHNAME": None if branch is None else branch.rpartition("/")[2],
        "BUILDID": named.build_id,
        "YEAR:YY": f"{named.now.year % 100:02}",
        "YEAR:YYYY": f"{named.now.year:04}",
        "MONTH": named.now.month,
        "DAYOFMONTH": named.now.day,
        "DAYOFYEAR": named.now.timetuple().tm_yday,
        "HOURS": named.now.hour,
        "MINUTES": named.now.minute,
        "SECONDS": named.now.second,
    }
    return {token: str(fact) for token, fact in facts.items() if fact is not None}

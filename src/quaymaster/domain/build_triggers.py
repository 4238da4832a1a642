"""What queues builds by itself: pushes, pull requests, the clock, other builds (issue 4.3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quaymaster.domain.filters import HEADS, branch_matches
from quaymaster.domain.plan import Schedule

ANYTHING = "*"


@dataclass(frozen=True, slots=True)
class PushTrigger:
    """A build for each push (`batch`: for all that came while `most_at_once` were under way).

    `branches` and `paths` are filters, `+…` and `-…`; `polling_seconds` is how often a repository
    that does not tell is looked at, 0 as often as is usual.
    """

    branches: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    batch: bool = False
    polling_seconds: int = 0
    most_at_once: int = 1


@dataclass(frozen=True, slots=True)
class PullRequestTrigger:
    """A build of what a pull request would bring into one of these branches.

    `auto_cancel`: a newer commit ends the builds of older ones. Pull requests from copies of the
    repository are built with `forks` only, and know the build's secrets with `fork_secrets` only.
    """

    branches: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    auto_cancel: bool = False
    forks: bool = False
    fork_secrets: bool = False


@dataclass(frozen=True, slots=True)
class BuildSchedule:
    """Builds by the clock, one of each branch that the filters name."""

    schedule: Schedule
    branches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompletionTrigger:
    """A build after one of another definition, of these branches."""

    definition_id: int
    branches: tuple[str, ...] = ()
    needs_success: bool = True


@dataclass(frozen=True, slots=True)
class BuildTriggers:
    """All of a definition; `in_file`: for pushes and pull requests its YAML file says which, and
    where that is silent every push, or pull request, is built if the definition says that it is
    for the file to say (`silent_builds_…`)."""

    push: PushTrigger | None = None
    pull_request: PullRequestTrigger | None = None
    schedules: tuple[BuildSchedule, ...] = ()
    completions: tuple[CompletionTrigger, ...] = ()
    in_file: bool = False
    silent_builds_pushes: bool = False
    silent_builds_pull_requests: bool = False


def admits_branch(filters: Sequence[str], ref: str) -> bool:
    """Whether `+name` and `-name` filters admit a branch: excluding ones win, and where none
    includes anything, what is not excluded is in. A tag is in only where one names it."""
    name = ref if ref.startswith("refs/") else HEADS + ref
    included = [one[1:] for one in map(_signed, filters) if one[0] == "+"]
    excluded = [one[1:] for one in map(_signed, filters) if one[0] == "-"]
    if any(_names(one, name) for one in excluded):
        return False
    if not included:
        return name.startswith(HEADS)
    return any(_names(one, name) for one in included)


def _names(pattern: str, ref: str) -> bool:
    """What is no branch (a tag, a pull request) is named by its full ref alone."""
    is_branch = ref.startswith(HEADS)
    if not is_branch and (not pattern.startswith("refs/") or pattern.startswith(HEADS)):
        return False
    return branch_matches(pattern, ref)


def admits_paths(filters: Sequence[str], paths: Iterable[str] | None) -> bool:
    """Whether a change of these paths counts: one of them must be in. A filter is a folder, a
    file, or has `*`. What is not known (None) counts."""
    if paths is None or not filters:
        return True
    signed = [(one[0], one[1:].strip("/")) for one in map(_signed, filters)]
    included = [name for sign, name in signed if sign == "+"]
    excluded = [name for sign, name in signed if sign == "-"]

    def counts(path: str) -> bool:
        if any(_is_below(path, one) for one in excluded):
            return False
        return not included or any(_is_below(path, one) for one in included)

    return any(counts(path.strip("/")) for path in paths)


def named_branches(filters: Sequence[str]) -> tuple[str, ...]:
    """The refs that filters name in full, for schedules, and do not exclude."""
    included = [one[1:] for one in map(_signed, filters) if one[0] == "+"]
    full = (one if one.startswith("refs/") else HEADS + one for one in included)
    return tuple(one for one in full if ANYTHING not in one and admits_branch(filters, one))


def must_look_up(filters: Sequence[str]) -> bool:
    """Whether filters may admit branches that they do not name in full."""
    included = [one for one in map(_signed, filters) if one[0] == "+"]
    return any(ANYTHING in one for one in included) or bool(filters and not included)


def _signed(text: str) -> str:
    text = text.strip()
    return text if text[:1] in ("+", "-") else f"+{text}"


def _is_below(path: str, name: str) -> bool:
    """`docs`, `docs/guide.md` and `docs/*` all mean what they seem to; matching takes time linear
    in the path for each `*`."""
    if ANYTHING in name:
        return branch_matches(name, path) or branch_matches(f"{name}/*", path)
    return not name or path == name or path.startswith(name + "/")

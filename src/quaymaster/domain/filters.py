"""Which versions of an artifact a trigger or a stage condition asks for: branches and tags."""

from collections.abc import Callable, Collection, Iterable

from quaymaster.domain.ordinal import upper
from quaymaster.domain.plan import ArtifactFilter

HEADS = "refs/heads/"

PatternFound = Callable[[str, str], bool]


def any_matches(
    filters: Iterable[ArtifactFilter],
    branch: str,
    tags: Collection[str],
    *,
    default_branch: str = "",
    pattern_found: PatternFound | None = None,
) -> bool:
    """Whether a version built from `branch` and tagged `tags` passes (SEMANTICS 8.1, 8.2).

    The filters are alternatives. One whose branch starts with `-` excludes what it matches and
    wins over the others; when there are only such, everything else passes. No filter lets
    everything pass. `default_branch` is the source's own, for filters that ask for it;
    `pattern_found(pattern, tag)` searches a user's pattern in one tag: where nobody can search,
    a filter with a pattern matches nothing. Variables in branch names are expanded beforehand.
    """
    includes: list[ArtifactFilter] = []
    excludes: list[ArtifactFilter] = []
    for wanted in filters:
        (excludes if _is_exclusion(wanted) else includes).append(wanted)

    def hit(wanted: ArtifactFilter) -> bool:
        return _branch_hit(wanted, branch, default_branch) and _tags_hit(
            wanted, tags, pattern_found
        )

    if any(hit(wanted) for wanted in excludes):
        return False
    return not includes or any(hit(wanted) for wanted in includes)


def matches(
    wanted: ArtifactFilter,
    branch: str,
    tags: Collection[str],
    *,
    default_branch: str = "",
    pattern_found: PatternFound | None = None,
) -> bool:
    """Whether a version passes this one filter; see `any_matches`."""
    return any_matches(
        [wanted], branch, tags, default_branch=default_branch, pattern_found=pattern_found
    )


def branch_matches(pattern: str, branch: str) -> bool:
    """Whether a branch bears this name; `*` in it stands for any text, slashes included.

    `refs/heads/` may be left out on either side. Names are compared with their case, ref
    prefixes without (SEMANTICS 8.2). The time taken grows linearly with the branch's length
    for each `*`.
    """
    return _wildcard_hit(_short(pattern), _short(branch))


def _is_exclusion(wanted: ArtifactFilter) -> bool:
    return not wanted.use_default_branch and wanted.branch.startswith("-")


def _branch_hit(wanted: ArtifactFilter, branch: str, default_branch: str) -> bool:
    if wanted.use_default_branch:
        return bool(default_branch) and _short(branch) == _short(default_branch)
    if not wanted.branch:
        return True
    return branch_matches(wanted.branch.removeprefix("-"), branch)


def _tags_hit(
    wanted: ArtifactFilter, tags: Collection[str], pattern_found: PatternFound | None
) -> bool:
    present = {upper(tag) for tag in tags}
    if not all(upper(tag) in present for tag in wanted.tags):
        return False
    if not wanted.tag_pattern:
        return True
    return pattern_found is not None and any(pattern_found(wanted.tag_pattern, tag) for tag in tags)


def _short(branch: str) -> str:
    """The name without `refs/heads/`; other refs keep theirs, in lower case."""
    kind, slash, rest = branch.partition("/")
    if not slash or kind.lower() != "refs":
        return branch
    namespace, slash, name = rest.partition("/")
    if slash and namespace.lower() == "heads":
        return name
    return f"refs/{namespace.lower()}{slash}{name}"


def _wildcard_hit(pattern: str, text: str) -> bool:
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    *middle, last = others
    if not text.startswith(first) or len(text) < len(first) + len(last):
        return False
    if not text.endswith(last):
        return False
    position, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True

"""Which files of an artifact a selective download takes (SEMANTICS 12.9)."""

from collections.abc import Callable, Sequence

from quaymaster.runner.tasks.patterns import matching

_PATTERN = frozenset("*?[!")


def taker(items: Sequence[str] | None) -> Callable[[str], bool]:
    """Whether a relative path is wanted: None wants all; an item is a file, a folder with all
    below it, or a pattern such as `**/*.zip`. Raises TaskFailed for a pattern that cannot be read.
    """
    if items is None:
        return lambda _: True
    patterns = [item for item in items if _PATTERN & set(item)]
    places = [item.strip("/") for item in items if not _PATTERN & set(item)]

    def wanted(path: str) -> bool:
        below = any(
            place in ("", ".") or path == place or path.startswith(place + "/") for place in places
        )
        return below or bool(patterns and matching([path], patterns))

    matching([], patterns)  # a pattern that cannot be read is told before anything is fetched
    return wanted

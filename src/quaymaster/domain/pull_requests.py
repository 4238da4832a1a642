"""Pull requests as their servers tell of them, and which one a commit came from (AVIATOR 1)."""

import re
from dataclasses import dataclass

LONGEST_LINE = 500
_FIRST_LINE = (
    re.compile(r"Merge pull request #([0-9]{1,9})\b"),  # GitHub
    re.compile(r"Merge pull request '.*' \(#([0-9]{1,9})\) from "),  # Gitea
    re.compile(r"Merged PR ([0-9]{1,9}):"),  # Azure Repos
    re.compile(r".*\(#([0-9]{1,9})\)\s*$"),  # squashed at GitHub and Gitea
)
_MERGE_REQUEST = re.compile(r"See merge request \S*!([0-9]{1,9})\s*")  # GitLab, a line of its own


@dataclass(frozen=True, slots=True)
class PullRequest:
    """One of a repository, known by all names that it goes by (`pushes.repository_key`).

    `merge_commit` is "" until it is merged; `by` told of it last.
    """

    repositories: tuple[str, ...]
    number: int
    title: str = ""
    author: str = ""
    url: str = ""
    labels: tuple[str, ...] = ()
    is_merged: bool = False
    merge_commit: str = ""
    by: str = ""


def number_in(message: str) -> int | None:
    """The pull request that a commit's message says it merges; None when it says none."""
    lines = [line[:LONGEST_LINE] for line in message.splitlines()] or [""]
    for pattern in _FIRST_LINE:
        if found := pattern.match(lines[0]):
            return int(found[1])
    for line in lines[1:]:
        if found := _MERGE_REQUEST.fullmatch(line):
            return int(found[1])
    return None

"""What is asked of a repository when commits are put on a release, and what comes of it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Pick:
    """Commits, oldest first, to be put on a base and then on a branch; ids are in full.

    `branch` is a full ref. `at` is the time that the new commits bear, so that asking again makes
    the same ones.
    """

    base: str
    commits: tuple[str, ...]
    branch: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Picked:
    """The new commit, the base itself when it has all of them; or the paths that conflict when
    the commit `at` is put on it, and no branch was changed: `draft` is a commit that holds the
    conflicts as git marks them."""

    commit: str = ""
    conflicts: tuple[str, ...] = ()
    at: str = ""
    draft: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A commit to be looked at on the branch `head`, which is to be merged into `branch`; both are
    full refs. `branch` begins at the commit `base` where there is none yet."""

    branch: str
    base: str
    head: str
    commit: str

"""Putting commits on top of another one in a repository that lies on this machine (AVIATOR 1).

Nothing is checked out, and nothing of the repository is changed but that it holds more objects. The
same question has the same answer, down to the ids of the commits, however often it is asked.
"""

import math
from collections.abc import Sequence
from datetime import UTC

from dulwich.merge import Merger
from dulwich.objects import Commit as GitCommit
from dulwich.objects import ObjectID, Tree
from dulwich.repo import BaseRepo, Repo

from quaymaster.actions.ports.picking import Pick, Picked
from quaymaster.connectors.repository_reading import found_commit, has
from quaymaster.domain.errors import Invalid

# A search ends after so many commits in a row that are older than all that is left to be found by
# more than clocks can be wrong.
MOST_OLDER = 5000
CLOCKS_DIFFER_SECONDS = 24 * 60 * 60
COMMITTER = b"Quaymaster <quaymaster@localhost>"
MARK = "(cherry picked from commit "


def put_on(repository: Repo, pick: Pick) -> Picked:
    """The commits of `pick` on its base, one after the other; those that are there are left out.

    Raises Invalid for a commit that the repository has not.
    """
    there = contained(repository, pick.base, pick.commits)
    onto = found_commit(repository, pick.base)
    for wanted in pick.commits:
        if wanted in there:
            continue
        commit = found_commit(repository, wanted)
        merger = Merger(repository.object_store)
        tree, conflicts = merger.merge_trees(
            _tree_before(repository, commit), _tree(repository, onto), _tree(repository, commit)
        )
        if conflicts:
            paths = tuple(sorted(path.decode(errors="replace") for path in conflicts))
            draft = _added(repository, pick, commit, onto, tree)
            return Picked(conflicts=paths, at=wanted, draft=draft.id.decode())
        if tree.id == onto.tree:
            continue
        onto = _added(repository, pick, commit, onto, tree)
    return Picked(onto.id.decode())


def contained(repository: BaseRepo, commit_id: str, wanted: Sequence[str]) -> set[str]:
    """Those of `wanted` that a commit has: it descends from them, or says that it or one before
    it was picked from them."""
    left = {name: _made_at(repository, name) for name in wanted}
    if not left:
        return set()
    start = found_commit(repository, commit_id).id
    oldest, row = min(left.values()), 0
    for entry in repository.get_walker(include=[start]):
        if names := {entry.commit.id.decode(), *_sources(entry.commit)} & left.keys():
            left = {name: made_at for name, made_at in left.items() if name not in names}
            oldest = min(left.values(), default=math.inf)
        row = row + 1 if entry.commit.commit_time + CLOCKS_DIFFER_SECONDS < oldest else 0
        if not left or row >= MOST_OLDER:
            break
    return set(wanted) - left.keys()


def _made_at(repository: BaseRepo, commit_id: str) -> float:
    """When a commit was made; after everything else for one that the repository has not."""
    return (
        found_commit(repository, commit_id).commit_time if has(repository, commit_id) else math.inf
    )


def _sources(commit: GitCommit) -> set[str]:
    """The commits that this one says to be picked from."""
    text = commit.message.decode(errors="replace")
    return {part.partition(")")[0].strip() for part in text.split(MARK)[1:]}


def _tree(repository: Repo, commit: GitCommit) -> Tree:
    found = repository.object_store[commit.tree]
    if not isinstance(found, Tree):
        raise Invalid(f"The commit {commit.id.decode()} has no tree.")
    return found


def _tree_before(repository: Repo, commit: GitCommit) -> Tree | None:
    """What the commit changed; of a merge, what it brought to its first parent."""
    if not commit.parents:
        return None
    return _tree(repository, found_commit(repository, commit.parents[0].decode()))


def _added(
    repository: Repo, pick: Pick, source: GitCommit, onto: GitCommit, tree: Tree
) -> GitCommit:
    repository.object_store.add_object(tree)
    made = GitCommit()
    made.tree = tree.id
    made.parents = [ObjectID(onto.id)]
    made.author, made.author_time = source.author, source.author_time
    made.author_timezone = source.author_timezone
    made.committer, made.commit_timezone = COMMITTER, 0
    made.commit_time = int(pick.at.astimezone(UTC).timestamp())
    mark = f"{MARK}{source.id.decode()})".encode()
    made.message = source.message.rstrip() + b"\n\n" + mark + b"\n"
    repository.object_store.add_object(made)
    return made

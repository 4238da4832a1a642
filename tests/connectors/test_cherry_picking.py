"""Which commits a commit has: by descent or as picks, however long ago that was (AVIATOR 1)."""

import pytest
from dulwich.objects import Commit, ObjectID, Tree
from dulwich.repo import MemoryRepo
from hypothesis import given
from hypothesis import strategies as st

from quaymaster.connectors import cherry_picking
from quaymaster.connectors.cherry_picking import MARK, contained

HOUR = 3600
DAY = 24 * HOUR


class History:
    """Commits that hold no file, each an hour younger than the one before."""

    def __init__(self) -> None:
        self.repository = MemoryRepo()
        self.tree = Tree()
        self.repository.object_store.add_object(self.tree)
        self.made: list[str] = []

    def commit(self, *parents: str, message: str = "", at: int | None = None) -> str:
        new = Commit()
        new.tree, new.parents = self.tree.id, [ObjectID(one.encode()) for one in parents]
        new.author = new.committer = b"Ann <ann@example.org>"
        new.author_time = new.commit_time = len(self.made) * HOUR if at is None else at
        new.author_timezone = new.commit_timezone = 0
        new.message = f"{len(self.made)}\n\n{message}".encode()
        self.repository.object_store.add_object(new)
        self.made.append(new.id.decode())
        return self.made[-1]

    def line(self, head: str, length: int) -> str:
        for _ in range(length):
            head = self.commit(head)
        return head


@pytest.fixture(autouse=True)
def short_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cherry_picking, "MOST_OLDER", 10)


def test_a_commit_of_long_ago_is_found_behind_many_others():
    history = History()
    fix = history.commit(history.commit())
    picked = history.commit(fix, message=f"{MARK}{'a' * 40})")
    head = history.line(picked, 200)
    assert contained(history.repository, head, [fix]) == {fix}
    assert contained(history.repository, head, [fix, history.made[0]]) == {fix, history.made[0]}
    other = history.commit(history.made[0], message=f"{MARK}{fix})")
    head = history.line(other, 200)
    assert contained(history.repository, head, [fix, picked]) == {fix}


def test_commits_that_lie_about_their_time_hide_nothing():
    history = History()
    first = history.commit(at=400 * DAY)
    head = history.line(first, 5)
    head = history.commit(head, at=0)
    assert contained(history.repository, history.line(head, 3), [first]) == {first}


def test_what_is_elsewhere_or_nowhere_is_not_there():
    history = History()
    first = history.commit()
    base = history.line(first, 100)
    fix = history.commit(first, at=200 * DAY)
    assert contained(history.repository, base, [fix]) == set()
    assert contained(history.repository, base, ["b" * 40]) == set()


@given(st.lists(st.lists(st.integers(0, 1000), max_size=2), min_size=1, max_size=30), st.data())
def test_it_is_what_following_all_parents_finds(drawn: list[list[int]], data: st.DataObject):
    history = History()
    ancestors: dict[str, set[str]] = {}
    for choices in drawn:
        parents = {history.made[one % len(history.made)] for one in choices if history.made}
        made = history.commit(*sorted(parents))
        ancestors[made] = {made}.union(*(ancestors[one] for one in parents))
    head = data.draw(st.sampled_from(history.made))
    wanted = data.draw(st.lists(st.sampled_from(history.made), unique=True))
    assert contained(history.repository, head, wanted) == ancestors[head] & set(wanted)

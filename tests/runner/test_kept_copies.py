"""The folder of copies of repositories: what is not used goes, what is used stays."""

import fcntl
import os
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from quaymaster.actions.ports.outside import CodeRepository
from quaymaster.connectors.repositories import GitFolder
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.runner.repositories import keeping, mirrors
from quaymaster.runner.repositories.addresses import address
from quaymaster.runner.repositories.program import GitFailed
from quaymaster.runner.repositories.reach import KNOWN_HOSTS, Errand, Reach
from tests.gits import commit, over_http, repository

LOCAL = AllowedAddresses.of(("127.0.0.1",))
MONTHS_AGO = time.time() - timedelta(days=31).total_seconds()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    place = repository(tmp_path / "shop")
    commit(place, "a.txt", "1")
    return place


@pytest.fixture
def folder(tmp_path: Path) -> GitFolder:
    return GitFolder(tmp_path / "copies", LOCAL)


def copy_of(url: str, tmp_path: Path) -> Path:
    return mirrors.place_of(address(url), tmp_path / "copies")


def age(mirror: Path) -> None:
    os.utime(mirror.with_suffix(".lock"), (MONTHS_AGO, MONTHS_AGO))


async def test_a_copy_that_nobody_used_for_a_month_is_removed(
    folder: GitFolder, shop: Path, tmp_path: Path
) -> None:
    with over_http(shop) as url:
        asked = CodeRepository(url)
        newest = await folder.commit(asked, "main")
        copy = copy_of(url, tmp_path)
        assert await folder.forget_unused() == 0
        age(copy)
        assert await folder.history(asked, newest.id, 1) == [newest]  # which needs no fetching
        assert await folder.forget_unused() == 0
        age(copy)
        assert await folder.forget_unused() == 1
        assert list((tmp_path / "copies").iterdir()) == []
        assert await folder.forget_unused() == 0
        assert await folder.commit(asked, "main") == newest


async def test_a_new_copy_makes_room_for_itself(
    folder: GitFolder, shop: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        with over_http(shop) as url:
            await folder.commit(CodeRepository(url), "main")
            copy = copy_of(url, tmp_path)
            age(copy)
    assert [one for one in (tmp_path / "copies").iterdir() if one.is_dir()] == [copy]


def test_a_copy_that_somebody_works_with_is_not_removed(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    lock = copy.with_suffix(".lock")
    lock.touch()
    age(copy)
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert keeping.remove_unused(tmp_path) == 0
    (tmp_path / "copy.gone").mkdir()  # of one that was killed while it removed
    assert keeping.remove_unused(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_who_waits_for_a_copy_that_is_removed_meanwhile_makes_it_anew(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    lock = copy.with_suffix(".lock")
    worked: list[bool] = []

    def work() -> None:
        with keeping.written(copy, None):
            worked.append(lock.exists())

    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = threading.Thread(target=work)
        waiting.start()
        lock.unlink()
    waiting.join()
    assert worked == [True]


def test_what_a_killed_git_left_behind_stops_nobody(shop: Path, tmp_path: Path) -> None:
    reach = Reach(LOCAL, tmp_path / KNOWN_HOSTS)
    with over_http(shop) as url:
        place, copy = address(url), copy_of(url, tmp_path)
        mirrors.up_to_date(place, copy, reach)
        left = [copy / "objects/pack/tmp_pack_x", copy / "shallow.lock", copy / "HEAD.lock"]
        left.append(copy / "refs/heads/main.lock")
        for one in left:
            one.parent.mkdir(parents=True, exist_ok=True)
            one.touch()
        newest = commit(shop, "a.txt", "2")
        mirrors.up_to_date(place, copy, reach)
        assert mirrors.refs(place, copy, reach)["refs/heads/main"] == newest
    assert not any(one.exists() for one in left)
    broken_off = Errand()
    broken_off.break_off()
    with pytest.raises(GitFailed):
        mirrors.up_to_date(place, copy, Reach(LOCAL, tmp_path / KNOWN_HOSTS, broken_off))

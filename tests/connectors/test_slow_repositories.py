"""Repositories that do not answer: they are given up, and nothing else waits for them (I11)."""

import asyncio
import fcntl
import shutil
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from quaymaster.actions.ports.outside import CodeRepository
from quaymaster.connectors.repositories import GitFolder
from quaymaster.domain.errors import Invalid
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.runner.repositories import mirrors
from quaymaster.runner.repositories.addresses import address
from tests.gits import commit, over_http, repository
from tests.server.waiting import eventually

LOCAL = AllowedAddresses.of(("127.0.0.1",))
ENOUGH = 30.0  # seconds, for what is not held up

with_and_without_git = pytest.mark.parametrize("has_git", [True, False])


class Silent:
    """A server that takes connections and says nothing."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.left = threading.Semaphore(0)
        self.open = 0  # connections
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/shop.git"
        self._taking = threading.Thread(target=self._take, daemon=True)
        self._taking.start()

    def _take(self) -> None:
        while True:
            try:
                taken, _ = self._listening.accept()
            except OSError:
                return
            self.open += 1
            threading.Thread(target=self._listen, args=(taken,), daemon=True).start()

    def _listen(self, taken: socket.socket) -> None:
        with taken:
            taken.recv(65536)
            self.asked.release()
            while taken.recv(65536):
                pass
        self.open -= 1
        self.left.release()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._taking.join()


@pytest.fixture
def silent() -> Iterator[Silent]:
    server = Silent()
    yield server
    server.close()


def without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name, **_more: None)


@with_and_without_git
async def test_a_server_that_says_nothing_is_given_up_and_hung_up_on(
    silent: Silent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_git: bool
) -> None:
    if not has_git:
        without_git(monkeypatch)
    folder = GitFolder(tmp_path / "copies", LOCAL, seconds=0.3)
    with pytest.raises(Invalid, match=r"shop\.git cannot be read: it had no answer within 0\.3"):
        await folder.heads(CodeRepository(silent.url))
    with pytest.raises(Invalid, match="it had no answer"):
        await folder.commit(CodeRepository(silent.url), "main")

    async def is_left() -> bool:
        return silent.open == 0

    await eventually(is_left, "the connections to be closed")


def test_disk_work_of_others_does_not_wait_for_slow_repositories(
    silent: Silent, tmp_path: Path
) -> None:
    async def asks_and_works() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        folder = GitFolder(tmp_path / "copies", LOCAL)
        slow = asyncio.create_task(folder.heads(CodeRepository(silent.url)))
        await asyncio.sleep(0)
        async with asyncio.timeout(ENOUGH):
            assert await asyncio.to_thread(silent.asked.acquire, timeout=ENOUGH)
        assert not slow.done()

    asyncio.run(asks_and_works())


async def test_a_copy_that_somebody_else_fetches_is_not_waited_for_without_end(
    tmp_path: Path,
) -> None:
    shop = repository(tmp_path / "shop")
    commit(shop, "a.txt", "1")
    folder = GitFolder(tmp_path / "copies", LOCAL, seconds=0.3)
    with over_http(shop) as url:
        copy = mirrors.place_of(address(url), tmp_path / "copies")
        with held(copy), pytest.raises(Invalid, match="it had no answer within"):
            await folder.commit(CodeRepository(url), "main")
        patient = GitFolder(tmp_path / "copies", LOCAL)
        assert (await patient.commit(CodeRepository(url), "main")).message == "a.txt 1"


@contextmanager
def held(mirror: Path) -> Iterator[None]:
    """The copy is being fetched by another process."""
    with mirror.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def test_a_copy_is_finished_also_when_the_one_who_asked_has_left(tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop")
    commit(shop, "a.txt", "1")
    opened, asked = threading.Event(), threading.Event()

    def wait() -> None:
        asked.set()
        opened.wait(ENOUGH)

    folder = GitFolder(tmp_path / "copies", LOCAL)
    with over_http(shop, before=wait) as url:
        hasty = asyncio.create_task(folder.commit(CodeRepository(url), "main"))
        assert await asyncio.to_thread(asked.wait, ENOUGH)
        hasty.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hasty
        opened.set()
        copy = mirrors.place_of(address(url), tmp_path / "copies")

        async def is_there() -> bool:
            return (copy / "refs/heads/main").exists() or (copy / "packed-refs").exists()

        await eventually(is_there, "the copy")


def test_a_program_that_ends_leaves_no_git_behind(silent: Silent, tmp_path: Path) -> None:
    async def asks_and_ends() -> None:
        folder = GitFolder(tmp_path / "copies", LOCAL)
        asking = asyncio.create_task(folder.heads(CodeRepository(silent.url)))
        await asyncio.to_thread(silent.asked.acquire, timeout=ENOUGH)
        assert not asking.done()

    asyncio.run(asks_and_ends())
    assert silent.left.acquire(timeout=ENOUGH)

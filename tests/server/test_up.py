"""`quaymaster up`, with real processes: it starts, stays and stops, and what was saved is there."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from quaymaster.server.postgres.account import Account
from quaymaster.server.postgres.folders import Folders
from tests.server.product import Product, run
from tests.server.waiting import until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can play another user")


@pytest.fixture
def home(reachable_folder: Path, request: pytest.FixtureRequest) -> Path:
    return reachable_folder / f"up-{abs(hash(request.node.nodeid))}"


@pytest.fixture(scope="session")
def stopped_home(reachable_folder: Path) -> Path:
    """A home on which the product was started and stopped once, to be copied."""
    product = Product(reachable_folder / "up-once").start()
    assert product.stop() == 0
    return product.home


@pytest.fixture
def product(home: Path, stopped_home: Path) -> Iterator[Product]:
    """The product on a home that has been used before: nothing has to be made first."""
    subprocess.run(["cp", "-a", stopped_home, home], check=True)
    yield from stopped_at_the_end(Product(home))


@pytest.fixture
def new_product(home: Path) -> Iterator[Product]:
    """The product on a home that does not exist yet."""
    yield from stopped_at_the_end(Product(home))


def stopped_at_the_end(product: Product) -> Iterator[Product]:
    yield product
    if product.process is not None:
        product.stop()


def test_once_it_says_ready_it_takes_connections(product: Product):
    with subprocess.Popen(
        [*product.command, "up", "--home", str(product.home), "--port", str(product.port)],
        stdout=subprocess.PIPE,
        text=True,
        env=product.environment,
    ) as process:
        assert process.stdout
        assert any(line.startswith("Ready after") for line in process.stdout)
        assert product.get("/health/live")[0] == 200
        process.terminate()
        assert "Stopped." in process.communicate()[0]
    assert process.returncode == 0


async def write(dsn: str, rows: int) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (id int PRIMARY KEY)")
    await connection.executemany("INSERT INTO kept VALUES ($1)", [(n,) for n in range(rows)])
    await connection.close()


async def count(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval("SELECT count(*) FROM kept")
    finally:
        await connection.close()


async def write_until_lost(dsn: str, killed: asyncio.Event) -> int:
    """Commit row after row until the connection is lost; how many were acknowledged."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE kept (id int PRIMARY KEY)")
    acknowledged = 0
    try:
        while True:
            await connection.execute("INSERT INTO kept VALUES ($1)", acknowledged)
            acknowledged += 1
            if acknowledged == 100:
                killed.set()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        connection.terminate()
        return acknowledged


def all_gone(processes: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


class TestStarting:
    def test_the_first_start_prints_address_and_token_and_the_second_no_token(self, new_product):
        product = new_product.start()
        assert "Ready after" in product.said()
        assert product.url in product.said()
        assert len(product.admin_token()) >= 32
        product.stop()
        before = len(product.said())
        product.start()
        assert "token" not in product.said()[before:]

    def test_health_needs_no_credentials(self, product):
        product.start()
        assert product.get("/health/live") == (200, {"status": "live"})
        assert product.get("/health/ready") == (200, {"status": "ready"})

    def test_a_given_admin_token_is_taken_and_not_printed(self, home):
        token = "given-by-the-operator-0123456789"
        product = Product(home, {"QUAYMASTER_ADMIN_TOKEN": token})
        product.start()
        assert product.stop() == 0
        assert token not in product.said()

    async def test_a_named_database_is_used_and_none_is_started(self, home, fresh_database_url):
        product = Product(home, {"QUAYMASTER_DATABASE_URL": fresh_database_url})
        product.start()
        try:
            assert not (home / "postgres").exists()
            assert not any(p.name().startswith("postgres") for p in product.processes())
        finally:
            assert product.stop() == 0

    @as_root
    def test_it_runs_as_an_ordinary_user_too(self, reachable_folder):
        nobody = Account("nobody", 65534, 65534)
        python = next(filter(nobody.can_reach, interpreters()), None)
        if python is None:
            pytest.skip("no Python of this version that an ordinary user can reach")
        home = reachable_folder / "of-nobody"
        home.mkdir()
        os.chown(home, nobody.uid, nobody.gid)
        product = UserProduct(home / "home", nobody, python)
        product.start()
        owners = {process.uids().real for process in product.processes()}
        assert owners == {nobody.uid}
        assert product.stop() == 0


class TestStopping:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_stops_everything_cleanly(self, product, number):
        product.start()
        processes = product.processes()
        assert product.stop(number) == 0
        assert all_gone(processes)
        assert "Stopped." in product.said()
        assert "database system is shut down" in Folders.of(product.home).log.read_text()
        assert not (Folders.of(product.home).data / "postmaster.pid").exists()


class TestSurviving:
    async def test_kill_9_of_postgres(self, product):
        product.start()
        await write(product.dsn, 100)
        killed = product.postmaster
        os.kill(killed, signal.SIGKILL)
        until(
            lambda: product.postmaster not in {None, killed} and product.is_ready(),
            "PostgreSQL to be back",
        )
        assert await count(product.dsn) == 100
        assert product.process.poll() is None

    async def test_kill_9_of_the_server(self, product):
        product.start()
        await write(product.dsn, 100)
        left = product.kill()
        until(lambda: all_gone(left), "PostgreSQL and the worker to end by themselves")
        product.start()
        assert await count(product.dsn) == 100

    async def test_kill_9_of_the_server_and_a_start_at_once(self, product):
        product.start()
        await write(product.dsn, 100)
        left = product.kill()
        product.start()
        assert await count(product.dsn) == 100
        until(lambda: all_gone(left), "everything of the first start to be gone")

    async def test_kill_9_of_both(self, product):
        product.start()
        await write(product.dsn, 100)
        os.kill(product.postmaster, signal.SIGKILL)
        left = product.kill()
        product.start()
        assert await count(product.dsn) == 100
        until(lambda: all_gone(left), "everything of the first start to be gone")

    async def test_kill_9_in_the_middle_of_commits_loses_none_that_was_acknowledged(self, product):
        product.start()
        enough = asyncio.Event()
        writing = asyncio.create_task(write_until_lost(product.dsn, enough))
        await enough.wait()
        os.kill(product.postmaster, signal.SIGKILL)
        product.kill()
        acknowledged = await writing
        product.start()
        # The last commit may have reached the disk without its answer reaching the writer.
        assert await count(product.dsn) in {acknowledged, acknowledged + 1}

    def test_a_killed_worker_is_started_again(self, product):
        product.start()
        until(product.workers, "a worker")
        (killed,) = product.workers()
        os.kill(killed, signal.SIGKILL)
        until(lambda: set(product.workers()) - {killed}, "another worker")
        assert product.is_ready()


class TestRefusing:
    def test_a_second_one_on_the_same_home(self, product):
        product.start()
        second = run("up", "--home", str(product.home), "--port", "0")
        assert second.returncode == 1
        assert f"Another Quaymaster (process {product.process.pid}) is running" in second.stderr
        assert product.is_ready()

    def test_an_address_that_is_taken(self, home):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            refused = run("up", "--home", str(home), "--port", str(port))
        assert refused.returncode == 1
        assert f"Cannot listen at 127.0.0.1 port {port}" in refused.stderr
        assert not home.exists()

    def test_a_wrong_setting_is_one_line(self, home):
        refused = run("up", "--home", str(home), environment={"QUAYMASTER_SWEEP_SECONDS": "often"})
        assert refused.returncode == 1
        assert refused.stderr == (
            "quaymaster: QUAYMASTER_SWEEP_SECONDS is 'often', and must be a whole number 1…90.\n"
        )

    def test_a_named_database_that_does_not_answer(self, home):
        url = "postgresql://somebody:hunter2@127.0.0.1:1/none"
        refused = run("up", "--home", str(home), environment={"QUAYMASTER_DATABASE_URL": url})
        assert refused.returncode == 1
        assert "PostgreSQL is not available" in refused.stderr
        assert "hunter2" not in refused.stderr + refused.stdout


def interpreters() -> list[Path]:
    """Pythons of this version; a virtual environment's own may lie below the home of root."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    places = [Path(sys.executable), Path("/usr/bin") / name, Path("/usr/local/bin") / name]
    return [place.resolve() for place in places if place.exists()]


class UserProduct(Product):
    """The product started by another user of the machine."""

    def __init__(self, home: Path, user: Account, python: Path) -> None:
        paths = [str(Path(__file__).parents[2] / "src"), sysconfig.get_path("purelib")]
        super().__init__(home, {"PYTHONPATH": os.pathsep.join(paths), "HOME": str(home.parent)})
        self.command = [str(python), "-m", "quaymaster.cli.main"]
        self.user = {"user": user.uid, "group": user.gid, "extra_groups": [], "cwd": "/"}

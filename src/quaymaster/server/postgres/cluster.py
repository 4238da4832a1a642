"""The data directory: made once, checked at every start."""

import asyncio
import shutil
from pathlib import Path

from quaymaster.server.postgres.account import Account
from quaymaster.server.postgres.binaries import Binaries
from quaymaster.server.postgres.command import ENVIRONMENT, as_account
from quaymaster.server.postgres.errors import PostgresUnavailableError
from quaymaster.server.postgres.folders import Folders, make_private


async def ensure(folders: Folders, binaries: Binaries, account: Account) -> None:
    """Make the data directory on the first start; refuse one this PostgreSQL cannot read."""
    if folders.data.exists():
        _refuse_stranger(folders.data, account)
        _refuse_other_major(folders.data, binaries)
        return
    unfinished = folders.root / "data.unfinished"  # a crash on the way leaves no half directory
    shutil.rmtree(unfinished, ignore_errors=True)
    make_private(unfinished, account)
    await _initdb(unfinished, binaries, account)
    unfinished.rename(folders.data)


def _refuse_stranger(data: Path, account: Account) -> None:
    owner = data.stat().st_uid
    if owner != account.uid:
        raise PostgresUnavailableError(
            f"The database in {data} belongs to user id {owner}, and would now run as "
            f"{account.name} (id {account.uid}). Start Quaymaster as the user who started it "
            f"first, or hand it over with `chown -R {account.name} {data}`."
        )


def _refuse_other_major(data: Path, binaries: Binaries) -> None:
    try:
        found = (data / "PG_VERSION").read_text("utf-8").strip()
    except FileNotFoundError:
        raise PostgresUnavailableError(
            f"{data} is not a PostgreSQL data directory: it has no file PG_VERSION. Nothing was "
            "changed. Move it away, or choose another --home."
        ) from None
    if found != str(binaries.major):
        raise PostgresUnavailableError(
            f"The database in {data} was made by PostgreSQL {found}, and this Quaymaster brings "
            f"PostgreSQL {binaries.version} ({binaries.folder}), which cannot read it. Nothing was "
            f"changed. Move the data with pg_upgrade or with pg_dump of version {found} into a new "
            f"--home, or run PostgreSQL {found} on it yourself and set QUAYMASTER_DATABASE_URL."
        )


async def _initdb(data: Path, binaries: Binaries, account: Account) -> None:
    command = [
        str(binaries.folder / "initdb"),
        f"--pgdata={data}",
        "--username=quaymaster",
        "--auth=trust",  # guarded by the mode of the socket folder; there is no TCP
        "--encoding=UTF8",
        "--data-checksums",
        *_locale(binaries.major),
    ]
    process = await asyncio.create_subprocess_exec(
        *as_account(account, command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd="/",
        env=ENVIRONMENT,
    )
    said, _ = await process.communicate()
    if process.returncode:
        last = said.decode("utf-8", "replace").strip().splitlines()[-3:]
        raise PostgresUnavailableError(
            f"PostgreSQL could not make its data directory in {data.parent}: {' '.join(last)}"
        )


def _locale(major: int) -> list[str]:
    """C.UTF-8 everywhere: from 17 PostgreSQL's own, which does not depend on the machine."""
    if major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"]

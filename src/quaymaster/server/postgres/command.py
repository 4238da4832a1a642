"""Command lines: a program as the database's user, and the postmaster with our settings."""

import os
import sys
from pathlib import Path

from quaymaster.server.postgres.account import Account
from quaymaster.server.postgres.binaries import Binaries
from quaymaster.server.postgres.folders import Folders

# One product on one machine: little memory while idle, every commit on disk before it is answered.
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "max_connections": "60",
    "superuser_reserved_connections": "3",
    "shared_buffers": "48MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "on",
    "min_wal_size": "80MB",
    "max_wal_size": "512MB",
    "max_wal_senders": "2",  # for pg_basebackup
    "max_replication_slots": "2",
    "max_worker_processes": "4",
    "max_parallel_workers_per_gather": "0",  # small queries; helpers cost more than they save
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # What the database says of itself is logged; statements and their values are not.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_checkpoints": "off",
    "logging_collector": "off",
}

_FIRST_WITH_IO_METHODS = 18

# Nothing of ours: neither PG… variables that would change it, nor secrets that it does not need.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


def as_account(account: Account, command: list[str]) -> list[str]:
    """The command line that runs `command` as `account` and ends it with this process."""
    child = str(Path(__file__).with_name("child.py"))
    become = [str(account.uid), str(account.gid), str(os.getpid())]
    return [sys.executable, "-I", "-S", child, *become, *command]


def postmaster(binaries: Binaries, folders: Folders) -> list[str]:
    """The postmaster in the foreground, on its socket only."""
    settings = {**_SETTINGS, "unix_socket_directories": str(folders.sockets)}
    if binaries.major >= _FIRST_WITH_IO_METHODS:
        settings["io_method"] = "sync"  # its three I/O processes bring nothing at this size
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(binaries.folder / "postgres"), "-D", str(folders.data), *words]

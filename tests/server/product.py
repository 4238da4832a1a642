"""The whole product as a user runs it: `quaymaster up` in a process of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil

from quaymaster.server.postgres.folders import Folders
from quaymaster.server.postgres.leftover import postmaster_pid
from tests.server.waiting import until

COMMAND = [sys.executable, "-m", "quaymaster.cli.main"]


class Product:
    """One home; `up` starts the product on it. End every start by `stop` or `kill`."""

    def __init__(self, home: Path, environment: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {**clean_environment(), **(environment or {})}
        self.output = home.parent / f"{home.name}.log"
        self.command = COMMAND
        self.user: dict[str, Any] = {}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Product":
        """Start, and return when it says that it is ready."""
        before = len(self.said())
        with self.output.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, "up", "--home", str(self.home), "--port", str(self.port)],
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
                **self.user,
            )
        until(lambda: self._ready_since(before), f"the product to be ready; {self.output}")
        return self

    def _ready_since(self, before: int) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        return "Ready after" in self.said()[before:] and self.is_ready()

    def said(self) -> str:
        return self.output.read_text("utf-8") if self.output.exists() else ""

    def is_ready(self) -> bool:
        try:
            return self.get("/health/ready")[0] == 200
        except OSError:
            return False

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON body of a request without credentials."""
        try:
            with urlopen(self.url + path, timeout=10) as answer:
                return answer.status, json.load(answer)
        except HTTPError as refusal:
            return refusal.code, json.load(refusal)

    @property
    def dsn(self) -> str:
        return Folders.of(self.home).dsn

    @property
    def postmaster(self) -> int | None:
        """The process id in the database's pid file, which is away for a moment at a start."""
        return postmaster_pid(Folders.of(self.home).data)

    def processes(self) -> list[psutil.Process]:
        """The server first, then everything it started."""
        assert self.process is not None
        server = psutil.Process(self.process.pid)
        return [server, *server.children(recursive=True)]

    def workers(self) -> list[int]:
        return [process.pid for process in self.processes() if "worker" in _words(process)]

    def kill(self) -> list[psutil.Process]:
        """kill -9 of the server alone; what it leaves behind is returned."""
        assert self.process is not None
        others = self.processes()[1:]
        self.process.kill()
        self.process.wait()
        return others

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60)

    def admin_token(self) -> str:
        """The token that the first start printed."""
        printed = re.search(r"token:\n\s+(\S+)", self.said())
        assert printed, self.said()
        return printed.group(1)


def _words(process: psutil.Process) -> list[str]:
    """The command line of a process, empty for one that has ended meanwhile."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def run(*words: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess:
    """One command of the command line, to its end."""
    return subprocess.run(
        [*COMMAND, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**clean_environment(), **(environment or {})},
    )


def clean_environment() -> dict[str, str]:
    """Ours without the settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("QUAYMASTER_")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

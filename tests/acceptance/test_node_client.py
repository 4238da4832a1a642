"""Every operation of the release client of azure-devops-node-api, as published (CLIENTS 2)."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.client import Visitor
from tests.server.product import Product

HERE = Path(__file__).parent / "node"


@pytest.fixture(scope="session")
def packages() -> Path:
    """A folder with the client installed from the lock file; kept in var/ between runs."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm on this machine, so Node's client cannot be installed")
    lock = (HERE / "package-lock.json").read_text("utf-8")
    folder = HERE.parents[2] / "var" / "node-client"
    done = folder / "installed.json"
    if not done.exists() or done.read_text("utf-8") != lock:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder / name)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=100)
        done.write_text(lock, "utf-8")
    return folder


def test_the_node_client_calls_every_operation(running: Product, admin: Visitor, packages: Path):
    done = subprocess.run(
        ["node", str(HERE / "visit.js")],
        env={
            **os.environ,
            "NODE_PATH": str(packages / "node_modules"),
            "BASE_URL": admin.url,
            "TOKEN": admin.token,
        },
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert {name for name, result in told.items() if result != "ok"} == set()
    assert len(told) > 80

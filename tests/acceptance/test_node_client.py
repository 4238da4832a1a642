"""Every operation of the release client of azure-devops-node-api, as published (CLIENTS 2)."""

import json
import os
import subprocess
from pathlib import Path

from tests.acceptance.client import Visitor
from tests.server.product import Product

HERE = Path(__file__).parent / "node"


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


def test_the_node_client_defines_queues_watches_and_reads_builds(
    running: Product, admin: Visitor, packages: Path
):
    done = subprocess.run(
        ["node", str(HERE / "builds.js")],
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
    assert done.stdout.splitlines()[-1] == "ok"

"""Every operation of the release client of azure-devops-node-api, as published (CLIENTS 2)."""

import json
import os
import subprocess
from pathlib import Path

from tests.acceptance.client import Visitor

HERE = Path(__file__).parent / "node"


def said(script: str, admin: Visitor, packages: Path) -> str:
    """The last line that a script for Node's client prints; it must end well."""
    done = subprocess.run(
        ["node", str(HERE / script)],
        env={
            **os.environ,
            "NODE_PATH": str(packages),
            "BASE_URL": admin.url,
            "TOKEN": admin.token,
        },
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_the_node_client_calls_every_operation(admin: Visitor, packages: Path):
    told = json.loads(said("visit.js", admin, packages))
    assert {name for name, result in told.items() if result != "ok"} == set()
    assert len(told) > 80


def test_the_node_client_defines_queues_watches_and_reads_builds(admin: Visitor, packages: Path):
    assert said("builds.js", admin, packages) == "ok"

"""Requests made from our own description never break the server or its word (R-45).

A project of its own keeps what is written away from the other tests.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.client import Visitor
from tests.documents import definition, stage
from tests.server.product import Product, run

PROJECT = "Fuzz"
FREE = {"concurrencyCount": 0, "queueDepthCount": 0}
CHECKS = "not_a_server_error,response_schema_conformance,ignored_auth"


@pytest.fixture(scope="module")
def description(running: Product, admin: Visitor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The served description, its paths led to a project that has something in it."""
    made = run("project", "create", PROJECT, "--home", str(running.home))
    assert made.returncode == 0, made.stderr
    base = f"{running.url}/default/{PROJECT}/_apis"
    with httpx.Client(auth=("", admin.token), timeout=30) as client:
        queue = client.get(f"{base}/distributedtask/queues").json()["value"][0]["id"]
        document = definition("Web", stage("Dev", executionPolicy=FREE))
        for phase in document["environments"][0]["deployPhases"]:
            phase["deploymentInput"]["queueId"] = queue
        saved = client.post(f"{base}/release/definitions", json=document)
        start = {"definitionId": saved.json()["id"]}
        release = client.post(f"{base}/release/releases", json=start).json()
        described = client.get(f"{base}/openapi.json").json()
    ids = [saved.json()["id"], release["id"], release["environments"][0]["id"], 999]
    for operation in (one for path in described["paths"].values() for one in path.values()):
        for parameter in operation["parameters"]:
            _lead(parameter, ids)
    file = tmp_path_factory.mktemp("fuzz") / "openapi.json"
    file.write_text(json.dumps(described), "utf-8")
    return file


def _lead(parameter: dict[str, Any], ids: list[int]) -> None:
    """Let a parameter of the path name something that exists."""
    known = {"organization": ["default"], "project": [PROJECT], "api-version": ["7.1"]}
    name = parameter["name"]
    if name in known:
        parameter["schema"] = {"type": "string", "enum": known[name]}
    elif parameter["in"] == "path" and name.lower().endswith("id"):
        parameter["schema"] = {"type": "integer", "enum": sorted(set(ids))}


@pytest.mark.parametrize("signed_in", [True, False])
def test_generated_requests_get_described_answers(
    running: Product, admin: Visitor, description: Path, signed_in: bool
):
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", str(description), "--url", running.url, "--checks", CHECKS),
        *("--phases", "fuzzing", "--max-examples", "3", "--seed", "1", "--no-color"),
        *("--workers", "1", "--request-timeout", "30"),
    ]
    if signed_in:
        command += ["--header", f"Authorization: Bearer {admin.token}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    said = done.stdout.replace(admin.token, "***")
    assert done.returncode == 0, said[-6000:]
    assert "request failed" not in running.said()

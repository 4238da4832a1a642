"""Real exported definitions go in, come out, and go in again unchanged (A.5: PUT(GET(x)) = x)."""

import json
from collections import Counter

import pytest

from tests.apis.azure.server import Server
from tests.vectors import shared_folder

FOLDER = shared_folder() / "data" / "release_definitions"
OWNED = {"revision", "modifiedOn", "modifiedBy", "comment"}


async def test_vector_every_real_definition_that_is_taken_survives_a_round_trip(server: Server):
    if not FOLDER.is_dir():
        pytest.skip(f"there is no {FOLDER}")
    taken: Counter[str] = Counter()
    for file in sorted(FOLDER.glob("*.json")):
        try:
            sent = json.loads(file.read_text("utf-8-sig"))
        except ValueError:  # a template that something else fills in first
            continue
        if not isinstance(sent, dict):
            continue
        sent = {**sent, "name": f"{file.stem[-80:]}"}
        answer = await server.project("POST", "definitions", content=json.dumps(sent))
        if answer.status_code == 400:
            assert "$" in answer.json()["message"], f"{file.name}: {answer.text[:300]}"
            taken["refused"] += 1
            continue
        assert answer.status_code == 200, f"{file.name}: {answer.status_code} {answer.text[:300]}"
        read = await server.seen(f"definitions/{answer.json()['id']}")
        again = await server.project("PUT", "definitions", content=json.dumps(read))
        assert again.status_code == 200, f"{file.name}: {again.text[:300]}"
        changed = again.json()
        different = {key for key in read | changed if read.get(key) != changed.get(key)}
        assert different <= OWNED, f"{file.name}: {different}"
        taken["taken"] += 1
    assert taken["taken"] > 0
    assert taken["taken"] > taken["refused"], taken

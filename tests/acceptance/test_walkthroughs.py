"""Every step of the published walkthroughs, against the running product (issue: all versions).

TFS 2017 (3.0-preview), TFS 2015 Update 2 (2.2-preview.1) and 7.1 each play in a project of their
own; the last one reads one object in both dialects.
"""

import json
import re
from typing import Any

import httpx
import pytest

from tests.acceptance.client import Visitor
from tests.acceptance.conftest import command
from tests.acceptance.walkthrough import Player
from tests.server.product import Product
from tests.vectors import shared_folder

FILE = shared_folder() / "contract" / "walkthroughs.json"
PROFILES = ("L30", "L22", "M71", "X")
POWERSHELL = "e213ff0f-5d5c-4791-802d-52ea3e7be1f1"
COMMAND_LINE = "d9bafed4-0b18-4f58-968d-86655b4d2ce9"


@pytest.fixture(scope="session")
def people(running: Product) -> dict[str, Visitor]:
    """Chuck and Noah, who contribute, and somebody who only reads."""
    home = str(running.home)
    found = {}
    for name in ("chuck", "noah", "other"):
        command("user", "create", f"{name}@example.com", "--home", home)
        token = command("token", "create", "--user", f"{name}@example.com", "--home", home)
        found[name] = Visitor(running.url, token)
    return found


def player(running: Product, people: dict[str, Visitor], profile: str) -> Player:
    """A player in a fresh project, in which chuck and noah may do what the walkthrough does."""
    project, home = f"Fabrikam{profile}", str(running.home)
    command("project", "create", project, "--home", home)
    for name, group in (("chuck", "Project Administrators"), ("noah", "Contributors")):
        person = f"{name}@example.com"
        command("group", "add", group, person, "--project", project, "--home", home)
    command("group", "add", "Readers", "other@example.com", "--project", project, "--home", home)
    tokens = {name: visitor.token for name, visitor in people.items()}
    queue = _queue(running.url, project, tokens["chuck"])

    def rewritten(text: str) -> str:
        """The fixtures' names in place of the walkthrough's; a shell where there is no pwsh."""
        text = text.replace("/Fabrikam/_apis/", f"/{project}/_apis/")
        text = text.replace("/fabrikam/", "/default/").replace(POWERSHELL, COMMAND_LINE)
        return re.sub(r'"queueId": 2\b', f'"queueId": {queue}', text)

    known: dict[str, Any] = {name: visitor.id for name, visitor in people.items()}
    known |= {f"{name}.uniqueName": f"{name}@example.com" for name in people}
    return Player(running.url, tokens, rewritten, known)


def _queue(url: str, project: str, token: str) -> int:
    path = f"{url}/default/{project}/_apis/distributedtask/queues"
    found: int = httpx.get(path, auth=("", token)).json()["value"][0]["id"]
    return found


@pytest.mark.parametrize("profile", PROFILES)
def test_vector_walkthrough(running: Product, people: dict[str, Visitor], profile: str):
    if not FILE.exists():
        pytest.skip(f"there is no {FILE}")
    walkthroughs = json.loads(FILE.read_text("utf-8"))["walkthroughs"]
    mine = [one for one in walkthroughs if one["id"].partition(".")[0] == profile]
    assert mine
    played = player(running, people, profile)
    differences = []
    for walkthrough in mine:
        for step in walkthrough["steps"]:
            try:
                played.play(step)
            except (AssertionError, KeyError) as difference:
                place = f"{walkthrough['id']} step {step['n']} ({step['basis']}), {step['what']}"
                differences.append(f"{place}: {difference}")
    assert not differences, "\n\n".join(differences)

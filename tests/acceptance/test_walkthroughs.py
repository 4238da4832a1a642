"""Every step of the shared walkthroughs, in TFS 2015, TFS 2017 and today's form."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.walkthroughs import FILE, Player, profiles
from tests.server.product import Product, run

PEOPLE = {  # each with the group of the project that gives the permissions
    "chuck": "Project Administrators",
    "noah": "Contributors",
    "other": "Readers",  # contributors may answer for others (SEMANTICS 25.4)
}

# Steps that do not go as they should yet, and why. One that does must be taken off.
NOT_YET: dict[str, str] = {}


# Takes the place of PowerShell where there is none: runs the lines of the script that echo.
PWSH = r"""#!/bin/sh
for last; do :; done
file=${last#. \'}
grep '^echo ' "${file%\'}" | sh
"""


@pytest.fixture(scope="module")
def player(reachable_folder: Path) -> Iterator[Player]:
    """An installation of its own with the project Fabrikam, its queue 2 and three people."""
    if not FILE.exists():
        pytest.skip(f"{FILE.name} is not in the shared folder (QUAYMASTER_SHARED)")
    product = Product(reachable_folder / "walkthroughs", surroundings(reachable_folder))
    try:
        product.start()
        _command(product, "project", "create", "Fabrikam")
        for name, group in PEOPLE.items():
            mail = f"{name}@fabrikam.example"
            _command(product, "user", "create", mail)
            _command(product, "group", "add", group, mail, "--project", "Fabrikam")
        tokens = {
            name: _command(product, "token", "create", "--user", f"{name}@fabrikam.example")
            for name in PEOPLE
        }
        yield Player(product.url, tokens)
    finally:
        product.stop()


@pytest.mark.timeout(400)  # a step that never comes right is waited for as long as the file says
@pytest.mark.parametrize("profile", ["L30", "L22", "M71", "X"])
def test_a_walkthrough_goes_as_it_is_written(player: Player, profile: str):
    begin_anew(player)
    outcomes: dict[str, str] = {}
    for walkthrough in profiles()[profile]:
        outcomes |= player.play(walkthrough)
    failed = {step for step, problem in outcomes.items() if problem}
    expected = {step for step in NOT_YET if step.startswith(f"{profile}.")}
    unexpected = "\n\n".join(outcomes[step] for step in outcomes if step in failed - expected)
    assert not unexpected, f"steps that went wrong:\n{unexpected}"
    assert not expected - failed, "steps that go right now: take them off NOT_YET"


def test_every_walkthrough_is_played(player: Player):
    assert set(profiles()) == {"L30", "L22", "M71", "X"}
    steps = {
        f"{walkthrough['id']}.{step['n']}"
        for walkthroughs in profiles().values()
        for walkthrough in walkthroughs
        for step in walkthrough["steps"]
    }
    assert set(NOT_YET) <= steps


def surroundings(folder: Path) -> dict[str, str]:
    """What the walkthroughs expect of a server: strict about versions, able to run PowerShell."""
    strict = {"QUAYMASTER_STRICT_VERSIONS": "true"}
    path = os.environ.get("PATH", os.defpath)
    if shutil.which("pwsh"):
        return strict
    program = folder / "bin" / "pwsh"
    program.parent.mkdir()
    program.write_text(PWSH)
    program.chmod(0o755)
    return {**strict, "PATH": f"{program.parent}{os.pathsep}{path}"}


def begin_anew(player: Player) -> None:
    """The project without what another walkthrough left, and with everybody's id known."""
    player.saved.clear()
    for name in PEOPLE:
        answer = player.ask("GET", "/fabrikam/_apis/connectionData", None, name)
        player.saved[name] = answer.json()["authenticatedUser"]["id"]
        player.saved[f"{name}.uniqueName"] = f"{name}@fabrikam.example"
    definitions = "/fabrikam/Fabrikam/_apis/release/definitions"
    for found in player.ask("GET", definitions, None, "chuck").json()["value"]:
        gone = player.ask("DELETE", f"{definitions}/{found['id']}?forceDelete=true", None, "chuck")
        assert gone.status_code == 204, gone.text


def _command(product: Product, *words: str) -> str:
    done = run(*words, "--home", str(product.home))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]

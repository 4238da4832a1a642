"""PublishBuildArtifacts@1: the command that it gives says what its inputs said."""

from pathlib import Path

import pytest

from quaymaster.runner.effects import ArtifactAssociate, ArtifactUpload
from quaymaster.runner.logging_commands import Rules, interpret, parse
from tests.runner.call import handle, plant

PUBLISH = "2ff763a7-ce83-4e1f-bc89-0ae63477cebe"
AWKWARD = ["drop", "web[1]", "a;containerfolder=b", "100%AZP25", "a%3Bb%5D", "a=b", "50%"]


async def asked_for(directory: Path, **inputs: str) -> object:
    """What the runner is asked for by the one command that the task gives."""
    [line] = await handle(PUBLISH, "1.*", directory, **inputs)
    command = parse(line)
    assert command is not None
    return interpret(command, Rules(host="build"))


@pytest.mark.parametrize("name", AWKWARD)
async def test_names_and_paths_arrive_as_they_are(tmp_path: Path, name: str) -> None:
    directory = tmp_path / "a"
    plant(directory, f"{name}/x%0Dy.txt", "a]b;c%AZP250A/z")
    for path in (f"{name}/x%0Dy.txt", "a]b;c%AZP250A"):
        found = await asked_for(directory, ArtifactName=name, PathtoPublish=path)
        assert found == ArtifactUpload(name, name, str(directory / path))


@pytest.mark.parametrize("name", AWKWARD)
async def test_a_share_is_named_as_it_is(tmp_path: Path, name: str) -> None:
    plant(tmp_path / "a", "x")
    share = {"ArtifactType": "FilePath", "TargetPath": "\\\\host\\a;b]%0D"}
    found = await asked_for(tmp_path / "a", ArtifactName=name, PathtoPublish="x", **share)
    assert found == ArtifactAssociate(name, "filepath", share["TargetPath"], {})

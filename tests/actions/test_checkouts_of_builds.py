"""A worker is told of the sources what the definition says of them (issue 5.3)."""

from pathlib import Path
from typing import Any

from quaymaster.protocol.job import Checkout, RunJob
from tests.actions.office import Office
from tests.actions.test_connections_of_builds import create, queued, shop, told
from tests.apis.azure.build.asking import definition

__all__ = ["shop"]


async def message(office: Office, place: Path, properties: dict[str, str], **said: Any) -> RunJob:
    sources = {"type": "Git", "id": "web", "name": "web", "url": str(place)}
    sources |= {"defaultBranch": "main", "properties": properties, **said}
    made = await create(office, "dora", definition("CI", repository=sources))
    return await told(office, await queued(office, made))


async def test_every_option_of_the_sources_reaches_the_checkout(office: Office, shop: Path) -> None:
    properties = {
        "cleanOptions": "3",
        "fetchDepth": "5",
        "checkoutNestedSubmodules": "True",
        "gitLfsSupport": "true",
        "fetchTags": "false",
    }
    said = await message(office, shop, properties, clean="true", checkoutSubmodules=True)
    assert said.checkout
    assert said.checkout == Checkout(
        address=str(shop),
        branch="refs/heads/main",
        commit=said.checkout.commit,
        clean=True,
        depth=5,
        submodules="nested",
        lfs=True,
        tags=False,
    )
    assert len(said.checkout.commit) == 40
    assert said.cleans_outputs
    assert "checkout" in [step.kind for step in said.steps]


async def test_sources_that_are_not_to_be_synced_are_left_alone(office: Office, shop: Path) -> None:
    said = await message(office, shop, {"skipSyncSource": "true"})
    assert said.checkout is None
    assert "checkout" not in [step.kind for step in said.steps]

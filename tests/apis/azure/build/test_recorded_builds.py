"""What published answers of the service say of builds is in ours (CONTRACT B.1)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.apis.azure.build.asking import asked, made, queued
from tests.apis.azure.server import Server
from tests.apis.azure.test_recorded_answers import DATA, lacking

ANSWERS = DATA / "responses"
pytestmark = pytest.mark.skipif(
    not ANSWERS.is_dir(), reason=f"{ANSWERS} is not there (QUAYMASTER_SHARED)"
)
# What a build here does not say of its project.
LACKS = {
    f"{where}.project.{field}"
    for where in ("", ".definition")
    for field in ("description", "lastUpdateTime")
}
# What a build has of its own: why it was made.
OWN = ".triggerInfo."


def recorded() -> Iterator[Any]:
    """Each build of a published answer."""
    for file in sorted(ANSWERS.glob("*payload___build_*.json")):
        yield json.loads(file.read_text("utf-8-sig"))
    for file in sorted(ANSWERS.glob("*buildList*.json")):
        yield from json.loads(file.read_text("utf-8-sig"))["value"]


async def test_vector_published_builds_hold_nothing_that_ours_lack(server: Server):
    given = {"tags": ["one"], "parameters": '{"word": "x"}'}
    settable = {"word": {"value": "", "allowOverride": True}}
    build = await queued(server, await made(server, "Web", variables=settable), **given)
    async with server.database.transaction() as connection:
        await connection.execute("UPDATE builds SET started_at = now()")
    await asked(server, "PATCH", f"builds/{build['id']}", json={"status": "cancelling"})
    [ours] = (await asked(server, "GET", "builds?api-version=7.1"))["value"]
    builds = list(recorded())
    assert len(builds) >= 10
    lacks = {place for theirs in builds for place in lacking(theirs, ours)}
    assert {place for place in lacks if not place.startswith(OWN)} == LACKS

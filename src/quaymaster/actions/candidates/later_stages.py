"""Environments that are younger than a release: it is given a stage for them (AVIATOR 1)."""

import msgspec

from quaymaster.actions.repositories.repositories import Scene
from quaymaster.domain.errors import NotFound
from quaymaster.domain.record import Entry
from quaymaster.domain.release import ReleaseId, StageId
from quaymaster.store.definitions import definitions
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import history, releases
from quaymaster.store.releases.writing import snapshots


async def add(connection: Connection, found: Scene, release_id: ReleaseId) -> StageId:
    """The stage of the release for the environment, made as the definition describes it now."""
    release = await releases.locked(connection, release_id)
    definition = await definitions.get(
        connection,
        found.call.vault,
        found.definition.project_id,
        found.definition.definition_id,
    )
    if release is None or definition is None:
        raise NotFound("release", release_id)
    number = found.environment.id
    there = next((s for s in release.stages if s.plan.definition_stage_id == number), None)
    if there:
        return there.id  # somebody else was quicker
    document = msgspec.json.decode(await snapshots.document(connection, release_id))
    described = next(
        one
        for one in msgspec.json.decode(definition.document)["environments"]
        if one["id"] == number
    )
    grown = {**document, "environments": [*(document.get("environments") or ()), described]}
    stage = await snapshots.add_stage(
        connection,
        release,
        definition.plan.stage(number),
        msgspec.json.encode(grown).decode(),
        found.call.now,
    )
    told = Entry("StageAdded", found.call.by, stage, comment=found.environment.name)
    await history.append(connection, release_id, found.call.now, [told])
    return stage

"""Gates of a deployment: some of them can be ignored by those who may deploy (SEMANTICS 10.4)."""

from collections.abc import Sequence

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import happen_within
from quaymaster.domain.access import Permission, stage_token
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.domain.events import GatesIgnored
from quaymaster.domain.release import Deployment, GateRun, Release, ReleaseId, StageId
from quaymaster.store.deployments import places
from quaymaster.store.releases import releases


async def ignore(call: Call, gate_run: int, names: Sequence[str], comment: str) -> ReleaseId:
    """Count the named gates as successful from the next sample on; the release they belong to.

    Raises NotFound, Forbidden (manage deployments on the stage), Invalid for a name that none of
    the gates has, Refused when the gates are no longer evaluated.
    """
    if not names:
        raise Invalid("Name the gates to ignore (gatesToIgnore).")
    async with call.database.transaction() as connection:
        place = await places.of_gate_run(connection, call.project_id, gate_run)
        if place is None or place.is_deleted:
            raise NotFound("gates", gate_run)
        token = stage_token(
            str(place.project_id), place.path, place.definition_id, place.definition_stage_id
        )
        call.require(Permission.VIEW_RELEASES, token, f"release {place.release_name}")
        call.require(Permission.MANAGE_DEPLOYMENTS, token, f"stage {place.stage_name}")
        release_id, stage_id = ReleaseId(place.release_id), StageId(place.stage_id)
        release = await releases.locked(connection, release_id)
        run = _run(release, stage_id, gate_run)
        event = GatesIgnored(stage_id, run.side, tuple(names), call.by, comment)
        await happen_within(connection, call, release_id, event)
        return release_id


def _run(release: Release | None, stage_id: StageId, gate_run: int) -> GateRun:
    """The gates by their id, which must be those of the newest attempt."""
    stage = release.stage(stage_id) if release else None
    newest: Deployment | None = stage.newest if stage else None
    for run in newest.gates if newest else ():
        if run.id == gate_run:
            return run
    raise NotFound(
        "gates", gate_run, f"The gates {gate_run} belong to an earlier attempt of the stage."
    )

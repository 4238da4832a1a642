"""Manual interventions: a paused server phase goes on, or fails (SEMANTICS 21)."""

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import deciding, happen_within
from quaymaster.domain.access import Permission, stage_token
from quaymaster.domain.errors import NotFound
from quaymaster.domain.events import InterventionAnswered
from quaymaster.domain.release import InterventionId, ReleaseId
from quaymaster.store.deployments import places


async def answer(
    call: Call, release_id: int, number: InterventionId, comment: str, *, resumes: bool
) -> None:
    """Let the deployment go on, or reject it.

    Raises NotFound when the release has no such intervention, Forbidden (manage deployments on
    the stage), Refused when it has been answered.
    """
    async with deciding(call) as connection:
        place = await places.of_intervention(connection, call.project_id, number)
        if place is None or place.is_deleted or place.release_id != release_id:
            raise NotFound("intervention", number)
        token = stage_token(
            str(place.project_id), place.path, place.definition_id, place.definition_stage_id
        )
        call.require(Permission.VIEW_RELEASES, token, f"release {place.release_name}")
        call.require(Permission.MANAGE_DEPLOYMENTS, token, f"stage {place.stage_name}")
        event = InterventionAnswered(number, call.by, resumes, comment)
        await happen_within(connection, call, ReleaseId(release_id), event)

"""What a project says of all its pipelines, and where that is looked at (SEMANTICS 5.3)."""

from uuid import UUID

from quaymaster.actions.call import Call
from quaymaster.domain.build_access import BuildPermission
from quaymaster.domain.errors import Refused
from quaymaster.domain.pipeline_rules import PipelineRules
from quaymaster.store.people import project_settings
from quaymaster.store.postgres.database import Connection


async def get(call: Call) -> PipelineRules:
    """The rules of the call's project. Raises Invalid without one, Forbidden."""
    project = _project(call)
    call.require_build(BuildPermission.VIEW_BUILD_DEFINITION, str(project), "the project")
    async with call.database.read() as connection:
        return await project_settings.pipeline_rules(connection, project)


async def change(call: Call, wanted: PipelineRules) -> PipelineRules:
    """Set the rules of the call's project. Raises Forbidden."""
    project = _project(call)
    permission = BuildPermission.ADMINISTER_BUILD_PERMISSIONS
    call.require_build(permission, str(project), "the project")
    async with call.database.transaction() as connection:
        await project_settings.set_pipeline_rules(connection, project, wanted)
    return wanted


async def check_new(connection: Connection, project: UUID, *, is_build: bool) -> None:
    """Raise Refused where the project lets nobody make such a pipeline in the designer."""
    rules = await project_settings.pipeline_rules(connection, project)
    if rules.refuses_build_designer if is_build else rules.refuses_release_designer:
        kind = "build" if is_build else "release"
        raise Refused(
            f"The project lets nobody make {kind} pipelines of the designer "
            "(disableClassic… in its general settings)."
        )


def _project(call: Call) -> UUID:
    return call.required_project("whose settings are meant")

"""Stages of a build: run one again, or ask it to stop (CONTRACT B.1)."""

from litestar import Response, patch
from litestar.params import FromPath

from quaymaster.actions.builds import builds
from quaymaster.apis.azure.asked import AzureRequest, nothing
from quaymaster.apis.azure.build.builds import ONE, build_number
from quaymaster.apis.azure.build.words import STAGE_UPDATE
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import bool_in
from quaymaster.apis.shared.scopes import Scope


@patch(f"{ONE}/stages/{{stage:str}}", opt=needs(Scope.BUILD_EXECUTE), status_code=204)
async def update_stage(
    request: AzureRequest, build_id: FromPath[str], stage: FromPath[str]
) -> Response[None]:
    """Run the failed jobs of a stage again (`retry`), or ask the stage to stop (`cancel`).

    With `forceRetryAllJobs` all jobs of the stage run again. The other stages of a build go on when
    one is canceled; those that wait for it find it canceled.
    """
    call, number = request.in_project(), build_number(build_id)
    body = await request.properties("stage", ("state", "forceRetryAllJobs"))
    state = STAGE_UPDATE.read(body.get("state", "retry"), "state")
    if state == "cancel":
        await builds.cancel(call, number, stage=stage)
    elif state == "retry":
        everything = bool_in(body.get("forceRetryAllJobs") or False, "forceRetryAllJobs")
        await builds.retry(call, number, stage=stage, everything=everything)
    else:
        raise Problem(400, "InvalidRequestException", "A stage is run by its own conditions.")
    return nothing()


ROUTES = [update_stage]

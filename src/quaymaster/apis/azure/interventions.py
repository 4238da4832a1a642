"""Manual interventions of a release, and gates that are ignored (CONTRACT B 15, 29-31)."""

from collections.abc import Iterator

from litestar import Response, get, patch
from litestar.params import FromPath

from quaymaster.actions.deployments import interventions
from quaymaster.actions.deployments.gates import gates
from quaymaster.actions.releases import reading
from quaymaster.actions.releases.reading import ReleaseFound
from quaymaster.apis.azure.asked import AzureRequest, array_in, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present import waiting as present
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.apis.azure.releases import release_number
from quaymaster.apis.azure.values import number_in
from quaymaster.apis.azure.words import INTERVENTION_STATUS
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.errors import NotFound
from quaymaster.domain.release import GateRun, Intervention, InterventionId
from quaymaster.store.releases.views import StageView

ALL = "/release/releases/{release_id:str}/manualinterventions"
ONE = ALL + "/{intervention_id:str}"


@get(ALL, opt=needs(Scope.RELEASE))
async def list_interventions(request: AzureRequest, release_id: FromPath[str]) -> Response[bytes]:
    """Every manual intervention of the release, in the order of its environments."""
    found = await reading.release(request.call, release_number(release_id))
    shown = Shown(request.links, found.people)
    values = [present.intervention(shown, found.view, stage, one) for stage, one in _all(found)]
    return request.collection("manualIntervention", values)


@get(ONE, opt=needs(Scope.RELEASE))
async def get_intervention(
    request: AzureRequest, release_id: FromPath[str], intervention_id: FromPath[str]
) -> Response[bytes]:
    """One manual intervention."""
    return await _shown(request, release_number(release_id), _number(intervention_id))


@patch(ONE, opt=needs(Scope.RELEASE_EXECUTE))
async def update_intervention(
    request: AzureRequest, release_id: FromPath[str], intervention_id: FromPath[str]
) -> Response[bytes]:
    """`approved` lets the deployment go on, `rejected` fails it."""
    call = request.in_project()
    release, number = release_number(release_id), _number(intervention_id)
    body = await request.properties("manualInterventionUpdateMetadata", ("status", "comment"))
    status = INTERVENTION_STATUS.read(body.get("status") or "", "status")
    if status not in ("approved", "rejected"):
        raise Problem(
            400,
            "InvalidRequestException",
            f"A manual intervention cannot be set to '{status}'. Use approved or rejected.",
        )
    comment = text_in(body.get("comment"), "comment")
    await interventions.answer(call, release, number, comment, resumes=status == "approved")
    return await _shown(request, release, number)


@patch("/release/gates/{gate_step_id:str}", opt=needs(Scope.RELEASE_EXECUTE))
async def update_gates(request: AzureRequest, gate_step_id: FromPath[str]) -> Response[bytes]:
    """Ignore the gates that `gatesToIgnore` names."""
    call = request.in_project()
    number = number_in(gate_step_id, "gateStepId", lowest=1)
    body = await request.properties("gateUpdateMetadata", ("gatesToIgnore", "comment"))
    given = array_in(body.get("gatesToIgnore"), "gatesToIgnore")
    names = [text_in(name, "gatesToIgnore") for name in given]
    comment = text_in(body.get("comment"), "comment")
    release = await gates.ignore(call, number, names, comment)
    found = await reading.release(call, release)
    return request.answer("releaseGates", present.gates(_run(found, number)))


async def _shown(request: AzureRequest, release: int, number: InterventionId) -> Response[bytes]:
    found = await reading.release(request.call, release)
    for stage, one in _all(found):
        if one.id == number:
            shown = Shown(request.links, await _people(request, found, one))
            body = present.intervention(shown, found.view, stage, one)
            return request.answer("manualIntervention", body)
    raise NotFound("intervention", number)


async def _people(request: AzureRequest, found: ReleaseFound, one: Intervention) -> reading.People:
    return {**found.people, **await reading.mentioned(request.call, [one.answered_by])}


def _all(found: ReleaseFound) -> Iterator[tuple[StageView, Intervention]]:
    for stage in found.view.stages:
        for attempt in stage.attempts:
            for one in attempt.interventions:
                yield stage, one


def _run(found: ReleaseFound, number: int) -> GateRun:
    runs = (
        run
        for stage in found.view.stages
        for attempt in stage.attempts
        for run in attempt.gates
        if run.id == number
    )
    run = next(runs, None)
    if run is None:
        raise NotFound("gates", number)
    return run


def _number(text: str) -> InterventionId:
    return InterventionId(number_in(text, "manualInterventionId", lowest=1))


ROUTES = [list_interventions, get_intervention, update_intervention, update_gates]

"""Approvals: the list, single ones, and answering them (CONTRACT B 1, 2, B.4)."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, patch
from litestar.params import FromPath

from quaymaster.actions.deployments import approvals
from quaymaster.actions.deployments.approvals import Answer, Verdict
from quaymaster.actions.releases import reading
from quaymaster.apis.azure import errors, paging
from quaymaster.apis.azure.asked import AzureRequest, array_in, identity_in, object_in, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present import approval as present
from quaymaster.apis.azure.present.shown import Shown
from quaymaster.apis.azure.values import bool_in, date_in, number_in, numbers_in
from quaymaster.apis.azure.words import APPROVAL_STATUS, APPROVAL_TYPE, QUERY_ORDER
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.errors import DomainError
from quaymaster.domain.release import ApprovalId, Side
from quaymaster.domain.statuses import ApprovalStatus
from quaymaster.store.deployments.approvals import ApprovalFilter
from quaymaster.store.postgres.paging import Paging

USUAL, MOST = 50, 1000
MOST_AT_ONCE = 1000
LAST_ASCENDING = (3, 0)  # later versions list the newest first (LEGACY 6.6)
KNOWN = ("id", "status", "comments", "approver", "revision", "scheduledDeploymentTime")


@get("/release/approvals", opt=needs(Scope.RELEASE))
async def list_approvals(request: AzureRequest) -> Response[bytes]:
    """Approvals that wait, newest first, unless the filters say otherwise (SEMANTICS 9.15)."""
    query = request.parameters
    wanted = ApprovalFilter(
        projects=(),
        statuses=_statuses(query.text("statusFilter") or "pending"),
        sides=_sides(query.text("typeFilter")),
        release_ids=tuple(numbers_in(query.all("releaseIdsFilter"), "releaseIdsFilter")),
    )
    usual = "ascending" if request.asked.version.number <= LAST_ASCENDING else "descending"
    order = QUERY_ORDER.read(query.text("queryOrder") or usual, "queryOrder")
    limit = paging.top(query, usual=USUAL, most=MOST)
    page, people = await reading.approvals(
        request.call,
        wanted,
        Paging(limit, paging.id_token(query) or None, order == "ascending"),
        assigned_to=query.text("assignedToFilter"),
        with_groups=bool_in(
            query.text("includeMyGroupApprovals") or "false", "includeMyGroupApprovals"
        ),
    )
    shown = Shown(request.links, people)
    values = [present.line(shown, line) for line in page.rows]
    return request.collection("approval", values, page.next)


@get("/release/approvals/{approval_id:str}", opt=needs(Scope.RELEASE))
async def get_approval(request: AzureRequest, approval_id: FromPath[str]) -> Response[bytes]:
    """One approval; `includeHistory` adds its earlier holders."""
    with_history = bool_in(request.parameters.text("includeHistory") or "false", "includeHistory")
    return await _shown(request, _id(approval_id), history=with_history)


@get("/release/approvals/{approval_id:str}/history", opt=needs(Scope.RELEASE))
async def get_history(request: AzureRequest, approval_id: FromPath[str]) -> Response[bytes]:
    """One approval with its earlier holders."""
    return await _shown(request, _id(approval_id), history=True)


@patch("/release/approvals/{approval_id:str}", opt=needs(Scope.RELEASE_EXECUTE))
async def update_approval(request: AzureRequest, approval_id: FromPath[str]) -> Response[bytes]:
    """Approve, reject or reassign; `pending` leaves a pending one as it is."""
    number = _id(approval_id)
    body = await request.properties("approval", KNOWN)
    request.in_project()
    given = _answer(number, body)
    if given is None:
        return await _shown(request, number)
    await approvals.answer(request.call, given)
    return await _shown(request, number, history=given.verdict is Verdict.REASSIGNED)


@patch("/release/approvals", opt=needs(Scope.RELEASE_EXECUTE))
async def update_approvals(request: AzureRequest) -> Response[bytes]:
    """Answer several at once, each on its own; those that failed say why (SEMANTICS 9.14)."""
    call = request.in_project()
    given = array_in(await request.document("approval"), "The body")
    if len(given) > MOST_AT_ONCE:
        raise Problem(
            400,
            "VssPropertyValidationException",
            f"At most {MOST_AT_ONCE} approvals can be answered at once; there are {len(given)}.",
        )
    results = []
    for entry in given:
        body = json_reading.cased(dict(object_in(entry, "Each approval")), KNOWN)
        number = _id(str(body.get("id") or ""))
        try:
            if answer := _answer(number, body):
                await approvals.answer(call, answer)
            line, people = await reading.approval(call, number)
            results.append(present.line(Shown(request.links, people), line))
        except (DomainError, Problem) as error:
            results.append(_failed(number, error))
    return request.collection("approval", results)


def _failed(number: ApprovalId, error: DomainError | Problem) -> dict[str, Any]:
    problem = error if isinstance(error, Problem) else errors.problem_of(error)
    return {
        "id": number,
        "error": {
            "statusCode": problem.status,
            "typeKey": problem.type_key,
            "message": problem.message,
        },
    }


async def _shown(
    request: AzureRequest, number: ApprovalId, *, history: bool = False
) -> Response[bytes]:
    line, people = await reading.approval(request.call, number)
    body = present.line(Shown(request.links, people), line, history=history)
    return request.answer("approval", body)


def _id(text: str) -> ApprovalId:
    return ApprovalId(number_in(text, "approvalId", lowest=1))


def _statuses(text: str) -> tuple[ApprovalStatus, ...]:
    """The domain's statuses behind a filter; `undefined` and 0 ask for all of them."""
    if APPROVAL_STATUS.read(text, "statusFilter") == "undefined":
        return tuple(ApprovalStatus)
    bits = APPROVAL_STATUS.bits([text], "statusFilter")
    known = {status.value for status in ApprovalStatus}
    found = [name for name, bit in APPROVAL_STATUS.numbers.items() if bit == bits]
    return tuple(ApprovalStatus(name) for name in found if name in known)


def _sides(text: str) -> tuple[Side, ...]:
    named = APPROVAL_TYPE.read(text, "typeFilter") if text else "all"
    return tuple(side for side in Side if named in ("all", "undefined", side.value))


def _answer(number: ApprovalId, body: Mapping[str, Any]) -> Answer | None:
    """What the body asks for; None for `pending`, which changes nothing."""
    status = APPROVAL_STATUS.read(body.get("status") or "", "status")
    if status == "pending":
        return None
    if status not in set(Verdict):
        raise Problem(
            400,
            "InvalidRequestException",
            f"An approval cannot be set to '{status}'. Use approved, rejected or reassigned.",
        )
    revision = body.get("revision")
    return Answer(
        approval=number,
        verdict=Verdict(status),
        comment=text_in(body.get("comments"), "comments"),
        approver=identity_in(body.get("approver"), "approver"),
        revision=number_in(revision, "revision") if revision else 0,
        defer_until=date_in(body.get("scheduledDeploymentTime"), "scheduledDeploymentTime"),
    )


ROUTES = [list_approvals, get_approval, get_history, update_approval, update_approvals]

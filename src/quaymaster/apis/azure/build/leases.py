"""Retention leases, and what keeps builds (CONTRACT B.1, SEMANTICS 23.7)."""

import re
from datetime import timedelta
from typing import Any

from litestar import Response, delete, get, patch, post
from litestar.params import FromPath

from quaymaster.actions.builds.results import leases
from quaymaster.actions.builds.results.leases import NewLease
from quaymaster.apis.azure.asked import AzureRequest, array_in, nothing, object_in, text_in
from quaymaster.apis.azure.build.builds import ONE, build_number
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import (
    bool_in,
    date_out,
    guid_in,
    invalid,
    number_in,
    numbers_in,
)
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.builds.retention import Lease, LeaseFilter

ALL = "/build/retention/leases"
ONE_LEASE = ALL + "/{lease_id:str}"
KNOWN = ("daysValid", "definitionId", "ownerId", "protectPipeline", "runId")
MOST_DAYS = 36_500
MOST_FETCHED = 100
_BETWEEN = re.compile(r"(?<=\})\s*\|\s*(?=\{)")


@get(ALL, opt=needs(Scope.BUILD))
async def list_leases(request: AzureRequest) -> Response[bytes]:
    """Leases by ids, owner, definition and run, or all that are like one of `leasesToFetch`."""
    query = request.parameters
    if fetched := query.text("leasesToFetch"):
        found = await leases.listed(request.call, wanted=_fetched(fetched))
    else:
        user = query.text("userOwnerId")
        wanted = LeaseFilter(
            owner=f"User:{guid_in(user, 'userOwnerId')}" if user else query.text("ownerId"),
            definition_id=_number(query.text("definitionId"), "definitionId"),
            build_id=_number(query.text("runId"), "runId"),
        )
        ids = numbers_in(query.all("ids"), "ids") if query.text("ids") else None
        found = await leases.listed(request.call, ids=ids, wanted=[wanted])
    return request.collection("retentionLease", [_lease(one) for one in found])


def _fetched(text: str) -> list[LeaseFilter]:
    """MinimalRetentionLeases in JSON, with `|` between them. Raises Problem, BadRequest."""
    parts = _BETWEEN.split(text)
    if len(parts) > MOST_FETCHED:
        raise invalid("leasesToFetch", text, f"it must be of {MOST_FETCHED} leases at most")
    found = [object_in(json_reading.decode(one.encode()), "leasesToFetch") for one in parts]
    return [_like(json_reading.cased(one, KNOWN)) for one in found]


def _like(body: dict[str, Any]) -> LeaseFilter:
    definition, run = body.get("definitionId"), body.get("runId")
    found = LeaseFilter(
        owner=text_in(body.get("ownerId"), "ownerId", longest=256),
        definition_id=number_in(definition, "definitionId") if definition else None,
        build_id=number_in(run, "runId") if run else None,
    )
    if found == LeaseFilter():
        raise invalid("leasesToFetch", body, "each must have an ownerId, definitionId or runId")
    return found


def _number(text: str, name: str) -> int | None:
    return number_in(text, name, lowest=1) if text else None


@get(ONE_LEASE, opt=needs(Scope.BUILD))
async def get_lease(request: AzureRequest, lease_id: FromPath[str]) -> Response[bytes]:
    """One lease."""
    number = number_in(lease_id, "leaseId", lowest=1)
    return request.answer("retentionLease", _lease(await leases.get(request.call, number)))


@get(f"{ONE}/leases", opt=needs(Scope.BUILD))
async def list_build_leases(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """The leases that keep one build."""
    found = await leases.of_build(request.call, build_number(build_id))
    return request.collection("retentionLease", [_lease(one) for one in found])


@post(ALL, opt=needs(Scope.BUILD_EXECUTE), status_code=200)
async def add_leases(request: AzureRequest) -> Response[bytes]:
    """Keep each build of the body's list, all of them or none."""
    call = request.in_project()
    entries = array_in(await request.document("leases"), "body")
    wanted = [_new(json_reading.cased(object_in(one, "lease"), KNOWN)) for one in entries]
    made = await leases.add(call, wanted)
    return request.collection("retentionLease", [_lease(one) for one in made])


def _new(body: dict[str, Any]) -> NewLease:
    owner = text_in(body.get("ownerId"), "ownerId", longest=256)
    if not owner.strip():
        raise Problem(400, "ArgumentNullException", "Value cannot be null. Parameter name: ownerId")
    return NewLease(
        build_id=number_in(body.get("runId"), "runId", lowest=1),
        definition_id=number_in(body.get("definitionId"), "definitionId", lowest=1),
        owner=owner,
        length=_days(body.get("daysValid")),
        protects_pipeline=bool_in(body.get("protectPipeline") or False, "protectPipeline"),
    )


def _days(value: Any) -> timedelta:
    return timedelta(days=number_in(value, "daysValid", lowest=1, highest=MOST_DAYS))


@patch(ONE_LEASE, opt=needs(Scope.BUILD_EXECUTE))
async def update_lease(request: AzureRequest, lease_id: FromPath[str]) -> Response[bytes]:
    """Change how long a lease holds from now on, or what it protects."""
    call, number = request.in_project(), number_in(lease_id, "leaseId", lowest=1)
    body = await request.properties("lease", KNOWN)
    given, protects = body.get("daysValid"), body.get("protectPipeline")
    changed = await leases.change(
        call,
        number,
        None if given is None else _days(given),
        None if protects is None else bool_in(protects, "protectPipeline"),
    )
    return request.answer("retentionLease", _lease(changed))


@delete(ALL, opt=needs(Scope.BUILD_EXECUTE), status_code=204)
async def delete_leases(request: AzureRequest) -> Response[None]:
    """Take the leases of `ids` away."""
    ids = numbers_in(request.parameters.all("ids"), "ids")
    await leases.remove(request.in_project(), ids)
    return nothing()


def _lease(found: Lease) -> dict[str, Any]:
    return {
        "leaseId": found.id,
        "ownerId": found.owner,
        "runId": found.build_id,
        "definitionId": found.definition_id,
        "createdOn": date_out(found.created_at),
        "validUntil": date_out(found.valid_until),
        "protectPipeline": found.protects_pipeline,
    }


ROUTES = [
    list_leases,
    get_lease,
    list_build_leases,
    add_leases,
    update_lease,
    delete_leases,
]

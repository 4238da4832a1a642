"""Workflows tell how they stand: the documented call-backs, and one for everybody else (AVIATOR 1).

What the two documented ones and Buildkite's webhook tell is which run it is; how that stands is
asked of the service. Whoever holds the token of a run tells it itself.
"""

import hashlib
import hmac
import time
from typing import Any

from litestar import Response, post
from litestar.params import FromPath

from quaymaster.actions.deployments.workflows import call_backs
from quaymaster.actions.deployments.workflows.call_backs import Told
from quaymaster.apis.aviator import present
from quaymaster.apis.aviator.asked import AviatorRequest, text_in
from quaymaster.apis.aviator.errors import Problem, unauthorized
from quaymaster.apis.aviator.policy import needs
from quaymaster.apis.aviator.words import REPORTED
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.errors import NotFound
from quaymaster.domain.numbers import digits

SYNC_BUILD = "/api/v1/sync-build-github-action"
SYNC_DEPLOY = "/api/v1/sync-deploy-github-action"
RUN = "/api/v1/workflow-runs/{number:str}"
BUILDKITE = "/api/buildkite/webhook"
BUILDKITE_EVENTS = ("build.scheduled", "build.running", "build.failing", "build.finished")
CLOCKS_DIFFER_SECONDS = 300


@post(SYNC_BUILD, opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def sync_build(request: AviatorRequest) -> Response[bytes]:
    """A workflow says that it builds this candidate, and under which number it runs."""
    body = await request.fields()
    number, run_id = _number(body.get("release_cut_id"), "release_cut_id"), _run_id(body)
    found = await call_backs.build_runs_as(request.call, number, run_id)
    return request.answer(present.workflow(found))


@post(SYNC_DEPLOY, opt=needs(Scope.RELEASE_EXECUTE), status_code=200)
async def sync_deploy(request: AviatorRequest) -> Response[bytes]:
    """The same of a deployment."""
    body = await request.fields()
    number, run_id = _number(body.get("deployment_id"), "deployment_id"), _run_id(body)
    found = await call_backs.deployment_runs_as(request.call, number, run_id)
    return request.answer(present.workflow(found))


@post(RUN, opt=needs(Scope.PUBLIC), status_code=200)
async def report_run(request: AviatorRequest, number: FromPath[str]) -> Response[bytes]:
    """Whoever was asked for a run tells how it stands, with the token that came with the order."""
    body = await request.fields()
    token = _bearer(request)
    if not token:
        raise unauthorized()
    status = REPORTED.get(text_in(body, "status"))
    if status is None:
        raise Problem(400, "Invalid status")
    told = Told(
        status,
        text_in(body, "error_message"),
        _address(body, "run_url"),
        _address(body, "logs_url"),
        text_in(body, "run_id")[:200],
    )
    try:
        found = await call_backs.told(
            request.asked.installation, _number(number, "id"), token, told
        )
    except NotFound as unknown:
        raise unauthorized() from unknown
    return request.answer(present.workflow(found))


@post(BUILDKITE, opt=needs(Scope.PUBLIC), status_code=200)
async def buildkite_told(request: AviatorRequest) -> Response[bytes]:
    """Buildkite tells that a build has moved on: it is looked at right away.

    The token of the webhook stands in the service connection of the method (`webhookToken`).
    """
    raw = await request.body()
    body: Any = json_reading.strict(raw)
    build = body.get("build") if isinstance(body, dict) else None
    if not isinstance(build, dict):
        raise Problem(400, "Invalid JSON")
    if body.get("event") not in BUILDKITE_EVENTS:
        return request.answer({"status": "ignored"})
    run_id, url = str(build.get("number", ""))[:30], str(build.get("url", ""))[:2000]

    def is_right(token: str) -> bool:
        return _is_from_buildkite(request, raw, token)

    found = await call_backs.look_at_build(request.asked.installation, run_id, url, is_right)
    if found is None:
        raise unauthorized()
    return request.answer({"status": "processing" if found else "ignored"})


def _is_from_buildkite(request: AviatorRequest, raw: bytes, token: str) -> bool:
    """Whether the token came with it, or a signature that was made with it not long ago."""
    plain = request.headers.get("x-buildkite-token", "")
    if plain:
        return hmac.compare_digest(plain.encode(), token.encode())
    parts = dict(
        part.split("=", 1)
        for part in request.headers.get("x-buildkite-signature", "").split(",")
        if "=" in part
    )
    at = parts.get("timestamp", "").strip()
    moment = digits(at)
    if moment is None or abs(time.time() - moment) > CLOCKS_DIFFER_SECONDS:
        return False
    signed = hmac.new(token.encode(), f"{at}.".encode() + raw, hashlib.sha256).hexdigest()
    return hmac.compare_digest(signed.encode(), parts.get("signature", "").strip().encode())


def _number(value: object, field: str) -> int:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    number = digits(text)
    if number is None:
        raise Problem(400, f"Invalid {field}")
    return number


def _run_id(body: Any) -> str:
    return str(_number(body.get("workflow_run_id"), "workflow_run_id"))


def _address(body: Any, field: str) -> str:
    text = text_in(body, field)
    if text and (not text.startswith(("https://", "http://")) or len(text) > 2000):
        raise Problem(400, f"Invalid {field}")
    return text


def _bearer(request: AviatorRequest) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.casefold() == "bearer" else ""


ROUTES = [
    sync_build,
    sync_deploy,
    report_run,
    buildkite_told,
]

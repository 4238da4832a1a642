"""Subscriptions as bodies say them, and as they are shown."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar
from uuid import UUID

from quaymaster.actions.announcements.subscriptions import SubscriptionRequest
from quaymaster.actions.builds import reading
from quaymaster.actions.call import Project
from quaymaster.actions.people import projects
from quaymaster.apis.azure.asked import AzureRequest, object_in, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.present.shown import Shown, actor
from quaymaster.apis.azure.service_hooks import words
from quaymaster.apis.azure.values import date_out, number_in
from quaymaster.domain.announcements import Happening
from quaymaster.domain.errors import NotFound
from quaymaster.domain.overrides import MASK
from quaymaster.store.announcements.subscriptions import KeptSubscription, Subscription, Wanted

T = TypeVar("T")
KNOWN = (
    "id",
    "publisherId",
    "eventType",
    "resourceVersion",
    "consumerId",
    "consumerActionId",
    "publisherInputs",
    "consumerInputs",
    "status",
)
ENABLED = ("enabled", "")
DISABLED = ("disabledbyuser", "disabled")
PROJECT = "projectId"
# Headers that say how a request is written, or whose it is.
OF_THE_REQUEST = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade"}
    | {"expect", "keep-alive", "proxy-connection", "content-encoding"}
    | {"x-quaymaster-delivery", "x-quaymaster-signature-256"}
)
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
ON_PROBATION = "onProbation"
_UNOPENED = ": its secrets cannot be opened; give them again, or add the key that sealed them"
VERSION = "resourceVersion"


async def request_in(request: AzureRequest) -> SubscriptionRequest:
    """What the body of a POST or PUT asks for. Raises Problem, NotFound for the project."""
    body = await request.properties("subscription", KNOWN)
    _check_fixed(body, "consumerId", words.CONSUMER)
    _check_fixed(body, "consumerActionId", words.ACTION)
    inputs = _texts(body, "publisherInputs")
    outputs = _texts(body, "consumerInputs")
    project = await _project(request, inputs.get(PROJECT, ""))
    wanted = _wanted(text_in(body.get("eventType"), "eventType"), inputs)
    [happening] = wanted.happenings
    publisher = words.publisher_of(happening)
    _check_fixed(body, "publisherId", publisher)
    if happening is Happening.BUILD_COMPLETED and inputs.get(words.PIPELINE):
        wanted = replace(wanted, definition=await _pipeline(request, project, inputs))
    version = text_in(body.get("resourceVersion"), "resourceVersion")
    return SubscriptionRequest(
        project=UUID(project.id) if project else request.call.project_id,
        wanted=wanted,
        url=outputs.get(words.URL, ""),
        settings={**_settings(inputs, outputs), **_version(version, publisher)},
        secrets={name: outputs.get(name, "") for name in words.SECRET_INPUTS},
        is_enabled=_is_enabled(text_in(body.get("status"), "status")),
    )


def shown(people: Shown, kept: KeptSubscription) -> dict[str, Any]:
    """A subscription; what is secret is masked."""
    found = kept.subscription
    [happening] = found.wanted.happenings
    publisher = words.publisher_of(happening)
    secrets = {name: MASK for name in words.SECRET_INPUTS if found.secrets.get(name)}
    plain = {name: found.settings[name] for name in words.PLAIN_INPUTS if found.settings.get(name)}
    url = f"{people.links.base}/_apis/hooks/subscriptions/{found.id}"
    return {
        "id": str(found.id),
        "url": url,
        "status": _status(found),
        "publisherId": publisher,
        "eventType": words.EVENT_TYPES[happening],
        "eventDescription": words.NAMES[happening],
        "subscriber": None,
        "resourceVersion": found.settings.get(VERSION) or words.RESOURCE_VERSIONS[publisher][0],
        "consumerId": words.CONSUMER,
        "consumerActionId": words.ACTION,
        "actionDescription": f"To host {_host(found.url)}{_UNOPENED if found.unopened else ''}",
        "probationRetries": 0,
        "createdBy": actor(people, kept.created_by),
        "createdDate": date_out(kept.created_at),
        "modifiedBy": actor(people, kept.modified_by),
        "modifiedDate": date_out(kept.modified_at),
        "lastProbationRetryDate": None,
        "publisherInputs": {
            **{name: found.settings[name] for name in _filters() if found.settings.get(name)},
            PROJECT: str(found.project or ""),
        },
        "consumerInputs": {words.URL: found.url, **plain, **secrets},
        "_links": {"self": {"href": url}},
    }


def _status(found: Subscription) -> str:
    """On probation is one that nothing can be sent to until what signs in can be opened again."""
    if not found.is_enabled:
        return "disabledByUser"
    return ON_PROBATION if found.unopened else "enabled"


def _filters() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in words.FILTERS.values() for name in names))


def _check_fixed(body: dict[str, Any], name: str, expected: str) -> None:
    said = text_in(body.get(name), name)
    if said and said != expected:
        raise _wrong(f"{name} must be {expected}: this server has no other, not {said[:50]!r}.")


def _texts(body: dict[str, Any], name: str) -> dict[str, str]:
    return {
        key: text_in(value, f"{name}.{key}", longest=16_384)
        for key, value in object_in(body.get(name), name).items()
    }


def _version(said: str, publisher: str) -> dict[str, str]:
    """In which of several forms the resource is told, where another than the usual is wanted."""
    usual, *others = words.RESOURCE_VERSIONS[publisher]
    return {VERSION: said} if said in others and said != usual else {}


async def _pipeline(request: AzureRequest, project: Project | None, inputs: dict[str, str]) -> int:
    """The id of the build pipeline that a filter names. Raises NotFound, Problem."""
    place = replace(request.call, project=project or request.call.project)
    if place.project is None:
        raise _wrong(f"{words.PIPELINE} is a pipeline of a project: name that in {PROJECT}.")
    return await reading.pipeline_named(place, inputs[words.PIPELINE])


async def _project(request: AzureRequest, project: str) -> Project | None:
    if not project:
        return None
    found = await projects.find(
        request.call.database, request.caller, request.asked.organization, project
    )
    if found is None:
        raise NotFound("project", project)
    return found


def _wanted(event: str, inputs: dict[str, str]) -> Wanted:
    happening = words.HAPPENINGS.get(event)
    if happening is None:
        known = ", ".join(words.HAPPENINGS)
        raise _wrong(f"eventType {event[:80]!r} is none of the events there are: {known}.")
    answers = _chosen(inputs, words.ANSWER, words.ANSWERS)
    results = _chosen(inputs, words.RESULT, words.RESULTS)
    built = _chosen(inputs, words.BUILD_RESULT, words.BUILD_RESULTS)
    return Wanted(
        happenings=(happening,),
        definition=_number(inputs, words.DEFINITION),
        definition_stage=_number(inputs, words.STAGE),
        side=_chosen(inputs, words.SIDE, words.SIDES),
        statuses=tuple(one for one in (answers, results, built) if one),
    )


def _number(inputs: dict[str, str], name: str) -> int | None:
    return number_in(inputs[name], name, lowest=1) if inputs.get(name) else None


def _chosen(inputs: dict[str, str], name: str, values: Mapping[str, T]) -> T | None:
    said = inputs.get(name, "")
    if not said:
        return None
    if said not in values:
        raise _wrong(f"{name} must be one of {', '.join(values)}, or nothing for all of them.")
    return values[said]


def _settings(inputs: dict[str, str], outputs: dict[str, str]) -> dict[str, str]:
    for name, allowed in (
        ("resourceDetailsToSend", words.DETAILS_TO_SEND),
        ("messagesToSend", words.MESSAGES_TO_SEND),
        ("detailedMessagesToSend", words.MESSAGES_TO_SEND),
    ):
        said = outputs.get(name, "").lower()
        if said and said not in allowed:
            raise _wrong(f"consumerInputs.{name} must be one of {', '.join(allowed)}.")
        if said:
            outputs[name] = said
    for line in outputs.get("httpHeaders", "").splitlines():
        if line.strip() not in ("", MASK):
            _check_header(line)
    kept = {name: outputs[name] for name in words.PLAIN_INPUTS if outputs.get(name)}
    return kept | {name: inputs[name] for name in _filters() if inputs.get(name)}


def _check_header(line: str) -> None:
    """Raise Problem for what is no header, and for one that says how a request is written."""
    name, colon, _ = line.partition(":")
    if not colon or not _HEADER_NAME.fullmatch(name.strip()):
        raise _wrong("consumerInputs.httpHeaders has one 'Name: value' a line, in ASCII.")
    if not line.isprintable() or not line.isascii():
        raise _wrong("consumerInputs.httpHeaders has one 'Name: value' a line, in ASCII.")
    if name.strip().casefold() in OF_THE_REQUEST:
        raise _wrong(f"consumerInputs.httpHeaders cannot set {name.strip()}: it is always ours.")


def _is_enabled(status: str) -> bool:
    if status.lower() in (*ENABLED, ON_PROBATION.lower()):
        return True
    if status.lower() in DISABLED:
        return False
    raise _wrong("status must be enabled or disabledByUser.")


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2]


def _wrong(message: str) -> Problem:
    return Problem(400, "SubscriptionInputException", message)

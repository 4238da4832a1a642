"""What service hooks offer: publishers with events and their filters, the web hook consumer.

`hooks` is the address below which all of it stands: each descriptor tells its own.
"""

from typing import Any

from quaymaster.apis.azure.service_hooks import words
from quaymaster.domain.announcements import Happening

PUBLISHED = {words.RELEASES: "release management", words.BUILDS: "build"}
ANY = {"value": "", "displayValue": "[Any]"}
# What each input is for, and the values that it may have, with what they mean.
MEANING = {
    "projectId": "The project whose events are told; nothing for all of them",
    words.DEFINITION: "Only events of this release pipeline, by its id",
    words.STAGE: "Only events of this stage of a pipeline, by its id",
    words.SIDE: "Only approvals before or after the deployment",
    words.ANSWER: "Only approvals that were answered like this",
    words.RESULT: "Only deployments that ended like this",
    words.PIPELINE: "Only builds of the pipeline of this name",
    words.BUILD_RESULT: "Only builds that ended like this",
    words.URL: "Where the event is posted",
    "basicAuthUsername": "User name for basic sign-in",
    "basicAuthPassword": "Password for basic sign-in",
    "httpHeaders": "Further headers, one 'Name: value' a line",
    "secret": "Signs what is sent (X-Quaymaster-Signature-256)",
    "resourceDetailsToSend": "How much of the resource is sent",
    "messagesToSend": "In which forms the message is sent",
    "detailedMessagesToSend": "In which forms the detailed message is sent",
    "acceptUntrustedCerts": "Kept as it is said; certificates are always checked",
}
POSSIBLE: dict[str, dict[str, str]] = {
    words.SIDE: {number: f"{side.value}" for number, side in words.SIDES.items()},
    words.ANSWER: words.ANSWERS,
    words.RESULT: words.RESULTS,
    words.BUILD_RESULT: {name: name for name in words.BUILD_RESULTS},
    "resourceDetailsToSend": {name: name for name in words.DETAILS_TO_SEND},
    "messagesToSend": {name: name for name in words.MESSAGES_TO_SEND},
    "detailedMessagesToSend": {name: name for name in words.MESSAGES_TO_SEND},
}


def event_type(happening: Happening, hooks: str) -> dict[str, Any]:
    """One EventTypeDescriptor."""
    number, publisher_id = words.EVENT_TYPES[happening], words.publisher_of(happening)
    return {
        "id": number,
        "url": f"{hooks}/publishers/{publisher_id}/eventTypes/{number}",
        "name": words.NAMES[happening],
        "description": f"{words.NAMES[happening]}.",
        "publisherId": publisher_id,
        "supportedResourceVersions": list(words.RESOURCE_VERSIONS[publisher_id]),
        "inputDescriptors": [_input(name) for name in words.FILTERS[happening]],
    }


def publisher(number: str, hooks: str) -> dict[str, Any]:
    """One of the two publishers there are: release management and builds."""
    told = [one for one in words.EVENT_TYPES if words.publisher_of(one) == number]
    return {
        "id": number,
        "url": f"{hooks}/publishers/{number}",
        "name": "Release" if number == words.RELEASES else "Builds",
        "description": f"Publishes {PUBLISHED[number]} events",
        "supportedEvents": [event_type(one, hooks) for one in told],
        "inputDescriptors": [_input("projectId")],
    }


def action(hooks: str) -> dict[str, Any]:
    """POST via HTTP."""
    return {
        "consumerId": words.CONSUMER,
        "id": words.ACTION,
        "url": f"{hooks}/consumers/{words.CONSUMER}/actions/{words.ACTION}",
        "name": "Post via HTTP",
        "description": "Posts a JSON object representation of the event to the specified URL.",
        "allowResourceVersionOverride": True,
        "supportedEventTypes": ["*"],
        "supportedResourceVersions": {},
        "inputDescriptors": [
            *(
                _input(name, required=name == words.URL)
                for name in (words.URL, *words.PLAIN_INPUTS)
            ),
            *(_input(name, secret=True) for name in words.SECRET_INPUTS),
        ],
    }


def consumer(hooks: str) -> dict[str, Any]:
    """The one consumer there is: a web hook."""
    return {
        "id": words.CONSUMER,
        "url": f"{hooks}/consumers/{words.CONSUMER}",
        "name": "Web Hooks",
        "description": "Provides event communication via HTTP.",
        "informationUrl": "",
        "authenticationType": "none",
        "actions": [action(hooks)],
        "inputDescriptors": [],
    }


def _input(name: str, *, required: bool = False, secret: bool = False) -> dict[str, Any]:
    values = POSSIBLE.get(name)
    return {
        "id": name,
        "name": name,
        "description": MEANING[name],
        "isConfidential": secret,
        "useInDefaultDescription": name == words.URL,
        "hasDynamicValueInformation": False,
        "inputMode": "passwordBox" if secret else "combo" if values else "textBox",
        "validation": {"dataType": "string", "isRequired": required},
        "values": _possible(values) if values else None,
    }


def _possible(values: dict[str, str]) -> dict[str, Any]:
    known = [{"value": value, "displayValue": shown} for value, shown in values.items()]
    return {"defaultValue": "", "possibleValues": [ANY, *known], "isLimitedToPossibleValues": True}

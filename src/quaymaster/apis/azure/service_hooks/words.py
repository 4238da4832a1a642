"""The words of service hooks: publishers, events, their filters and the web hook consumer."""

from typing import Any

from quaymaster.domain.announcements import Happening
from quaymaster.domain.release import Side

PUBLISHER = "rm"
CONSUMER = "webHooks"
ACTION = "httpRequest"
RESOURCE_VERSION = "3.0-preview.1"
DIALECT = "azure"

EVENT_TYPES = {
    Happening.RELEASE_CREATED: "ms.vss-release.release-created-event",
    Happening.RELEASE_ABANDONED: "ms.vss-release.release-abandoned-event",
    Happening.APPROVAL_PENDING: "ms.vss-release.deployment-approval-pending-event",
    Happening.APPROVAL_COMPLETED: "ms.vss-release.deployment-approval-completed-event",
    Happening.DEPLOYMENT_STARTED: "ms.vss-release.deployment-started-event",
    Happening.DEPLOYMENT_COMPLETED: "ms.vss-release.deployment-completed-event",
}
HAPPENINGS = {event: happening for happening, event in EVENT_TYPES.items()}
NAMES = {
    Happening.RELEASE_CREATED: "Release created",
    Happening.RELEASE_ABANDONED: "Release abandoned",
    Happening.APPROVAL_PENDING: "Release deployment approval pending",
    Happening.APPROVAL_COMPLETED: "Release deployment approval completed",
    Happening.DEPLOYMENT_STARTED: "Release deployment started",
    Happening.DEPLOYMENT_COMPLETED: "Release deployment completed",
}

# Filters, and their values as published numbers (SEMANTICS 24.2).
DEFINITION, STAGE = "releaseDefinitionId", "releaseEnvironmentId"
SIDE, ANSWER, RESULT = "releaseApprovalType", "releaseApprovalStatus", "releaseEnvironmentStatus"
FILTERS = {
    Happening.RELEASE_CREATED: (DEFINITION,),
    Happening.RELEASE_ABANDONED: (DEFINITION,),
    Happening.APPROVAL_PENDING: (DEFINITION, STAGE, SIDE),
    Happening.APPROVAL_COMPLETED: (DEFINITION, STAGE, SIDE, ANSWER),
    Happening.DEPLOYMENT_STARTED: (DEFINITION, STAGE),
    Happening.DEPLOYMENT_COMPLETED: (DEFINITION, STAGE, RESULT),
}
SIDES = {"1": Side.PRE, "2": Side.POST}
ANSWERS = {"2": "approved", "4": "rejected"}
RESULTS = {"4": "succeeded", "8": "canceled", "16": "rejected", "128": "partiallySucceeded"}

# What a web hook may be told, and which of it is secret.
URL = "url"
PLAIN_INPUTS = (
    "basicAuthUsername",
    "resourceDetailsToSend",
    "messagesToSend",
    "detailedMessagesToSend",
    "acceptUntrustedCerts",
)
SECRET_INPUTS = ("basicAuthPassword", "httpHeaders", "secret")
DETAILS_TO_SEND = ("all", "minimal", "none")
MESSAGES_TO_SEND = ("all", "text", "html", "markdown", "none")


def event_type(happening: Happening) -> dict[str, Any]:
    """One EventTypeDescriptor."""
    return {
        "id": EVENT_TYPES[happening],
        "name": NAMES[happening],
        "description": f"{NAMES[happening]}.",
        "publisherId": PUBLISHER,
        "supportedResourceVersions": [RESOURCE_VERSION],
        "inputDescriptors": [_descriptor(name) for name in FILTERS[happening]],
    }


def publisher() -> dict[str, Any]:
    """The one publisher there is: release management."""
    return {
        "id": PUBLISHER,
        "name": "Release",
        "description": "Publishes release management events",
        "supportedEvents": [event_type(happening) for happening in EVENT_TYPES],
        "inputDescriptors": [_descriptor("projectId")],
    }


def action() -> dict[str, Any]:
    """POST via HTTP."""
    return {
        "consumerId": CONSUMER,
        "id": ACTION,
        "name": "Post via HTTP",
        "description": "Posts a JSON object representation of the event to the specified URL.",
        "allowResourceVersionOverride": True,
        "supportedEventTypes": ["*"],
        "supportedResourceVersions": {},
        "inputDescriptors": [
            *(_descriptor(name, required=name == URL) for name in (URL, *PLAIN_INPUTS)),
            *(_descriptor(name, secret=True) for name in SECRET_INPUTS),
        ],
    }


def consumer() -> dict[str, Any]:
    """The one consumer there is: a web hook."""
    return {
        "id": CONSUMER,
        "name": "Web Hooks",
        "description": "Provides event communication via HTTP.",
        "authenticationType": "none",
        "actions": [action()],
        "inputDescriptors": [],
    }


def _descriptor(name: str, *, required: bool = False, secret: bool = False) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "isConfidential": secret,
        "inputMode": "passwordBox" if secret else "textBox",
        "validation": {"dataType": "string", "isRequired": required},
    }

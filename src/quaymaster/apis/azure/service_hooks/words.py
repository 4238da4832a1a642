"""The words of service hooks: publishers, events, their filters and the web hook consumer."""

from quaymaster.domain.announcements import Happening
from quaymaster.domain.release import Side

RELEASES, BUILDS = "rm", "tfs"
CONSUMER = "webHooks"
ACTION = "httpRequest"
RESOURCE_VERSIONS = {RELEASES: ("3.0-preview.1",), BUILDS: ("2.0", "1.0")}  # the usual one first
DIALECT = "azure"

EVENT_TYPES = {
    Happening.RELEASE_CREATED: "ms.vss-release.release-created-event",
    Happening.RELEASE_ABANDONED: "ms.vss-release.release-abandoned-event",
    Happening.APPROVAL_PENDING: "ms.vss-release.deployment-approval-pending-event",
    Happening.APPROVAL_COMPLETED: "ms.vss-release.deployment-approval-completed-event",
    Happening.DEPLOYMENT_STARTED: "ms.vss-release.deployment-started-event",
    Happening.DEPLOYMENT_COMPLETED: "ms.vss-release.deployment-completed-event",
    Happening.BUILD_COMPLETED: "build.complete",
}
HAPPENINGS = {event: happening for happening, event in EVENT_TYPES.items()}
NAMES = {
    Happening.RELEASE_CREATED: "Release created",
    Happening.RELEASE_ABANDONED: "Release abandoned",
    Happening.APPROVAL_PENDING: "Release deployment approval pending",
    Happening.APPROVAL_COMPLETED: "Release deployment approval completed",
    Happening.DEPLOYMENT_STARTED: "Release deployment started",
    Happening.DEPLOYMENT_COMPLETED: "Release deployment completed",
    Happening.BUILD_COMPLETED: "Build completed",
}

# Filters, and their values as published numbers (SEMANTICS 24.2).
DEFINITION, STAGE = "releaseDefinitionId", "releaseEnvironmentId"
SIDE, ANSWER, RESULT = "releaseApprovalType", "releaseApprovalStatus", "releaseEnvironmentStatus"
PIPELINE, BUILD_RESULT = "definitionName", "buildStatus"
FILTERS = {
    Happening.RELEASE_CREATED: (DEFINITION,),
    Happening.RELEASE_ABANDONED: (DEFINITION,),
    Happening.APPROVAL_PENDING: (DEFINITION, STAGE, SIDE),
    Happening.APPROVAL_COMPLETED: (DEFINITION, STAGE, SIDE, ANSWER),
    Happening.DEPLOYMENT_STARTED: (DEFINITION, STAGE),
    Happening.DEPLOYMENT_COMPLETED: (DEFINITION, STAGE, RESULT),
    Happening.BUILD_COMPLETED: (PIPELINE, BUILD_RESULT),
}
SIDES = {"1": Side.PRE, "2": Side.POST}
ANSWERS = {"2": "approved", "4": "rejected"}
RESULTS = {"4": "succeeded", "8": "canceled", "16": "rejected", "128": "partiallySucceeded"}
BUILD_RESULTS = {
    "Succeeded": "succeeded",
    "PartiallySucceeded": "partiallySucceeded",
    "Failed": "failed",
    "Stopped": "canceled",
}

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


def publisher_of(happening: Happening) -> str:
    """Who tells of it."""
    return BUILDS if happening is Happening.BUILD_COMPLETED else RELEASES

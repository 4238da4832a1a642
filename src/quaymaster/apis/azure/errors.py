"""What goes wrong, in this contract's words: statuses, type keys and bodies (CONTRACT A.7)."""

from collections.abc import Mapping
from urllib.parse import quote
from uuid import UUID

import msgspec

from quaymaster.apis.shared.refusals import Refusal
from quaymaster.domain import errors as domain

JSON = "application/json; charset=utf-8"
NAMESPACE = "Microsoft.VisualStudio.Services.ReleaseManagement.Data.Exceptions"
ASSEMBLY = "Microsoft.VisualStudio.Services.ReleaseManagement2.Data"
EVENT_ID = 3000

SPECIFY = "Specify a valid ID and try again."

# What the field calls a thing that is not there, and how the contract says so.
NOT_FOUND = {
    "definition": (
        "ReleaseDefinitionNotFoundException",
        "VS402936: Release pipeline with ID {key} does not exist. " + SPECIFY,
    ),
    "release": (
        "ReleaseNotFoundException",
        "VS402935: Release with ID {key} does not exist. " + SPECIFY,
    ),
    "stage": (
        "ReleaseEnvironmentNotFoundException",
        "VS402939: Stage with ID {key} does not exist in this release. " + SPECIFY,
    ),
    "approval": (
        "ApprovalNotFoundException",
        "VS402940: Approval with ID {key} does not exist. " + SPECIFY,
    ),
    "intervention": (
        "ManualInterventionNotFoundException",
        "Manual intervention with ID {key} does not exist in this release. " + SPECIFY,
    ),
    "deployment group": (
        "DeploymentMachineGroupNotFoundException",
        "There is no deployment group {key} in this project.",
    ),
    "deployment target": (
        "DeploymentMachineNotFoundException",
        "There is no target {key} in this deployment group.",
    ),
    "task group": (
        "MetaTaskDefinitionNotFoundException",
        "There is no task group {key} in this project.",
    ),
    "badge": (
        "ReleaseManagementObjectNotFoundException",
        "There is no such stage, or its options do not ask for a badge.",
    ),
    "organization": (
        "HostDoesNotExistException",
        "VS800073: The organization that this address names does not exist, or is not yours.",
    ),
    "project": (
        "ProjectDoesNotExistWithNameException",
        (
            "TF200016: The following project does not exist: {key}. Verify that the name of the "
            "project is correct and that the project exists on the specified Azure DevOps Server."
        ),
    ),
    "buildDefinition": (
        "DefinitionNotFoundException",
        "VS800075: Build pipeline with ID {key} does not exist, or you may not see it. " + SPECIFY,
    ),
    "build": (
        "BuildNotFoundException",
        "VS402925: The requested build {key} could not be found. " + SPECIFY,
    ),
    "buildStage": (
        "StageNotFoundException",
        "The build has no stage {key}. Specify the name of one that it has and try again.",
    ),
    "artifact": (
        "ArtifactNotFoundException",
        "Artifact {key} was not found for the build.",
    ),
    "lease": (
        "RetentionLeaseNotFoundException",
        "The retention lease {key} could not be found. " + SPECIFY,
    ),
    "revision": (
        "ReleaseDefinitionRevisionNotFoundException",
        "Revision {key} of this release pipeline does not exist.",
    ),
}

# A project that is asked for by its id.
BY_GUID = (
    "ProjectDoesNotExistException",
    "VS800075: The project with id '{key}' does not exist, or you may not see it.",
)

REFUSALS = {
    "badRequest": "VssRequestInvalidException",
    "unauthorized": "UnauthorizedRequestException",
    "forbidden": "AccessDeniedException",
    "noRoute": "ControllerNotFoundException",
    "tooMany": "RequestBlockedException",
    "contentType": "VssRequestContentTypeNotSupportedException",
    "tooSlow": "VssRequestTimeoutException",
    "headers": "VssRequestInvalidException",
    "notServed": "NotImplementedException",
}


class Problem(Exception):
    """An error in the words of this contract: status, type key, message, extra headers."""

    def __init__(
        self, status: int, type_key: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type_key = type_key
        self.message = message
        self.headers = dict(headers or {})


def problem_of(error: domain.DomainError | Refusal) -> Problem:
    """The same error in this contract's words."""
    match error:
        case Refusal():
            return Problem(error.status, REFUSALS[error.kind], error.message, error.headers)
        case domain.NotFound():
            return _not_found(error)
        case domain.Forbidden():
            return Problem(403, "AccessDeniedException", f"VS402904: {error.message}")
        case domain.Conflict():
            return _conflict(error)
        case domain.Invalid(problems=problems) if problems:
            listed = " ".join(problem.rstrip(".") + "." for problem in problems)
            return Problem(400, "InvalidRequestException", f"{error.message} {listed}")
        case domain.Refused(kind="transition"):
            return Problem(400, "InvalidRequestException", f"VS402964: {error.message}")
        case _:
            return Problem(400, "InvalidRequestException", error.message)


def _not_found(error: domain.NotFound) -> Problem:
    known = NOT_FOUND.get(error.kind)
    if error.kind == "project" and _is_guid(str(error.key)):
        known = BY_GUID
    if known is None:
        return Problem(404, "VssResourceNotFoundException", error.message)
    type_key, form = known
    return Problem(404, type_key, form.format(key=error.key))


def _is_guid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _conflict(error: domain.Conflict) -> Problem:
    """400 for what the service answers with 400: a taken name and an old copy; else 409."""
    if error.message.startswith("Build pipeline"):
        return Problem(409, "DefinitionExistsException", error.message)
    if error.message.startswith("The artifact"):
        return Problem(409, "ArtifactExistsException", error.message)
    if error.message.startswith("The folder"):
        return Problem(400, "FolderExistsException", error.message)
    if "already exists" in error.message:
        message = f"VS402934: {error.message}"
        return Problem(400, "ReleaseDefinitionAlreadyExistsException", message)
    if "old copy" in error.message:
        return Problem(400, "InvalidRequestException", error.message)
    return Problem(409, "ConcurrencyException", error.message)


def unavailable(message: str) -> Problem:
    """The database or the storage is away; clients may come back in a second."""
    return Problem(503, "VssServiceException", f"TF24668: {message}", {"Retry-After": "1"})


def body(problem: Problem, activity_id: str) -> bytes:
    """The error body; `id` is what the published documents have, `$id` what clients have seen."""
    return msgspec.json.encode(
        {
            "$id": "1",
            "id": activity_id,
            "innerException": None,
            "message": problem.message,
            "typeName": f"{NAMESPACE}.{problem.type_key}, {ASSEMBLY}",
            "typeKey": problem.type_key,
            "errorCode": 0,
            "eventId": EVENT_ID,
        }
    )


def answer(
    problem: Problem, activity_id: str, *, shown_path: str = ""
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body. An unknown route answers in plain text, as the service does."""
    if problem.type_key == REFUSALS["noRoute"] and problem.status == 404 and shown_path:
        text = (
            f"The controller for path '{shown_path}' was not found or does not implement "
            "IController."
        )
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            "X-TFS-ServiceError": quote(text, safe=""),
        }
        return 404, headers, text.encode()
    return (
        problem.status,
        {"Content-Type": JSON, **problem.headers},
        body(problem, activity_id),
    )

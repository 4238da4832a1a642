"""What goes wrong, in the sentences of this contract: `{"error": text}` (AVIATOR 3)."""

from collections.abc import Mapping

from quaymaster.apis.shared.refusals import BadRequest, NotSignedIn, Refusal, WrongContentType
from quaymaster.domain.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Refused
from quaymaster.domain.schedules import UnknownTimeZone

NOT_FOUND = {
    "definition": "Release project not found",
    "project": "Project not found",
    "environment": "Release environment not found",
    "release": "Release not found",
    "repository": "GitHub repository not found",
    "previous deployment": "No previous deployment to roll back from",
    "deployment": "Deployment not found",
    "cherry-pick": "Cherry-pick not found",
    "pull request": "Pull request not found",
    "notification": "Delivery not found",
}
REFUSED = {
    "frozen": "Environment is frozen",
    "not ready": "Release candidate is not ready",
    "quarantined": "Release candidate is quarantined",
    "no build workflow": "Build workflow is not configured",
    "unverified": "Pull requests are not verified",
    "cherry-pick": "Release has a cherry-pick in progress",
}


class Problem(Exception):
    """An answer that is not the one asked for."""

    def __init__(self, status: int, error: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.headers = dict(headers or {})


def unauthorized() -> Problem:
    """Nobody is signed in, or with a token that is not good for this (AVIATOR 3)."""
    return Problem(401, "Unauthorized", {"WWW-Authenticate": "Bearer"})


def problem_of(error: Exception) -> Problem:
    """The answer to an error of ours; a sentence the contract does not have is our own."""
    match error:
        case Problem():
            return error
        case NotSignedIn():
            return unauthorized()
        case WrongContentType():
            return Problem(415, error.message)
        case BadRequest():
            return Problem(400, error.message)
        case Refusal():
            words = {403: "Forbidden", 404: "Not found", 413: "The body is too large"}
            return Problem(error.status, words.get(error.status, error.message), error.headers)
        case NotFound(kind="commit"):
            return Problem(400, "Invalid commit hash")
        case NotFound():
            return Problem(404, NOT_FOUND.get(error.kind, "Not found"))
        case Forbidden():
            return Problem(403, "Forbidden")
        case Refused():
            return Problem(400, REFUSED.get(error.kind, error.message))
        case Conflict():
            return Problem(409, error.message)
        case Invalid():
            return Problem(400, " ".join([error.message, *error.problems]))
        case UnknownTimeZone() | DomainError():
            return Problem(400, str(error))
        case _:
            return Problem(500, "Internal error")

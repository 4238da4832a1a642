"""Requests that are turned down before anything is asked of the product, whatever the API."""

from collections.abc import Mapping


class Refusal(Exception):
    """A request that cannot be taken: `status` is the HTTP status, the text says what to change.

    Each API writes the body in its own words; `kind` names the reason for it.
    """

    status = 400
    kind = "badRequest"

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.headers = dict(headers or {})


class BadRequest(Refusal):
    """The path, a parameter or the body cannot be understood."""


class NotSignedIn(Refusal):
    """No credentials, or none that anybody holds now."""

    status = 401
    kind = "unauthorized"


class ScopeMissing(Refusal):
    """The token is good, but was not made for this kind of request."""

    status = 403
    kind = "forbidden"


class RightsLost(Refusal):
    """Permissions were taken away while the request was under way."""

    status = 403
    kind = "forbidden"


class NoSuchRoute(Refusal):
    """Nothing is served under this path."""

    status = 404
    kind = "noRoute"


class WrongContentType(Refusal):
    """The body is not of a kind that can be read here."""

    status = 415
    kind = "contentType"


class TooSlow(Refusal):
    """The body does not come, or not in the time that there is for it."""

    status = 408
    kind = "tooSlow"


class HeadersTooLarge(Refusal):
    """More headers than anybody needs."""

    status = 431
    kind = "headers"


class NotServed(Refusal):
    """The operation is published, but this installation cannot do it yet."""

    status = 501
    kind = "notServed"

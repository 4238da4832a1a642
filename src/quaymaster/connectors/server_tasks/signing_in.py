"""How a request shows who asks: the header that a service connection's scheme means (20.3)."""

from base64 import b64encode
from collections.abc import Mapping

from quaymaster.connectors.server_tasks.asking import CannotRun
from quaymaster.domain.connections import CERTIFICATE, NONE, USERNAME_PASSWORD
from quaymaster.protocol.job import Endpoint
from quaymaster.sources.asking import token_of

HEADER = "Authorization"
# A token goes as a bearer's, except to servers that take it as the password of nobody.
AS_PASSWORD = frozenset({"externaltfs", "azuredevops", "tfs"})


def parameter(endpoint: Endpoint, *names: str) -> str:
    """The first of these parameters of a connection that has a value; names ignore case."""
    known = {name.casefold(): value for name, value in endpoint.parameters.items()}
    return next((found for name in names if (found := known.get(name.casefold(), ""))), "")


def datum(endpoint: Endpoint, name: str) -> str:
    """What a connection's data say under this name in any case."""
    known = {key.casefold(): value for key, value in endpoint.data.items()}
    return known.get(name.casefold(), "")


def headers(endpoint: Endpoint) -> Mapping[str, str]:
    """The header for a request through this connection. Raises CannotRun."""
    scheme = endpoint.scheme.casefold()
    name = parameter(endpoint, "username")
    password = parameter(endpoint, "password")
    token = token_of(endpoint)
    if scheme == NONE.casefold() or (scheme in ("", USERNAME_PASSWORD.casefold()) and not name):
        return {} if not password else {HEADER: basic(name, password)}
    if scheme == CERTIFICATE.casefold():
        raise CannotRun(
            f"The service connection {endpoint.name} signs in with a certificate, which tasks "
            "without an agent cannot do here; use a user name and password, or a token."
        )
    if token:
        if endpoint.type.casefold() in AS_PASSWORD:
            return {HEADER: basic("", token)}
        return {HEADER: f"Bearer {token}"}
    return {HEADER: basic(name, password)}


def basic(name: str, password: str) -> str:
    """The value of a header for basic authentication."""
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()

"""Service connections: where something outside is, and what it wants to be shown (SEMANTICS 18.4).

The types that are listed are those whose keys are known; every other type of a task's author is
kept as it is sent, with all that authenticates sealed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NewType

ConnectionId = NewType("ConnectionId", str)  # a GUID in lower case

USERNAME_PASSWORD = "UsernamePassword"  # noqa: S105 - the name of a scheme
TOKEN = "Token"  # noqa: S105 - the name of a scheme
NONE = "None"
CERTIFICATE = "Certificate"

# Keys of an authorization that name something and are no secrets (SEMANTICS 16.8).
PUBLIC_PARAMETERS = frozenset(
    {
        *("username", "scope", "tenantid", "serviceprincipalid", "authenticationtype"),
        *("rolearn", "roles", "issandbox", "accesstokentype", "registry", "registrytype"),
        *("webhookname", "header"),
    }
)


@dataclass(frozen=True, slots=True)
class ServiceConnection:
    """A connection of a project. `parameters` authenticate and `data` describe.

    What of both is secret stands in `secret_parameters` and `secret_data` instead: by name alone
    (with "" as value) unless the connection was opened for a task that needs it.
    """

    id: ConnectionId
    name: str
    type: str
    url: str = ""
    description: str = ""
    scheme: str = USERNAME_PASSWORD
    parameters: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    secret_parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_data: Mapping[str, str] = field(default_factory=dict, repr=False)

    def parameter(self, name: str) -> str:
        """What authenticates under this name in any case, secret or not; "" without one."""
        return _by_name({**self.parameters, **self.secret_parameters}, name)

    def datum(self, name: str) -> str:
        """The same of what describes the connection."""
        return _by_name({**self.data, **self.secret_data}, name)


@dataclass(frozen=True, slots=True)
class ConnectionType:
    """A type whose keys are known: for each scheme it can be used with, what authenticates."""

    name: str
    title: str
    schemes: Mapping[str, tuple[str, ...]]
    needs_url: bool = True
    data: tuple[str, ...] = ()


_WEBHOOK = ("webhookname", "secret", "header")
_PASSWORD = {USERNAME_PASSWORD: ("username", "password")}
_TOKEN = {TOKEN: ("apitoken",)}
_ANY = {**_PASSWORD, **_TOKEN, NONE: (), CERTIFICATE: ("certificate",)}
_GITHUB = {
    TOKEN: ("AccessToken",),
    "PersonalAccessToken": ("accessToken",),
    "OAuth": ("AccessToken",),
    **_PASSWORD,
}
_SERVICE_BUS = ("serviceBusConnectionString", "serviceBusQueueName")

_LISTED = (
    ConnectionType("Generic", "Generic", _ANY),
    ConnectionType("GenericService", "Generic service", _ANY),
    ConnectionType("REST", "REST", _ANY),
    ConnectionType("ssh", "SSH", _PASSWORD, False, ("Host", "Port", "PrivateKey")),
    ConnectionType("dockerregistry", "Docker Registry", _PASSWORD, False, ("registrytype",)),
    ConnectionType("github", "GitHub", _GITHUB, False),
    ConnectionType("git", "Other Git", {**_PASSWORD, **_TOKEN, NONE: ()}),
    ConnectionType("externaltfs", "Azure Repos/Team Foundation Server", {**_TOKEN, **_PASSWORD}),
    ConnectionType("jenkins", "Jenkins", {**_PASSWORD, NONE: ()}),
    ConnectionType("externalnugetfeed", "NuGet", {**_TOKEN, **_PASSWORD, NONE: ("nugetkey",)}),
    ConnectionType("externalnpmregistry", "npm", {**_TOKEN, **_PASSWORD}),
    ConnectionType("incomingwebhook", "Incoming WebHook", {NONE: _WEBHOOK}, False),
    ConnectionType("AzureServiceBus", "Azure Service Bus", {NONE: ()}, False, _SERVICE_BUS),
)

TYPES: Mapping[str, ConnectionType] = {listed.name.casefold(): listed for listed in _LISTED}

# A key of a connection's data that has one of these words in it holds a secret.
_SECRET_WORDS = ("password", "secret", "token", "privatekey", "apikey", "connectionstring")


def type_of(name: str) -> ConnectionType | None:
    """What is known about a type; names ignore case."""
    return TYPES.get(name.casefold())


def is_secret_parameter(name: str) -> bool:
    """Whether what authenticates under this name must never be shown."""
    return name.casefold() not in PUBLIC_PARAMETERS


def is_secret_datum(name: str) -> bool:
    """Whether this key of a connection's data holds a secret."""
    folded = name.casefold()
    return any(word in folded for word in _SECRET_WORDS)


def secret_values(parameters: Mapping[str, str], data: Mapping[str, str]) -> Iterator[str]:
    """Everything of a connection that must never be shown: whatever signs in through it."""
    yield from (value for name, value in parameters.items() if is_secret_parameter(name))
    yield from (value for name, value in data.items() if is_secret_datum(name))


def _by_name(values: Mapping[str, str], name: str) -> str:
    folded = name.casefold()
    return next((value for key, value in values.items() if key.casefold() == folded), "")


def connection_token(project: str, connection: str) -> str:
    """The place at which permissions on a connection are granted, below those of its project."""
    return f"{project}/ServiceConnection/{connection}"

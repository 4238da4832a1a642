"""What a save of a service connection brings, and the connection that comes of it."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from quaymaster.domain.connections import (
    USERNAME_PASSWORD,
    ConnectionId,
    ServiceConnection,
    is_secret_datum,
    is_secret_parameter,
    type_of,
)
from quaymaster.domain.errors import Invalid
from quaymaster.domain.overrides import MASK

LONGEST_NAME = 256
LONGEST_VALUE = 64 * 1024
MOST_VALUES = 200

# A value that has one of these words in its name says where something is.
_PLACE_WORDS = ("host", "server", "registry", "url", "uri", "endpoint", "authority", "address")


@dataclass(frozen=True, slots=True)
class ConnectionContent:
    """What a save brings. A secret that is missing, None or a mask keeps the one that is stored."""

    name: str
    type: str
    url: str = ""
    description: str = ""
    scheme: str = USERNAME_PASSWORD
    parameters: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    data: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    id: str = ""  # a GUID that the caller chose; "" draws one


def saved(
    connection_id: str, content: ConnectionContent, before: ServiceConnection | None = None
) -> ServiceConnection:
    """The connection after a save; `before` is the one that was there, with its secrets opened.

    Another scheme forgets what authenticated until then; another address does not get the secrets
    that were meant for the one before: they have to be given again. Raises Invalid.
    """
    _check_words(content)
    scheme = _checked_scheme(content)
    url = _checked_url(content)
    parameters = _Values(content.parameters, is_secret_parameter)
    data = _Values(content.data, is_secret_datum)
    keeps = before is not None and before.scheme.casefold() == scheme.casefold()
    made = ServiceConnection(
        id=ConnectionId(connection_id),
        name=content.name.strip(),
        type=content.type.strip(),
        url=url,
        description=content.description,
        scheme=scheme,
        parameters=parameters.plain,
        data=data.plain,
        secret_parameters=parameters.secret(before.secret_parameters if before and keeps else {}),
        secret_data=data.secret(before.secret_data if before else {}),
    )
    if before is not None and _addressee(made) != _addressee(before):
        kept = (before.secret_parameters if keeps else {}).keys() | before.secret_data.keys()
        _check_given_again(kept, parameters.given | data.given)
    return made


class _Values:
    """What a save says of parameters or data, the secret ones apart."""

    def __init__(self, given: Mapping[str, str | None], is_secret: Callable[[str], bool]) -> None:
        if len(given) > MOST_VALUES:
            raise Invalid(f"A service connection can hold {MOST_VALUES} values of a kind at most.")
        for name, value in given.items():
            if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
                raise Invalid("A value of the service connection has a name that cannot be used.")
            if value is not None and (len(value) > LONGEST_VALUE or "\0" in value):
                raise Invalid(f"The value of {name} is too long, or holds a null character.")
        self.plain = {n: v for n, v in given.items() if v is not None and not is_secret(n)}
        self._secret = {n: v or "" for n, v in given.items() if is_secret(n)}

    @property
    def given(self) -> set[str]:
        """The secrets that are set anew by this save, in casefold."""
        return {n.casefold() for n, v in self._secret.items() if v not in ("", MASK)}

    def secret(self, stored: Mapping[str, str]) -> dict[str, str]:
        """The secrets after the save: what is missing or masked stays as it is stored (1.3)."""
        kept = {name.casefold(): (name, value) for name, value in stored.items()}
        for name, value in self._secret.items():
            known = kept.get(name.casefold(), (name, ""))[1]
            kept[name.casefold()] = (name, known if value in ("", MASK) else value)
        return {name: value for name, value in kept.values() if value}


def _check_given_again(kept: Iterable[str], given: Collection[str]) -> None:
    """Whoever may change the address must not have a secret they do not know sent there."""
    missing = sorted(name for name in kept if name.casefold() not in given)
    if missing:
        raise Invalid(
            "The service connection gets another address, and its secrets were meant for the one "
            f"before. Give {', '.join(missing)} again, or leave the address as it is."
        )


def _check_words(content: ConnectionContent) -> None:
    for word, what in ((content.name, "name"), (content.type, "type")):
        if not word.strip() or len(word) > LONGEST_NAME or not word.isprintable():
            raise Invalid(
                f"A service connection needs a {what} of at most {LONGEST_NAME} characters, "
                "without control characters."
            )
    if len(content.description) > LONGEST_VALUE or "\0" in content.description:
        raise Invalid("The description of the service connection is too long, or not a text.")


def _checked_scheme(content: ConnectionContent) -> str:
    known = type_of(content.type.strip())
    scheme = content.scheme.strip()
    if known is None:
        if not scheme.isprintable() or len(scheme) > LONGEST_NAME:
            raise Invalid("The scheme of the service connection's authorization is not a word.")
        return scheme
    spelled = {name.casefold(): name for name in known.schemes}
    found = spelled.get(scheme.casefold() or USERNAME_PASSWORD.casefold())
    if found is None:
        raise Invalid(
            f"A service connection of the type {known.name} cannot be used with the scheme "
            f"{scheme[:40]!r}; use one of {', '.join(known.schemes)}."
        )
    return found


def _checked_url(content: ConnectionContent) -> str:
    url = content.url.strip()
    known = type_of(content.type.strip())
    if not url and (known is None or not known.needs_url):
        return ""
    parts = _parts(url)
    if parts is None or len(url) > LONGEST_VALUE:
        raise Invalid("The service connection needs a whole address, such as https://host/path.")
    if parts.username or parts.password:
        raise Invalid(
            "The address of the service connection holds a user name or a password, which would "
            "be shown with it. Put them into the authorization."
        )
    return url


def _addressee(connection: ServiceConnection) -> tuple[object, ...]:
    """Who is shown the secrets: scheme, host and port, and what else of it names a place.

    Types differ in where they say it (Host of ssh, registry of Docker, environmentAuthorityUrl of
    Azure), so that whatever is called so or is an address counts, sealed or not.
    """
    parts = _parts(connection.url) if connection.url else None
    origin = (parts.scheme, parts.hostname, parts.port) if parts else ("", "", None)
    said = (
        ("parameter", connection.parameters, connection.secret_parameters),
        ("datum", connection.data, connection.secret_data),
    )
    places = {
        (kind, name.casefold(), value.strip().casefold())
        for kind, plain, sealed in said
        for name, value in (*plain.items(), *sealed.items())
        if value.strip() and _names_a_place(name, value)
    }
    return *origin, frozenset(places)


def _names_a_place(name: str, value: str) -> bool:
    folded = name.casefold()
    named = folded == "port" or any(word in folded for word in _PLACE_WORDS)
    return (named and not is_secret_datum(name)) or _parts(value.strip()) is not None


def _parts(url: str) -> SplitResult | None:
    """The parts of an absolute address; None for anything else."""
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.scheme and parts.hostname) and url.isprintable() and parts.port != 0
    except ValueError:
        return None
    return parts if is_whole else None

"""Where a definition's repository is, checked before it is kept (AVIATOR 6)."""

from collections.abc import Mapping
from typing import Any

from quaymaster.actions.call import Call
from quaymaster.actions.definitions import artifact_access
from quaymaster.actions.ports.outside import CodeRepository
from quaymaster.actions.resources import connections
from quaymaster.domain.errors import Invalid
from quaymaster.protocol.job import Endpoint
from quaymaster.runner.repositories.addresses import CannotReach, address
from quaymaster.sources import commit_servers, github_apps
from quaymaster.sources.asking import SourceProblem
from quaymaster.sources.commit_servers import NoRepository
from quaymaster.store.storage.vault import VaultError

URL, CONNECTION = "source_url", "source_connection"
LONGEST_URL = 2000


def said(settings: Mapping[str, Any]) -> tuple[str, str]:
    """The address and the service connection that these settings name, or "" for each."""
    return str(settings.get(URL) or ""), str(settings.get(CONNECTION) or "").strip()


async def check(call: Call, settings: Mapping[str, Any], repository: str) -> None:
    """Ask the repository that these settings lead to whether it is there; `call` is inside the
    project whose service connections are meant.

    Raises Invalid for an address that is none or holds credentials, a connection that the project
    does not have, and a repository that cannot be reached with them; Forbidden for a connection
    that the caller may not use: whoever says where it is shown gets to know it.
    """
    named, word = str(settings.get(URL) or ""), str(settings.get(CONNECTION) or "")
    if max(len(named), len(word)) > LONGEST_URL:
        raise Invalid(f"A setting is longer than {LONGEST_URL} characters.")
    if named:
        _check_address(named)
    if not named and not word:
        return
    source = await opened(call, named, word, repository)
    web, connection = call.installation.outside.web, source.connection
    if web and connection and not named and commit_servers.server_of(connection):
        try:
            await commit_servers.check_there(web, connection, repository)
        except (NoRepository, SourceProblem) as error:
            raise Invalid(f"Invalid {CONNECTION}: {repository} is not found with it.") from error
        return
    repositories = call.installation.outside.repositories
    if source.address and repositories is not None:
        try:
            await repositories.heads(source)
        except Invalid as error:
            raise Invalid(f"Invalid {URL if named else CONNECTION}: {error.message}") from error


def _check_address(named: str) -> None:
    if "://" in named and "@" in named.split("://", 1)[1].partition("/")[0]:
        _, _, rest = named.partition("://")
        user = rest.partition("/")[0].rpartition("@")[0]
        if ":" in user or not named.startswith("ssh://"):
            raise Invalid(
                f"Leave credentials out of {URL}; name a service connection in {CONNECTION}."
            )
    if not named.isprintable() or "\0" in named:
        raise Invalid(f"Invalid {URL}: it holds characters that cannot be printed.")
    try:
        address(named)
    except CannotReach as error:
        raise Invalid(f"Invalid {URL}: {error}") from error


async def opened(call: Call, named: str, word: str, repository: str) -> CodeRepository:
    """The repository with the service connection that signs in to it, when one is named; without
    an address of its own it is `org/name` at the connection's server.

    Raises Invalid for a connection that is not there, cannot be opened or gives no token,
    Forbidden for one that the caller may not use.
    """
    key = word.strip().casefold()
    if not key or call.project_id is None:
        return CodeRepository(named)
    try:
        async with call.database.read() as connection:
            if call.caller:
                await connections.check_use(connection, call, [key])
            found = await artifact_access.opened(
                connection, call, call.project_id, [{"connection": key}]
            )
    except VaultError as error:
        raise Invalid(f"Invalid {CONNECTION}: it cannot be opened ({error}).") from error
    if key not in found:
        raise Invalid(
            f"Invalid {CONNECTION}: the project has no service connection {word[:200]!r}."
        )
    signed_in = await _signed_in(call, found[key], repository)
    address_known = commit_servers.server_of(signed_in) is not None
    where = named or (commit_servers.address(signed_in, repository) if address_known else "")
    return CodeRepository(where, signed_in)


async def _signed_in(call: Call, connection: Endpoint, repository: str) -> Endpoint:
    """The connection; of a GitHub App, with a token that is good for an hour."""
    web = call.installation.outside.web
    if web is None or not github_apps.is_app(connection):
        return connection
    try:
        return await github_apps.signed_in(web, connection, repository, call.now)
    except SourceProblem as error:
        raise Invalid(f"Invalid {CONNECTION}: {error.message}") from error

"""The service connections with which artifacts are asked for and downloaded."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from quaymaster.actions.call import Call
from quaymaster.actions.resources import connections
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import ArtifactPlan
from quaymaster.plans import connection_uses
from quaymaster.plans.endpoints import endpoint
from quaymaster.protocol.job import Endpoint
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage.vault import VaultError


async def opened(
    connection: Connection, call: Call, project: UUID, references: Iterable[Mapping[str, str]]
) -> dict[str, Endpoint]:
    """The connections that these artifact references name, by the casefold of the word.

    One that is not there any more is missing. Raises VaultError.
    """
    words = {reference.get("connection", "").strip() for reference in references} - {""}
    if not words:
        return {}
    found = await connections.resolve(connection, call.vault, project, words)
    return {word: endpoint(one) for word, one in found.items()}


async def check_use(call: Call, artifacts: Iterable[ArtifactPlan]) -> None:
    """Raise Forbidden for a connection that these artifacts name and the caller, who is writing
    them, may not use."""
    async with call.database.read() as connection:
        await connections.check_uses(connection, call, connection_uses.of_artifacts(artifacts))


async def of_artifacts(
    call: Call, artifacts: Iterable[ArtifactPlan]
) -> Mapping[str, Endpoint | None]:
    """The connection of each artifact of a definition of the call's project, by alias.

    None for one that names none. Raises Invalid naming the artifact whose connection is gone or
    cannot be opened.
    """
    listed = list(artifacts)
    named = {one.alias: one.reference.get("connection", "").strip() for one in listed}
    if not any(named.values()) or call.project_id is None:
        return dict.fromkeys(named)
    try:
        async with call.database.read() as connection:
            references = (one.reference for one in listed)
            found = await opened(connection, call, call.project_id, references)
    except VaultError as error:
        raise Invalid(f"A service connection cannot be opened: {error}") from error
    return {alias: _known(found, alias, word) if word else None for alias, word in named.items()}


def _known(found: Mapping[str, Endpoint], alias: str, word: str) -> Endpoint:
    if known := found.get(word.casefold()):
        return known
    raise Invalid(
        f"Artifact {alias} names the service connection {word}, which the project does not have. "
        "Add it, or name another in the artifact's definitionReference."
    )

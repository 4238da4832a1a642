"""Versions of a definition and their candidates, for whoever looks through them (AVIATOR 7)."""

from dataclasses import dataclass
from datetime import datetime

from quaymaster.actions.call import Call
from quaymaster.actions.repositories import repositories
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.domain.errors import NotFound
from quaymaster.store.candidates import repository_views as views
from quaymaster.store.candidates.repository_views import CandidateLine
from quaymaster.store.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class Version:
    """A version with its candidates, oldest first: there is at least one."""

    name: str
    created_at: datetime
    candidates: tuple[CandidateLine, ...]


async def listed(call: Call, project: str, count: int, skipped: int) -> tuple[Scene, list[Version]]:
    """So many versions, the one with the newest candidate first. Raises NotFound, Forbidden."""
    found = await repositories.looked_up(call, project)
    number = found.definition.definition_id
    async with call.database.read() as connection:
        lines = (await views.versions(connection, [number], count, skipped=skipped)).get(number, [])
        return found, await _with_candidates(connection, number, [one.version for one in lines])


async def one(call: Call, project: str, version: str) -> tuple[Scene, Version]:
    """One version. Raises NotFound (definition, release), Forbidden."""
    found = await repositories.looked_up(call, project)
    async with call.database.read() as connection:
        known = await _with_candidates(connection, found.definition.definition_id, [version])
    if not known:
        raise NotFound("release", version)
    return found, known[0]


async def _with_candidates(
    connection: Connection, definition: int, versions: list[str]
) -> list[Version]:
    wanted = [(definition, version) for version in versions]
    known = await views.candidates_of(connection, wanted)
    return [
        Version(version, known[key][0].created_at, tuple(known[key]))
        for key in wanted
        if (version := key[1]) and known.get(key)
    ]

"""Looking at sources that do not tell of new versions by themselves (SEMANTICS 8.1, 8.10).

The first look only remembers what is there. Each later one tells of what was not there before,
in the transaction that remembers it, so that a version is told of once and none is passed over.
"""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from itertools import takewhile

import structlog

from quaymaster.actions.call import Call, Project
from quaymaster.actions.definitions import artifact_access
from quaymaster.actions.ports.outside import ArtifactSource, Heads, SourceWithBranches, Version
from quaymaster.actions.releases import artifact_events
from quaymaster.actions.storage.turns import OURS
from quaymaster.domain.errors import DomainError
from quaymaster.domain.plan import ArtifactPlan
from quaymaster.domain.triggers import ArtifactEvent, source_key
from quaymaster.store.definitions import definitions
from quaymaster.store.people import projects
from quaymaster.store.postgres.database import DatabaseUnavailable
from quaymaster.store.storage.vault import VaultError
from quaymaster.store.triggers import watched_sources
from quaymaster.store.triggers.watched_sources import Watched

LOOK_EVERY = timedelta(seconds=10)  # at repositories on this machine
ASK_EVERY = timedelta(minutes=5)  # of other servers, which may limit how often they answer
LOOK_TIMEOUT = timedelta(minutes=1)
AT_ONCE = 8
MOST_SOURCES = 200
MOST_VERSIONS = 20

_log = structlog.get_logger(__name__)


async def look(call: Call) -> int:
    """Look at every source that is due; how many new versions were told of.

    Safe to call at any time and from several workers: each source is looked at by one of them.
    """
    types = call.installation.outside.artifacts
    async with call.database.read() as connection:
        due = await watched_sources.due(connection, call.now, types, MOST_SOURCES)
    room = asyncio.Semaphore(AT_ONCE)

    async def one(watched: Watched) -> int:
        async with room:
            return await _look_at(call, watched)

    return sum(await asyncio.gather(*map(one, due)))


async def _look_at(call: Call, watched: Watched) -> int:
    async with call.database.transaction() as connection:
        until = call.now + 2 * LOOK_TIMEOUT
        if not await watched_sources.claim(connection, watched, call.now, until):
            return 0
        definition = await definitions.get(connection, None, None, watched.definition_id)
        project = await projects.get(connection, watched.project_id)
    if definition is None or project is None:
        return 0
    here = Project(str(project.id), project.name, project.organization)
    own = Call(call.installation, None, here, call.now)
    artifacts = definition.plan.artifacts
    artifact = next(
        (one for one in artifacts if source_key(one.type, one.source_id) == watched.source_key),
        None,
    )
    return await _told(own, watched, artifact) if artifact else 0


async def _told(call: Call, watched: Watched, artifact: ArtifactPlan) -> int:
    source = call.installation.outside.artifact_source(artifact.type)
    if source is None:
        return 0
    every = LOOK_EVERY if isinstance(source, SourceWithBranches) else ASK_EVERY
    try:
        async with asyncio.timeout(LOOK_TIMEOUT.total_seconds()):
            heads = await _heads(call, source, artifact)
    except DatabaseUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - it holds up no other, and is looked at later
        problem = _said(error)
        about = {"source": watched.source_key, "reason": problem, "exc_info": problem is OURS}
        _log.warning("a source cannot be looked at", **about)
        async with call.database.transaction() as connection:
            await watched_sources.failed(connection, watched, call.now, every, problem)
        return 0
    async with call.database.transaction() as connection:
        seen = await watched_sources.seen(connection, watched)
        new = [] if seen is None else _new(seen, heads)
        for version in new:
            event = _event(artifact, version, heads.default_branch)
            await artifact_events.happened_within(connection, call, event)
        found = [_key(version) for version in heads.versions]
        await watched_sources.keep(connection, watched, found, call.now + every)
    return len(new)


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "It did not answer in time."
    return str(error) if isinstance(error, DomainError | VaultError) else OURS


async def _heads(call: Call, source: ArtifactSource, artifact: ArtifactPlan) -> Heads:
    connections = await artifact_access.of_artifacts(call, [artifact])
    connection = connections.get(artifact.alias)
    if isinstance(source, SourceWithBranches):
        return await source.heads(artifact, connection)
    return Heads(await source.versions(artifact, MOST_VERSIONS, connection), is_one_line=True)


def _new(seen: Iterable[str], heads: Heads) -> list[Version]:
    """What was not there before, oldest first.

    In one line of versions that ends at the newest one known: when a version is taken away, an
    older one that comes into sight behind it is none that appeared.
    """
    known = set(seen)
    if heads.is_one_line:
        newer = takewhile(lambda version: _key(version) not in known, heads.versions)
        return list(newer)[::-1]
    return [version for version in heads.versions if _key(version) not in known]


def _key(version: Version) -> str:
    return f"{version.branch} {version.id}"


def _event(artifact: ArtifactPlan, version: Version, default_branch: str) -> ArtifactEvent:
    return ArtifactEvent(
        type=artifact.type,
        source_id=artifact.source_id,
        version_id=version.id,
        version_name=version.name,
        branch=version.branch,
        tags=version.tags,
        default_branch=default_branch,
        commit=version.commit,
        reference=version.reference,
    )

"""Which versions of its artifacts a new release of a definition could take (SEMANTICS 4.2)."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from quaymaster.actions.call import Call
from quaymaster.actions.definitions import artifact_access, definitions
from quaymaster.actions.definitions.artifacts import SELECT_AT_CREATION, SPECIFIC
from quaymaster.actions.definitions.own_builds import source_of
from quaymaster.actions.ports.outside import Version
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import DomainError
from quaymaster.domain.plan import ArtifactPlan

MOST = 100


@dataclass(frozen=True, slots=True)
class Available:
    """An artifact with its versions, newest first, or why its source cannot be asked.

    `default` is the version that a release takes when nobody names one (SEMANTICS 4.2).
    """

    artifact: ArtifactPlan
    versions: tuple[Version, ...] = ()
    default: Version | None = None
    problem: str = ""


async def of_definition(call: Call, definition_id: int) -> list[Available]:
    """Every artifact of the definition, its source asked now, all at the same time.

    A source that fails is told in its own entry. Raises NotFound, Forbidden (view release
    pipeline).
    """
    found = await definitions.get(call, definition_id)
    return await of_artifacts(call, found.plan.artifacts)


async def of_artifacts(call: Call, listed: Iterable[ArtifactPlan]) -> list[Available]:
    """The same for artifacts that may not be saved yet."""
    return list(await asyncio.gather(*(_asked(call, artifact) for artifact in listed)))


async def of_sources(call: Call, listed: Iterable[ArtifactPlan]) -> list[Available]:
    """The same for whoever is writing a definition. Raises Forbidden (edit release pipeline; to
    use the connections)."""
    listed = list(listed)
    project = call.required_project("whose definition is being written")
    call.require(Permission.EDIT_RELEASE_DEFINITION, str(project), "the project")
    await artifact_access.check_use(call, listed)
    return await of_artifacts(call, listed)


async def _asked(call: Call, artifact: ArtifactPlan) -> Available:
    source = source_of(call, artifact)
    if source is None:
        problem = f"Sources of the type {artifact.type} cannot be asked for their versions."
        return Available(artifact, problem=problem)
    try:
        connections = await artifact_access.of_artifacts(call, [artifact])
        connection = connections[artifact.alias]
        versions = await source.versions(artifact, MOST, connection)
        return Available(artifact, tuple(versions), await _default(call, artifact, versions))
    except DomainError as error:
        return Available(artifact, problem=error.message)


async def _default(
    call: Call, artifact: ArtifactPlan, versions: Sequence[Version]
) -> Version | None:
    """What a release takes by itself: a specific version, nothing, or the newest."""
    kind = artifact.default_version_type.casefold()
    specific = artifact.reference.get("defaultVersionSpecific", "")
    if kind == SELECT_AT_CREATION:
        return None
    if kind != SPECIFIC or not specific:
        return versions[0] if versions else None
    if listed := next((one for one in versions if specific in (one.id, one.name)), None):
        return listed
    source = source_of(call, artifact)
    connections = await artifact_access.of_artifacts(call, [artifact])
    return await source.resolve(artifact, specific, connections[artifact.alias]) if source else None

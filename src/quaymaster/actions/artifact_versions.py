"""Which versions of its artifacts a new release of a definition could take (SEMANTICS 4.2)."""

import asyncio
from dataclasses import dataclass

from quaymaster.actions import definitions
from quaymaster.actions.call import Call
from quaymaster.actions.ports import Version
from quaymaster.domain.errors import DomainError
from quaymaster.domain.plan import ArtifactPlan

MOST = 100


@dataclass(frozen=True, slots=True)
class Available:
    """An artifact with its versions, newest first, or why its source cannot be asked."""

    artifact: ArtifactPlan
    versions: tuple[Version, ...] = ()
    problem: str = ""


async def of_definition(call: Call, definition_id: int) -> list[Available]:
    """Every artifact of the definition, its source asked now, all at the same time.

    A source that fails is told in its own entry. Raises NotFound, Forbidden (view release
    pipeline).
    """
    found = await definitions.get(call, definition_id)
    return list(await asyncio.gather(*(_asked(call, one) for one in found.plan.artifacts)))


async def _asked(call: Call, artifact: ArtifactPlan) -> Available:
    source = call.installation.outside.artifact_source(artifact.type)
    if source is None:
        problem = f"Sources of the type {artifact.type} cannot be asked for their versions."
        return Available(artifact, problem=problem)
    try:
        return Available(artifact, tuple(await source.versions(artifact, most=MOST)))
    except DomainError as error:
        return Available(artifact, problem=error.message)

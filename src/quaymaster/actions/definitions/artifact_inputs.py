"""The values that an artifact's source offers for an input of it, while a definition is written."""

from collections.abc import Mapping
from dataclasses import dataclass

from quaymaster.actions.call import Call
from quaymaster.actions.definitions import artifact_access
from quaymaster.actions.ports.outside import ArtifactSource, SourceWithBranches
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import DomainError, Invalid
from quaymaster.domain.plan import ArtifactPlan

MOST = 200
VERSIONS = frozenset({"version", "versions", "defaultversionspecific"})
BRANCHES = frozenset({"branch", "branches", "defaultversionbranch"})


@dataclass(frozen=True, slots=True)
class Offered:
    """The values of one input with what people read, or why they cannot be told."""

    input: str
    values: tuple[tuple[str, str], ...] = ()
    problem: str = ""


async def offered(
    call: Call, artifact_type: str, current: Mapping[str, str], inputs: list[str]
) -> list[Offered]:
    """What the source offers for each of these inputs, the others being as in `current`.

    A source that cannot be asked is told in each entry. Raises Invalid for a type that nobody
    can ask, Forbidden (edit release pipeline; to use the connection).
    """
    project = call.required_project("whose definition is being written")
    call.require(Permission.EDIT_RELEASE_DEFINITION, str(project), "the project")
    source = call.installation.outside.artifact_source(artifact_type)
    if source is None:
        raise Invalid(f"Sources of the type {artifact_type[:100]!r} cannot be asked.")
    plan = ArtifactPlan("source", artifact_type, reference=dict(current))
    await artifact_access.check_use(call, [plan])
    return [await _one(call, source, plan, name) for name in inputs]


async def _one(call: Call, source: ArtifactSource, plan: ArtifactPlan, name: str) -> Offered:
    try:
        connections = await artifact_access.of_artifacts(call, [plan])
        connection = connections[plan.alias]
        if name.casefold() in BRANCHES and isinstance(source, SourceWithBranches):
            heads = (await source.heads(plan, connection)).versions
            found = sorted({one.branch for one in heads if one.branch})[:MOST]
            return Offered(name, tuple((branch, branch) for branch in found))
        if name.casefold() in VERSIONS | BRANCHES:
            versions = await source.versions(plan, MOST, connection)
            if name.casefold() in VERSIONS:
                return Offered(name, tuple((one.id, one.name) for one in versions))
            branches = dict.fromkeys(one.branch for one in versions if one.branch)
            return Offered(name, tuple((branch, branch) for branch in branches))
    except DomainError as error:
        return Offered(name, problem=error.message)
    return Offered(name, problem=f"The values of {name[:100]} cannot be listed; write one.")

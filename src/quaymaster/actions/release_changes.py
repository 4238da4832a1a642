"""What went into a release since another one, as an artifact's source tells it (CONTRACT B.4)."""

from dataclasses import dataclass

from quaymaster.actions import artifact_access, reading
from quaymaster.actions.call import Call
from quaymaster.actions.ports import Commit, TracedSource
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import ArtifactPlan
from quaymaster.store import overviews
from quaymaster.store.records import ReleaseArtifact
from quaymaster.store.release_views import ReleaseHead, ReleaseView

USUAL = 250
MOST = 5000


@dataclass(frozen=True, slots=True)
class Since:
    """What to compare with: a release (None: the one before), which artifact ("": the primary)
    and how many changes at most."""

    base: int | None = None
    alias: str = ""
    most: int = USUAL


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of one artifact, newest first; `kind` is its type."""

    kind: str
    changes: tuple[Commit, ...] = ()


async def between(call: Call, release_id: int, since: Since) -> Changes:
    """The changes that the release has and the base has not; none without an artifact.

    Raises NotFound, Forbidden (view releases, on both), Invalid for an unknown alias and for a
    source that cannot tell.
    """
    view = (await reading.release(call, release_id)).view
    artifact = _artifact(view.head, since.alias)
    if artifact is None:
        return Changes("")
    base = await _base(call, view.head, since.base)
    before = _version_in(base, artifact) if base else ""
    if before == artifact.version_id:
        return Changes(artifact.type)
    return await _asked(call, view, artifact, before, min(since.most, MOST))


async def _asked(
    call: Call, view: ReleaseView, artifact: ReleaseArtifact, before: str, most: int
) -> Changes:
    plan = _plan(view, artifact)
    source = call.installation.outside.artifact_source(artifact.type)
    if not isinstance(source, TracedSource):
        raise Invalid(
            f"Sources of the type {artifact.type} cannot tell what went into the versions of the "
            f"artifact {artifact.alias}."
        )
    connections = await artifact_access.of_artifacts(call, [plan])
    found = await source.changes(plan, before, artifact.version_id, most, connections[plan.alias])
    return Changes(artifact.type, tuple(found))


def _artifact(head: ReleaseHead, alias: str) -> ReleaseArtifact | None:
    """The artifact meant; None when the release has none with a version."""
    if alias:
        for one in head.artifacts:
            if one.alias.casefold() == alias.casefold():
                return one if one.is_chosen else None
        raise Invalid(f"Release {head.name} has no artifact {alias[:100]!r}.")
    chosen = [one for one in head.artifacts if one.is_chosen]
    return next((one for one in chosen if one.is_primary), chosen[0] if chosen else None)


def _plan(view: ReleaseView, artifact: ReleaseArtifact) -> ArtifactPlan:
    """The artifact of the snapshot, as its source is to be asked."""
    for plan in view.plan.artifacts:
        if plan.alias.casefold() == artifact.alias.casefold():
            return plan
    raise Invalid(f"The snapshot of release {view.head.name} has no artifact {artifact.alias}.")


async def _base(call: Call, head: ReleaseHead, base: int | None) -> ReleaseHead | None:
    """The release to compare with: the one named, or the one of the same definition before."""
    if base is None:
        async with call.database.read() as connection:
            base = await overviews.release_before(connection, head.definition_id, head.id)
    return (await reading.release(call, base)).view.head if base is not None else None


def _version_in(head: ReleaseHead, artifact: ReleaseArtifact) -> str:
    """The version of the same source in another release; "" when it has none of it."""
    for one in head.artifacts:
        same = (one.type.casefold(), one.source_id.casefold()) == (
            artifact.type.casefold(),
            artifact.source_id.casefold(),
        )
        if same and one.is_chosen:
            return one.version_id
    return ""

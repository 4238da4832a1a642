"""What went into a release since another one, as an artifact's source tells it (CONTRACT B.4)."""

from contextlib import suppress
from dataclasses import dataclass

from quaymaster.actions.call import Call
from quaymaster.actions.definitions import artifact_access
from quaymaster.actions.definitions.own_builds import NotOurs, source_of
from quaymaster.actions.ports.outside import CodeRepository, Commit, TracedSource
from quaymaster.actions.releases import reading
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import ArtifactPlan
from quaymaster.protocol.job import Endpoint
from quaymaster.runner.repositories.addresses import repository_text
from quaymaster.store.deployments import overviews
from quaymaster.store.releases.records import ReleaseArtifact
from quaymaster.store.releases.views import ReleaseHead, ReleaseView

USUAL = 250
MOST = 5000
COMMIT = "sourceVersion"
# Keys of a version under which sources say where its repository is (SEMANTICS 4.1).
REPOSITORY = ("repository.url", "repository", "repository.name")


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
    """The changes that the release has and the base has not; none without an artifact. Of a
    release that goes back they are those that it takes back (SEMANTICS 24.5).

    They are asked of the artifact's source, or of the repository that the version was built from.
    Raises NotFound, Forbidden (view releases, on both), Invalid for an unknown alias and for a
    source that cannot tell.
    """
    view = (await reading.release(call, release_id)).view
    artifact = _artifact(view.head, since.alias)
    if artifact is None:
        return Changes("")
    base = await _base(call, view.head, since.base)
    before = _same_source(base, artifact) if base else None
    if before and before.version_id == artifact.version_id:
        return Changes(artifact.type)
    most = min(since.most, MOST)
    plan = _plan(view, artifact)
    found = await _asked(call, plan, before, artifact, most)
    if before and not found:
        found = await _asked(call, plan, artifact, before, most)
    return Changes(artifact.type, tuple(found))


async def _asked(
    call: Call,
    plan: ArtifactPlan,
    before: ReleaseArtifact | None,
    artifact: ReleaseArtifact,
    most: int,
) -> list[Commit]:
    """What one version of an artifact has and the one before has not, as the snapshot's `plan`
    says where to ask."""
    outside = call.installation.outside
    connection = (await artifact_access.of_artifacts(call, [plan]))[plan.alias]
    source = source_of(call, plan)
    if isinstance(source, TracedSource):
        older = before.version_id if before else ""
        with suppress(NotOurs):  # then the repository may know
            return await source.changes(plan, older, artifact.version_id, most, connection)
    address, commit = _address(artifact, connection), artifact.reference.get(COMMIT, "")
    if outside.repositories is None or not address or not commit:
        raise Invalid(
            f"Sources of the type {artifact.type} cannot tell what went into the versions of the "
            f"artifact {artifact.alias}, and it names no repository and commit to look at."
        )
    older = before.reference.get(COMMIT, "") if before else ""
    if older == commit:
        return []
    repository = CodeRepository(address, connection)
    return await outside.repositories.commits(repository, older, commit, most)


def _address(artifact: ReleaseArtifact, connection: Endpoint | None) -> str:
    """Where the repository is that the versions come from; "" when it is not said."""
    said = (artifact.reference.get(key, "") for key in REPOSITORY)
    url = next((text for text in said if "://" in text or text.startswith("/")), "")
    name = artifact.reference.get("definition", "") if is_repository(artifact.type) else ""
    return repository_text(artifact.type, name, url, connection) if url or name else ""


def is_repository(artifact_type: str) -> bool:
    """Whether the definition of such an artifact names the repository itself."""
    return artifact_type.casefold() == "github"


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


def _same_source(head: ReleaseHead, artifact: ReleaseArtifact) -> ReleaseArtifact | None:
    """The artifact of the same source in another release, if it has one with a version."""
    for one in head.artifacts:
        same = (one.type.casefold(), one.source_id.casefold()) == (
            artifact.type.casefold(),
            artifact.source_id.casefold(),
        )
        if same and one.is_chosen:
            return one
    return None

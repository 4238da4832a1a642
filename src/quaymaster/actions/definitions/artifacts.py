"""Choosing the artifact versions of a release (SEMANTICS 2.3, 4.2)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from quaymaster.actions.call import Call
from quaymaster.actions.definitions import artifact_access
from quaymaster.actions.definitions.own_builds import NotOurs, source_of
from quaymaster.actions.ports.outside import ArtifactSource, Version
from quaymaster.domain.build_sources import is_own_build
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import ArtifactPlan, Plan
from quaymaster.protocol.job import Endpoint
from quaymaster.store.releases.records import ReleaseArtifact

SELECT_AT_CREATION = "selectduringreleasecreationtype"
SPECIFIC = "specificversiontype"


@dataclass(frozen=True, slots=True)
class Choice:
    """A version that the caller named for one alias; empty parts are asked of the source.

    The parts after `commit` are known of a version that its source told of by itself.
    """

    alias: str
    id: str = ""
    name: str = ""
    branch: str = ""
    commit: str = ""
    tags: tuple[str, ...] = ()
    default_branch: str = ""
    reference: Mapping[str, str] = field(default_factory=dict)


async def chosen(
    call: Call, plan: Plan, choices: Mapping[str, Choice], *, is_draft: bool
) -> tuple[ReleaseArtifact, ...]:
    """The version of every artifact of the plan, asked of the sources at the same time.

    `choices` is keyed by casefolded alias. Raises Invalid naming the alias when a version is
    missing and cannot be found; a draft may go without (SEMANTICS 2.5).
    """
    _check_aliases(plan, choices)
    sources = {one.alias: source_of(call, one) for one in plan.artifacts}
    asked = [one for one in plan.artifacts if sources[one.alias]]
    connections = await artifact_access.of_artifacts(call, asked)
    found = await asyncio.gather(
        *(
            _one(
                _Asking(artifact, sources[artifact.alias], connections),
                choices.get(artifact.alias.casefold()),
                is_draft=is_draft,
            )
            for artifact in plan.artifacts
        )
    )
    primary = next((a.alias for a in plan.artifacts if a.is_primary), None) or next(
        (a.alias for a in plan.artifacts), ""
    )
    return tuple(
        _carried(
            artifact,
            version,
            choices.get(artifact.alias.casefold()),
            is_primary=artifact.alias == primary,
            retains=_retains_builds(plan) and is_own_build(artifact.type, artifact.reference),
        )
        for artifact, version in zip(plan.artifacts, found, strict=True)
    )


def _retains_builds(plan: Plan) -> bool:
    """Whether a release keeps its builds as long as it is there (4.6, 6.8)."""
    return any(stage.retention.retain_build for stage in plan.stages)


def _check_aliases(plan: Plan, choices: Mapping[str, Choice]) -> None:
    known = {artifact.alias.casefold() for artifact in plan.artifacts}
    for key, choice in choices.items():
        if key not in known:
            raise Invalid(
                f"The definition has no artifact with the alias {choice.alias!r}. "
                f"Its aliases are: {', '.join(a.alias for a in plan.artifacts) or 'none'}."
            )


@dataclass(frozen=True, slots=True)
class _Asking:
    """An artifact, the source to ask, and the connections of all artifacts by alias."""

    artifact: ArtifactPlan
    source: ArtifactSource | None
    connections: Mapping[str, Endpoint | None]

    async def resolved(self, version: str) -> Version | None:
        """The full version; None without a source that knows."""
        if self.source is None:
            return None
        connection = self.connections.get(self.artifact.alias)
        try:
            return await self.source.resolve(self.artifact, version, connection)
        except NotOurs:
            return None  # such as a definition that was brought over from another server

    async def newest(self, *, is_draft: bool) -> Version | None:
        """The newest version that the source has; a draft does without a source that is not here
        (yet), too."""
        if self.source is None:
            return None
        connection = self.connections.get(self.artifact.alias)
        try:
            found = await self.source.versions(self.artifact, 1, connection)
        except NotOurs:
            if is_draft:
                return None
            raise
        return found[0] if found else None


async def _one(asking: _Asking, choice: Choice | None, *, is_draft: bool) -> Version | None:
    artifact = asking.artifact
    if choice and choice.id:
        if found := await asking.resolved(choice.id):
            return _named(found, choice)
        return _named(Version(choice.id, choice.id), choice)
    kind = artifact.default_version_type.casefold()
    specific = artifact.reference.get("defaultVersionSpecific", "")
    if kind == SPECIFIC and specific and (found := await asking.resolved(specific)):
        return found
    if kind != SELECT_AT_CREATION and (found := await asking.newest(is_draft=is_draft)):
        return found
    if is_draft:
        return None
    raise Invalid(_missing(artifact, kind, has_source=asking.source is not None))


def _named(version: Version, choice: Choice) -> Version:
    """The source's facts under the name, and on the branch, that the caller gave."""
    return replace(
        version,
        name=choice.name or version.name,
        branch=choice.branch or version.branch,
        commit=version.commit or choice.commit,
        tags=version.tags or choice.tags,
        reference={**choice.reference, **version.reference},
    )


def _missing(artifact: ArtifactPlan, kind: str, *, has_source: bool) -> str:
    said = f"No version is chosen for artifact {artifact.alias}: "
    if kind == SELECT_AT_CREATION:
        return said + "its definition wants it selected during release creation. Name one."
    if not has_source:
        return said + f"sources of the type {artifact.type} cannot be asked. Name the version."
    return said + "its source has none yet. Build or tag one, or name it."


def _carried(
    artifact: ArtifactPlan,
    version: Version | None,
    choice: Choice | None,
    *,
    is_primary: bool,
    retains: bool,
) -> ReleaseArtifact:
    if version is None:
        return ReleaseArtifact(
            artifact.alias,
            artifact.type,
            artifact.source_id,
            is_primary=is_primary,
            is_chosen=False,
            reference=artifact.reference,
        )
    reference = {**artifact.reference, **version.reference}
    if version.commit:
        reference["sourceVersion"] = version.commit
    return ReleaseArtifact(
        alias=artifact.alias,
        type=artifact.type,
        source_id=artifact.source_id,
        version_id=version.id,
        version_name=version.name,
        branch=version.branch,
        tags=version.tags,
        default_branch=choice.default_branch if choice else "",
        is_primary=is_primary,
        is_retained=retains,
        reference=reference,
    )

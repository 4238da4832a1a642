"""Our own builds as the source of a release's artifact (type Build, SEMANTICS 4.1, 4.2)."""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from quaymaster.actions.call import Call, Project
from quaymaster.actions.ports.outside import ArtifactSource, Commit, Version
from quaymaster.domain.build_sources import (
    OF_DEFAULT_BRANCH,
    is_own_build,
    listed,
    named_definitions,
    named_project,
)
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import ArtifactPlan
from quaymaster.domain.triggers import GOOD_RESULTS
from quaymaster.protocol.job import ArtifactDownload, Endpoint, RunJob, StoredFile
from quaymaster.store.builds import builds, containers, lists, timelines, views
from quaymaster.store.builds import files as build_files
from quaymaster.store.builds.lists import BuildFilter, BuildOrder
from quaymaster.store.builds.views import BuildView
from quaymaster.store.people import people
from quaymaster.store.postgres.database import Connection

TYPE = "build"
ELSEWHERE = "externaltfsbuild"  # the same protocol, asked of another server
OF_BRANCH = ("latestwithbranchandtagstype", "latestfrombranchtype")
MOST_CHANGES = 5000
CONTAINER = "container"
NO_FILES = ("versioncontrol", "gitref", "tfvclabel")  # marks in a repository


class NotOurs(Invalid):
    """The artifact is of a build definition that this installation does not have."""


def source_of(call: Call, artifact: ArtifactPlan) -> ArtifactSource | None:
    """The source to ask for an artifact: our own builds, or whatever serves its type.

    A Build with a service connection is one of another server of the same API.
    """
    outside = call.installation.outside
    if is_own_build(artifact.type, artifact.reference):
        return OwnBuilds(call)
    is_build = artifact.type.casefold() == TYPE
    return outside.artifact_source(ELSEWHERE if is_build else artifact.type)


@dataclass(frozen=True, slots=True)
class OwnBuilds:
    """The `ArtifactSource` of builds of this installation; a version is a completed, good build."""

    call: Call

    async def versions(
        self, artifact: ArtifactPlan, most: int, _connection: Endpoint | None
    ) -> list[Version]:
        """The builds that ended last, of the branch and with all the tags that are wanted (4.2)."""
        async with self.call.database.read() as connection:
            found: list[BuildView] = []
            for wanted in await self._wanted(connection, artifact, most):
                found += (await lists.page(connection, wanted)).rows
            found.sort(key=lambda view: (view.finished_at, view.id), reverse=True)
            return [await version_of(connection, view) for view in found[:most]]

    async def resolve(
        self, artifact: ArtifactPlan, version: str, _connection: Endpoint | None
    ) -> Version:
        """The completed build with this id or number."""
        async with self.call.database.read() as connection:
            view = await self.found(connection, artifact, version)
            return await version_of(connection, view)

    async def changes(
        self,
        artifact: ArtifactPlan,
        older: str,
        newer: str,
        most: int,
        _connection: Endpoint | None,
    ) -> list[Commit]:
        """The commits of all builds of the definition after `older` and up to `newer` (24.5)."""
        async with self.call.database.read() as connection:
            last = await self.found(connection, artifact, newer)
            first = await self.found(connection, artifact, older) if older else None
            ids = await build_files.between(
                connection, last.definition_id, first.id if first else last.id - 1, last.id
            )
            found: dict[str, Commit] = {}
            for number in ids:
                for one in await timelines.changes(connection, number, 0, MOST_CHANGES):
                    found.setdefault(one.id, _commit(one))
                if len(found) >= most:
                    break
        return list(found.values())[:most]

    async def _wanted(
        self, connection: Connection, artifact: ArtifactPlan, most: int
    ) -> list[BuildFilter]:
        """One filter for each branch that counts; the definitions of one may have several."""
        project = await self._project(connection, artifact)
        definitions = await self._definitions(connection, artifact, project)
        kind = artifact.default_version_type.casefold()
        by_branch = {"": definitions}
        tags: tuple[str, ...] = ()
        if kind in OF_BRANCH:
            by_branch = {artifact.reference.get("defaultVersionBranch", ""): definitions}
        elif kind == OF_DEFAULT_BRANCH:
            by_branch = await _by_default_branch(connection, artifact, definitions)
        if kind in (*OF_BRANCH, OF_DEFAULT_BRANCH):
            tags = listed(artifact.reference.get("defaultVersionTags", ""))
        return [
            BuildFilter(
                projects=(project,),
                definitions=chosen,
                statuses=frozenset({"completed"}),
                results=frozenset(GOOD_RESULTS),
                branch=builds.branch_reference(branch.strip()),
                tags=tags,
                order=BuildOrder.FINISH_DESCENDING,
                most=most,
            )
            for branch, chosen in by_branch.items()
        ]

    async def _project(self, connection: Connection, artifact: ArtifactPlan) -> UUID:
        """The project whose builds are taken: one of the same organization. Raises Invalid."""
        named = named_project(artifact.reference)
        if self.call.project_id is None:
            raise Invalid("Builds are asked for by a release of a project.")
        if not named:
            return self.call.project_id
        found = await build_files.project_beside(connection, self.call.project_id, named)
        if found is None:
            raise NotOurs(
                f"The artifact {artifact.alias} names the project {named[:100]}, which is not here."
            )
        return found

    async def _definitions(
        self, connection: Connection, artifact: ArtifactPlan, project: UUID
    ) -> tuple[int, ...]:
        """The build definitions of an artifact, also of one that has several. Raises Invalid."""
        named = named_definitions(artifact.reference)
        found = await build_files.definitions_named(connection, project, named)
        if not found:
            raise NotOurs(
                f"The artifact {artifact.alias} names the build definition "
                f"{', '.join(named)[:200]}, which its project does not have."
            )
        return tuple(found)

    async def found(
        self, connection: Connection, artifact: ArtifactPlan, version: str
    ) -> BuildView:
        """The completed build of this id or number. Raises Invalid."""
        project = await self._project(connection, artifact)
        definitions = await self._definitions(connection, artifact, project)
        number = await build_files.build_named(connection, definitions, version.strip())
        view = await views.get(connection, project, number) if number else None
        if view is None or view.is_deleted or view.status != "completed":
            raise Invalid(
                f"Version {version!r} of artifact {artifact.alias} is neither the id nor the "
                "number of a completed build of its definition."
            )
        return view


async def _by_default_branch(
    connection: Connection, artifact: ArtifactPlan, definitions: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    """The definitions of an artifact by their default branch. Raises Invalid for one without."""
    found: dict[str, tuple[int, ...]] = {}
    for number in definitions:
        branch = (await build_files.default_branch(connection, number)).strip()
        if not branch:
            raise Invalid(
                f"Artifact {artifact.alias}: build definition {number} has no default branch. "
                "Name the branch: latestWithBranchAndTagsType, with `defaultVersionBranch`."
            )
        found[branch] = (*found.get(branch, ()), number)
    return found


async def with_files(connection: Connection, call: Call, project: str, message: RunJob) -> RunJob:
    """The message of a release's job, with the files of the builds of ours that it downloads.

    `project` is the release's. Raises Invalid when a build is not there any more.
    """
    if not any(map(_is_own, message.artifacts)):
        return message
    own = OwnBuilds(Call(call.installation, None, Project(project, "", ""), call.now))
    artifacts = []
    for one in message.artifacts:
        files = await _files(connection, own, one) if _is_own(one) else None
        artifacts.append(msgspec.structs.replace(one, files=files))
    return msgspec.structs.replace(
        message, artifacts=artifacts, storage=call.installation.files.url
    )


def _is_own(artifact: ArtifactDownload) -> bool:
    return is_own_build(artifact.type, artifact.reference)


async def _files(
    connection: Connection, own: OwnBuilds, artifact: ArtifactDownload
) -> list[StoredFile]:
    plan = ArtifactPlan(artifact.alias, artifact.type, reference=dict(artifact.reference))
    view = await own.found(connection, plan, artifact.reference.get("version", ""))
    await _check_places(connection, view, artifact)
    return [
        StoredFile(one.path, one.byte_count, one.sha256, one.keys)
        for one in await build_files.stored(connection, view.id)
    ]


async def _check_places(
    connection: Connection, view: BuildView, artifact: ArtifactDownload
) -> None:
    """Raise Invalid, by name, for what is wanted and lies where no worker can get it."""
    for one in await containers.artifacts(connection, view.id):
        is_here = one.type.casefold() == CONTAINER
        if not is_here and one.type.casefold() not in NO_FILES and _wants(artifact, one.name):
            raise Invalid(
                f"Artifact {artifact.alias}: {one.name} of build {view.number} is of the type "
                f"{one.type} and lies at {one.data[:200]}, from where nothing is downloaded. "
                "Publish it to this server, or leave it out of the artifacts to download."
            )


def _wants(artifact: ArtifactDownload, name: str) -> bool:
    """Whether a selective download may take something of the artifact of this name."""
    if artifact.items is None:
        return True
    tops = {item.strip("/").partition("/")[0] for item in artifact.items}
    return any(top in ("", ".", name) or any(sign in top for sign in "*?[!") for top in tops)


async def version_of(connection: Connection, view: BuildView) -> Version:
    """A completed build as the version of an artifact, with its flat published keys (4.1): the
    same whether a release asks for it or the end of the build tells of it."""
    requester = await people.get(connection, view.requested_for) if view.requested_for else None
    name = requester.display_name if requester else ""
    reference = {
        "project": str(view.project_id),
        "project.name": view.project_name,
        "definition": str(view.definition_id),
        "definition.name": view.definition_name,
        "buildUri": f"vstfs:///Build/Build/{view.id}",
        "requestedFor": name,
        "requestedFor.name": name,
        "requestedForId": view.requested_for or "",
        "repository": str(view.repository.get("id") or ""),
        "repository.name": str(view.repository.get("name") or ""),
        "repository.provider": str(view.repository.get("type") or ""),
        "pullRequest.targetBranch": view.trigger_info.get("pr.targetBranch", ""),
    }
    return Version(
        id=str(view.id),
        name=view.number,
        branch=view.source_branch,
        commit=view.source_version,
        tags=view.tags,
        created_at=view.finished_at,
        reference={key: value for key, value in reference.items() if value},
    )


def _commit(found: timelines.BuildChange) -> Commit:
    return Commit(
        id=found.id,
        message=found.message,
        author_name=found.author_name,
        author_email=found.author_email,
        authored_at=found.at,
        at=found.at,
    )

"""Git repositories as a source of artifact versions (types Git and TfsGit)."""

from typing import TYPE_CHECKING

from quaymaster.actions.ports.outside import CodeRepository, Commit, Heads, Version
from quaymaster.connectors.repositories import GitFolder
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import ArtifactPlan
from quaymaster.domain.pushes import told_address
from quaymaster.protocol.job import Endpoint
from quaymaster.runner.repositories.addresses import repository_text

if TYPE_CHECKING:
    from dulwich.repo import Repo


class GitRepositories:
    """The `ArtifactSource` of repositories; a version is a commit."""

    def __init__(self, repositories: GitFolder) -> None:
        self._repositories = repositories

    async def versions(
        self, artifact: ArtifactPlan, most: int, connection: Endpoint | None
    ) -> list[Version]:
        """Tags first, then the commits of the artifact's branch, each newest first.

        Where the default version is the newest of a branch, only that branch's commits.
        """

        def ask(found: "Repo") -> list[Version]:
            from quaymaster.connectors.artifacts import git_versions  # noqa: PLC0415 - loads git

            return git_versions.versions(found, artifact, most)

        return await self._repositories.read(code_repository(artifact, connection), ask, "")

    async def resolve(
        self, artifact: ArtifactPlan, version: str, connection: Endpoint | None
    ) -> Version:
        """The commit behind a full commit id, a tag or a branch name."""
        repository = code_repository(artifact, connection)

        def ask(found: "Repo") -> Version:
            from quaymaster.connectors.artifacts import git_versions  # noqa: PLC0415 - loads git

            return git_versions.resolved(found, artifact, version, repository.address)

        return await self._repositories.read(repository, ask, version)

    async def heads(self, artifact: ArtifactPlan, connection: Endpoint | None) -> Heads:
        """The newest commit of every branch."""
        repository = code_repository(artifact, connection)

        def ask(found: "Repo") -> Heads:
            from quaymaster.connectors.artifacts import git_versions  # noqa: PLC0415 - loads git

            return git_versions.heads(found, repository.address)

        return await self._repositories.read(repository, ask, "")

    async def changes(
        self,
        artifact: ArtifactPlan,
        older: str,
        newer: str,
        most: int,
        connection: Endpoint | None,
    ) -> list[Commit]:
        """The commits that one version has and another has not."""
        repository = code_repository(artifact, connection)
        return await self._repositories.commits(repository, older, newer, most)


def code_repository(artifact: ArtifactPlan, connection: Endpoint | None) -> CodeRepository:
    """Where the repository of an artifact is. Raises Invalid when it does not say."""
    reference = artifact.reference
    name = reference.get("definition", "")
    text = repository_text(artifact.type, name, told_address(reference), connection)
    if not text:
        raise Invalid(
            f"Artifact {artifact.alias} needs the absolute path or the URL of its repository as "
            "the id of its `definition`, or a connection that has one; it has "
            f"{reference.get('definition', '')!r}."
        )
    return CodeRepository(text, connection)

"""Git repositories on this machine as a source of artifact versions."""

import asyncio

from quaymaster.actions.ports import Heads, Version
from quaymaster.domain.plan import ArtifactPlan
from quaymaster.protocol.job import Endpoint


class GitRepositories:
    """The `ArtifactSource` of repositories that this machine can read directly.

    What reads them is loaded with the first question: it takes 10 MB that most processes of an
    idle product never need.
    """

    async def versions(
        self, artifact: ArtifactPlan, most: int, _connection: Endpoint | None
    ) -> list[Version]:
        """Tags first, then the commits of the artifact's branch, each newest first."""
        from quaymaster.connectors.artifacts import git_versions  # noqa: PLC0415 - see above

        return await asyncio.to_thread(git_versions.versions, artifact, most)

    async def resolve(
        self, artifact: ArtifactPlan, version: str, _connection: Endpoint | None
    ) -> Version:
        """The commit behind a full commit id, a tag or a branch name."""
        from quaymaster.connectors.artifacts import git_versions  # noqa: PLC0415 - see above

        return await asyncio.to_thread(git_versions.resolved, artifact, version)

    async def heads(self, artifact: ArtifactPlan, _connection: Endpoint | None) -> Heads:
        """The newest commit of every branch."""
        from quaymaster.connectors.artifacts import git_versions  # noqa: PLC0415 - see above

        return await asyncio.to_thread(git_versions.heads, artifact)

"""The sources of a build: which commit it builds, what changed since the one before, its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from quaymaster.actions.call import Call
from quaymaster.actions.ports.outside import CodeRepository, Commit, Listed, Repositories
from quaymaster.actions.resources import connections
from quaymaster.domain.build_plan import RepositoryPlan
from quaymaster.domain.errors import Invalid
from quaymaster.plans.endpoints import endpoint
from quaymaster.protocol.job import Endpoint
from quaymaster.runner.repositories.addresses import repository_text
from quaymaster.store.storage.vault import VaultError

HEADS = "refs/heads/"
MOST_CHANGES = 1000


@dataclass(frozen=True, slots=True)
class Sources:
    """A repository of a definition with the opened connection that it names."""

    plan: RepositoryPlan
    repository: CodeRepository

    @property
    def connection(self) -> Endpoint | None:
        return self.repository.connection


async def opened(call: Call, project: UUID, plan: RepositoryPlan) -> Sources:
    """The repository of a definition of this project. Raises Invalid when it has no address, or
    names a connection that the project does not have or that cannot be opened."""
    word = plan.connection.strip()
    found: Endpoint | None = None
    if word:
        try:
            async with call.database.read() as connection:
                known = await connections.resolve(connection, call.vault, project, [word])
        except VaultError as error:
            raise Invalid(
                f"The repository's service connection cannot be opened: {error}"
            ) from error
        if word.casefold() not in known:
            raise Invalid(
                f"The repository names the service connection {word}, which the project does not "
                "have. Add it, or name another in the definition's repository."
            )
        found = endpoint(known[word.casefold()])
    return Sources(plan, CodeRepository(address_of(plan, found), found))


def address_of(plan: RepositoryPlan, connection: Endpoint | None = None) -> str:
    """Where the repository is: its address, a path, or owner/name at GitHub. Raises Invalid."""
    text = repository_text(plan.type, plan.name or plan.id, plan.url, connection)
    if not text:
        raise Invalid(
            "The definition does not say where its repository is. Give its repository a `url`: a "
            "path on the server, or an http, https or ssh address."
        )
    return text


def full_branch(plan: RepositoryPlan, branch: str) -> str:
    """The ref of a branch as people write it; "" is the definition's default branch, and "" again
    when that is not known either: then it is the repository's own."""
    named = branch.strip() or plan.default_branch.strip()
    return named if not named or named.startswith("refs/") else HEADS + named


async def commit(call: Call, sources: Sources, branch: str, version: str = "") -> Commit:
    """The commit that a build of this branch (and version) builds. Raises Invalid when there is
    none, or when no repository can be read here."""
    named = version.strip() or full_branch(sources.plan, branch)
    return await _repositories(call).commit(sources.repository, named)


async def changes(call: Call, sources: Sources, older: str, newer: str) -> list[Commit]:
    """The commits of a build that are not in the build before, newest first; its own commit alone
    when there was none (24.5). Raises Invalid."""
    return await _repositories(call).commits(sources.repository, older, newer, MOST_CHANGES)


async def paths(call: Call, sources: Sources, older: str, newer: str) -> list[str]:
    """The files in which two commits differ; those that `newer` changed with `older` "".
    Raises Invalid."""
    return await _repositories(call).paths(sources.repository, older, newer)


async def heads(call: Call, sources: Sources) -> Mapping[str, str]:
    """The commit of each ref as it is now. Raises Invalid."""
    return await _repositories(call).heads(sources.repository)


async def file(call: Call, sources: Sources, version: str, path: str) -> str:
    """The text of a file of a commit, such as the YAML of a build. Raises Invalid."""
    content = await _repositories(call).file(sources.repository, version, path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(f"{path[:200]} of commit {version[:8]} is not UTF-8 text.") from None


async def folder(call: Call, sources: Sources, version: str, path: str) -> list[Listed]:
    """What is in a folder of a commit, folders first. Raises Invalid."""
    return await _repositories(call).folder(sources.repository, version, path)


def _repositories(call: Call) -> Repositories:
    if (found := call.installation.outside.repositories) is None:
        raise Invalid("This server cannot read repositories.")
    return found

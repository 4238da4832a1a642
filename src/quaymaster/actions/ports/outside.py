"""The outside world as the actions need it; connectors implement these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from quaymaster.actions.ports.picking import Offer, Pick, Picked
from quaymaster.actions.ports.workflows import WorkflowService
from quaymaster.domain.plan import ArtifactPlan, Demand, TaskPlan
from quaymaster.domain.variables import VariableSet
from quaymaster.outgoing.requests import Unreachable, WebAnswer, WebClient, WebRequest
from quaymaster.plans.azure_scope import InstalledHere
from quaymaster.plans.connections import InputsOf, no_inputs
from quaymaster.plans.job_message import ChosenTask
from quaymaster.plans.server_executions import ServerExecution
from quaymaster.protocol.job import Endpoint
from quaymaster.sources.versions import Commit, Version

__all__ = [
    "ArtifactSource",
    "CodeRepository",
    "Commit",
    "Heads",
    "InstalledTasks",
    "Listed",
    "Outside",
    "Repositories",
    "ServerTask",
    "ServerTaskEnd",
    "ServerTasks",
    "SourceWithBranches",
    "TracedSource",
    "Unreachable",
    "Version",
    "WebAnswer",
    "WebClient",
    "WebRequest",
]


@dataclass(frozen=True, slots=True)
class CodeRepository:
    """A git repository: a path on this machine or an http, https or ssh URL, and what signs in."""

    address: str
    connection: Endpoint | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """A file or a folder of a commit, by its path from the top."""

    path: str
    is_folder: bool


class Repositories(Protocol):
    """Whatever reads git repositories. Everything raises Invalid, saying what to change, when a
    repository cannot be reached."""

    async def heads(self, repository: CodeRepository, /) -> Mapping[str, str]:
        """The commit id of each ref as it is now: `refs/heads/main`, `refs/tags/v1`, `HEAD`."""

    async def commit(self, repository: CodeRepository, named: str, /) -> Commit:
        """The commit that a full ref, a branch, a tag or a commit id means; "" is the newest of
        the default branch. Raises Invalid when there is none."""

    async def commits(
        self, repository: CodeRepository, older: str, newer: str, most: int, /
    ) -> list[Commit]:
        """The commits of `newer` that are not in `older`, newest first, at most `most`; those of
        `newer` alone when `older` is "" or not there any more. Both are commit ids."""

    async def changes(
        self, repository: CodeRepository, older: str, newer: str, most: int, /
    ) -> list[tuple[Commit, list[str]]]:
        """The same commits, each with the paths in which it differs from its first parent."""

    async def paths(self, repository: CodeRepository, older: str, newer: str, /) -> list[str]:
        """The paths in which two commits differ; with `older` "" those that `newer` changed."""

    async def history(self, repository: CodeRepository, newer: str, most: int, /) -> list[Commit]:
        """A commit and those before it, newest first, at most `most`."""

    async def contained(
        self, repository: CodeRepository, commit: str, wanted: Sequence[str], /
    ) -> set[str]:
        """Those of these commit ids that a commit has: it descends from them, or it or one before
        it says that it was picked from them."""

    async def picked(self, repository: CodeRepository, pick: Pick, /) -> Picked:
        """Put commits on another and move a branch there; nothing is changed by a conflict.

        Asking again does the same. Raises Refused when the branch has other commits.
        """

    async def offered(self, repository: CodeRepository, offer: Offer, /) -> None:
        """Make the two branches of an offer; one that is there already is left as it is."""

    async def file(self, repository: CodeRepository, commit: str, path: str, /) -> bytes:
        """The content of a file of a commit. Raises Invalid when there is none."""

    async def folder(self, repository: CodeRepository, commit: str, path: str, /) -> list[Listed]:
        """What is in a folder of a commit ("": at its top), folders first. Raises Invalid."""

    async def forget_unused(self) -> int:
        """Remove the copies on this machine that nobody asked anything of for long; how many."""


class ArtifactSource(Protocol):
    """One kind of source that releases take versions from (SEMANTICS 4)."""

    async def versions(
        self, artifact: ArtifactPlan, most: int, connection: Endpoint | None, /
    ) -> list[Version]:
        """The newest versions first, at most `most`, of those that the artifact's branch and tags
        admit. `connection` is the opened service connection that the artifact names. Raises
        Invalid when the source cannot be asked, saying what to change in the definition."""

    async def resolve(
        self, artifact: ArtifactPlan, version: str, connection: Endpoint | None, /
    ) -> Version:
        """The full version behind an id that a caller gave. Raises Invalid when unknown."""


@dataclass(frozen=True, slots=True)
class Heads:
    """What is newest at a source: on each branch, or `is_one_line` of all, newest first."""

    versions: Sequence[Version]
    default_branch: str = ""
    is_one_line: bool = False


@runtime_checkable
class SourceWithBranches(Protocol):
    """A source that says what is newest on every branch, so that pushes can be watched for."""

    async def heads(self, artifact: ArtifactPlan, connection: Endpoint | None, /) -> Heads:
        """The newest version of each branch. Raises Invalid when the source cannot be asked."""


@runtime_checkable
class TracedSource(Protocol):
    """A source that can also tell what went into a version (CONTRACT B.4 changes)."""

    async def changes(
        self,
        artifact: ArtifactPlan,
        older: str,
        newer: str,
        most: int,
        connection: Endpoint | None,
        /,
    ) -> list[Commit]:
        """The commits that the version `newer` has and `older` has not, newest first, at most
        `most`; with `older` "" the newest alone. Raises Invalid for a version that is unknown."""


@dataclass(frozen=True, slots=True)
class ServerTask:
    """A task that runs without an agent, as a gate or in a server phase (SEMANTICS 20).

    `inputs` are as written in the definition; `variables` and `connections` may hold secrets and
    are never shown.
    """

    task_id: str
    version: str
    name: str
    inputs: Mapping[str, str] = field(default_factory=dict, repr=False)
    variables: VariableSet = field(default_factory=VariableSet, repr=False)
    connections: Sequence[Endpoint] = field(default=(), repr=False)
    retry_count: int = 0


@dataclass(frozen=True, slots=True)
class ServerTaskEnd:
    """What came of it: one sentence, and the evidence line by line, with no secret in either."""

    succeeded: bool
    message: str = ""
    evidence: tuple[str, ...] = ()
    is_waiting: bool = False  # the service was asked, and reports later how it went


class ServerTasks(Protocol):
    """Whatever carries out server tasks."""

    async def run(self, task: ServerTask) -> ServerTaskEnd:
        """Run the task to its end. A task that cannot be run fails, saying why."""


class InstalledTasks(Protocol):
    """The tasks that were installed on the machine where jobs run (SEMANTICS 18.1)."""

    @property
    def directory(self) -> str:
        """Where they are kept."""

    @property
    def node(self) -> str:
        """The Node.js that runs them; "" is the first of the PATH."""

    def versions(self) -> Mapping[str, frozenset[str]]:
        """The installed versions of each task by its id in lower case."""

    def names(self) -> Mapping[str, str]:
        """The id of each installed task by its name in lower case."""

    def connection_inputs(self, task: TaskPlan) -> frozenset[str]:
        """The inputs of the installed task that hold service connections, in lower case."""

    def server_versions(self) -> Mapping[str, frozenset[str]]:
        """The installed versions that can be run without an agent, by the task's id (20.3)."""

    def server_execution(self, task_id: str, version: str) -> ServerExecution | None:
        """What the installed task does without an agent; None when it does nothing there, is not
        installed, or is a server task of our own."""

    def demands(self, task: TaskPlan) -> tuple[Demand, ...]:
        """What the installed task demands of a worker (SEMANTICS 12.7)."""

    def secure_file_inputs(self, task: TaskPlan) -> frozenset[str]:
        """The inputs of the installed task that hold secure files, in lower case."""

    def chosen(self, task: TaskPlan) -> ChosenTask | None:
        """The installed task that a step means; None when it means one of the runner's own, or
        one that is not there, which the job then says before its first step."""


@dataclass(frozen=True, slots=True)
class Outside:
    """All connectors, keyed by the type they serve (casefolded); `allowed_addresses` are what the
    operator lets outgoing calls reach besides public addresses; `workflows` are by their method."""

    artifacts: Mapping[str, ArtifactSource] = field(default_factory=dict)
    server_tasks: ServerTasks | None = None
    tasks: InstalledTasks | None = None
    allowed_addresses: tuple[str, ...] = ()
    web: WebClient | None = None
    repositories: Repositories | None = None
    workflows: Mapping[str, WorkflowService] = field(default_factory=dict)

    @property
    def installed(self) -> InstalledHere:
        """The installed tasks, as definitions are compiled with them."""
        if (tasks := self.tasks) is None:
            return InstalledHere()
        return InstalledHere(tasks.versions(), tasks.demands, tasks.server_versions())

    @property
    def connection_inputs(self) -> InputsOf:
        """Which inputs of a task hold service connections, beside those of the runner's own."""
        return self.tasks.connection_inputs if self.tasks else no_inputs

    def artifact_source(self, artifact_type: str) -> ArtifactSource | None:
        return self.artifacts.get(artifact_type.casefold())

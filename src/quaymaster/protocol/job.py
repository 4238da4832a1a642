"""The messages with which a worker gives one job to a job host and hears how it goes.

Every message is a tagged msgpack map (`type` names it). Times are seconds since the epoch, UTC.
Texts that a host sends are masked already: no secret value leaves it. `version` is raised when a
message changes in a way that an older reader would misunderstand.
"""

from enum import StrEnum
from typing import Literal

import msgspec

PROTOCOL_VERSION = 3
DEFAULT_LOG_LIMIT = 2 * 1024**3
UNACKNOWLEDGED_LIMIT = 4 * 1024**2


class JobResult(StrEnum):
    """How a step or a job ended (SEMANTICS 13.7), in the words of the timeline."""

    SUCCEEDED = "Succeeded"
    SUCCEEDED_WITH_ISSUES = "SucceededWithIssues"
    FAILED = "Failed"
    CANCELED = "Canceled"
    SKIPPED = "Skipped"
    ABANDONED = "Abandoned"


class JobVariable(msgspec.Struct, frozen=True):
    """One variable as it stands when the job starts; `value` may hold `$(other)` macros."""

    name: str
    value: str
    is_secret: bool = False
    is_read_only: bool = False

    def __repr__(self) -> str:
        shown = "***" if self.is_secret else self.value
        return f"JobVariable(name={self.name!r}, value={shown!r}, is_secret={self.is_secret})"


class Endpoint(msgspec.Struct, frozen=True):
    """A service connection: `parameters` authenticate and are masked, `data` are plain."""

    id: str
    name: str
    type: str
    url: str = ""
    scheme: str = ""
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    data: dict[str, str] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Endpoint(id={self.id!r}, name={self.name!r}, type={self.type!r})"


class SecureFile(msgspec.Struct, frozen=True):
    """A file that a task may fetch from this server with its ticket, which is masked."""

    id: str
    name: str
    ticket: str

    def __repr__(self) -> str:
        return f"SecureFile(id={self.id!r}, name={self.name!r})"


class StoredFile(msgspec.Struct, frozen=True):
    """A file in our own storage: its objects in order, size in bytes, SHA-256 in hex ("" none)."""

    path: str
    size: int
    sha256: str
    keys: list[str]


class ArtifactDownload(msgspec.Struct, frozen=True):
    """One artifact version to put into `<artifacts directory>/<alias>`.

    `reference` is flat: the keys of SEMANTICS 4.1 plus `version` (the commit or build id) and, for
    repositories, `url` or `path`. `items` None takes everything; a list takes only these paths.
    `files` are those of one of our own builds, which lie in the storage of `RunJob.storage`.
    """

    alias: str
    type: str
    reference: dict[str, str] = msgspec.field(default_factory=dict)
    items: list[str] | None = None
    files: list[StoredFile] | None = None


class Checkout(msgspec.Struct, frozen=True):
    """The sources of a build, checked out into its default directory.

    `address` is a path on the worker's machine or an http, https or ssh URL; `branch` a full ref
    ("" is the default branch), `commit` "" its newest commit. `depth` 0 fetches all history;
    `clean` removes what earlier builds have left. `connection` names the one of the source
    endpoints that signs in. `tags` None brings tags with the whole history only; `lfs` brings the
    files of Git LFS. `of_strangers`: the sources begin empty, and submodules are not signed in to.
    """

    address: str
    branch: str = ""
    commit: str = ""
    clean: bool = False
    depth: int = 0
    submodules: Literal["", "direct", "nested"] = ""
    connection: str = ""
    lfs: bool = False
    tags: bool | None = None
    of_strangers: bool = False


StepKind = Literal["initialize", "checkout", "download", "task", "finalize"]
Section = Literal["pre", "main", "post"]
SYSTEM_CONNECTION = "SYSTEMVSSCONNECTION"


class Step(msgspec.Struct, frozen=True):
    """One row of the job's timeline, in the order in which it runs.

    `timeout_seconds` None or 0 is unlimited; `retry_count` is capped at 10 (SEMANTICS 13.11).
    The fields from `task_id` on mean something for tasks only. An installed task may run in three
    sections of the job (SEMANTICS 13.4), which have the same `task_number`, counted from 1.
    """

    id: int
    kind: StepKind
    display_name: str
    instance_id: str = ""
    task_id: str = ""
    task_name: str = ""
    version: str = ""
    reference_name: str = ""
    condition: str = ""
    enabled: bool = True
    always_run: bool = False
    continue_on_error: bool = False
    timeout_seconds: float | None = None
    retry_count: int = 0
    inputs: dict[str, str] = msgspec.field(default_factory=dict)
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    section: Section = "main"
    task_number: int = 0


class RunJob(msgspec.Struct, tag=True, frozen=True):
    """Worker → host: run this job. `workspace` is the stable key (`project/definition`) to which
    the slot's `work_directory` remembers one directory r<N> (SEMANTICS 17.6). `token` is the
    lease's fencing token; the host keeps it to itself. `tasks_directory` holds the installed tasks
    and `node` is the Node.js that runs them, where it is not the first of the PATH. Downloads reach
    public addresses and `allowed_addresses` (networks and hosts). `endpoints` are for tasks,
    `source_endpoints` for the checkout and the downloads alone.
    """

    job_id: int
    token: str
    name: str
    plan_id: str
    workspace: str
    work_directory: str
    steps: list[Step]
    variables: list[JobVariable] = msgspec.field(default_factory=list)
    endpoints: list[Endpoint] = msgspec.field(default_factory=list)
    source_endpoints: list[Endpoint] = msgspec.field(default_factory=list)
    artifacts: list[ArtifactDownload] = msgspec.field(default_factory=list)
    secure_files: list[SecureFile] = msgspec.field(default_factory=list)
    skip_artifacts: bool = False
    timeout_seconds: float | None = None
    cancel_timeout_seconds: float = 60.0
    host_type: Literal["release", "build"] = "release"
    agent_name: str = ""
    agent_id: int = 0
    log_limit_bytes: int = DEFAULT_LOG_LIMIT
    tasks_directory: str = ""
    node: str = ""
    allowed_addresses: list[str] = msgspec.field(default_factory=list)
    checkout: Checkout | None = None
    cleans_outputs: bool = False
    storage: str = ""
    v: int = PROTOCOL_VERSION

    def __repr__(self) -> str:
        return f"RunJob(job_id={self.job_id}, name={self.name!r}, steps={len(self.steps)})"


class CancelJob(msgspec.Struct, tag=True, frozen=True):
    """Worker → host: stop; steps whose condition holds when canceled still run."""

    job_id: int
    reason: str


class LogAck(msgspec.Struct, tag=True, frozen=True):
    """Worker → host: this many more bytes of log have been stored, so as many more may come."""

    bytes: int


class Published(msgspec.Struct, tag=True, frozen=True):
    """Worker → host: the answer to each Publication of a step, in their order; `problem` says why
    it was not kept, "" that it was."""

    job_id: int
    step_id: int
    problem: str = ""
    warnings: list[str] = msgspec.field(default_factory=list)


class HostReady(msgspec.Struct, tag=True, frozen=True):
    """Host → worker, once: started, and able to take a job."""

    pid: int
    v: int = PROTOCOL_VERSION


class StepStarted(msgspec.Struct, tag=True, frozen=True):
    """Host → worker: a step begins; `display_name` has its macros expanded and is masked."""

    job_id: int
    step_id: int
    display_name: str
    at: float


class LogChunk(msgspec.Struct, tag=True, frozen=True):
    """Host → worker: whole lines `2026-01-01T00:00:00.0000000Z text\\n` of a step's log.

    `sequence` counts a step's chunks from 1; `first_line` is the 1-based number of its first line.
    """

    job_id: int
    step_id: int
    sequence: int
    first_line: int
    line_count: int
    body: bytes


class StepProgress(msgspec.Struct, tag=True, frozen=True):
    """Host → worker: `percent` 0-100 and what the step is doing."""

    job_id: int
    step_id: int
    percent: int
    operation: str


class Detail(msgspec.Struct, tag=True, frozen=True):
    """Host → worker: a record below a step (`task.logdetail`); None leaves a field as it was."""

    job_id: int
    step_id: int
    id: str
    fields: dict[str, str]


class Issue(msgspec.Struct, frozen=True):
    """Something that went wrong; `data` holds sourcepath, linenumber, code, logFileLineNumber …"""

    type: Literal["error", "warning"]
    message: str
    data: dict[str, str] = msgspec.field(default_factory=dict)


class StepEnded(msgspec.Struct, tag=True, frozen=True):
    """Host → worker: at most 10 errors and 10 warnings are listed, the counts are of all."""

    job_id: int
    step_id: int
    result: JobResult
    at: float
    issues: list[Issue] = msgspec.field(default_factory=list)
    error_count: int = 0
    warning_count: int = 0
    task_version: str = ""


class OutputVariable(msgspec.Struct, tag=True, frozen=True):
    """Host → worker: a task set `<reference name>.<name>`; a secret has no `value`.

    `hidden` is a secret's value, for later jobs of the same build only: it is shown to nobody.
    """

    job_id: int
    step_id: int
    name: str
    value: str
    is_secret: bool = False
    hidden: str = ""

    def __repr__(self) -> str:
        return f"OutputVariable(name={self.name!r}, is_secret={self.is_secret})"


class ReleaseRenamed(msgspec.Struct, tag=True, frozen=True):
    """Host → worker: a task asked for a new release name (`release.updatereleasename`)."""

    job_id: int
    name: str


class ArtifactFiles(msgspec.Struct, tag=True, frozen=True):
    """Host → worker: put this file or folder into the build's artifact of this name, below
    `folder`; what is at `path` stays until the worker's sink has returned.

    `path` may hold a secret: what is kept and shown of it is `shown_path`, where it is masked.
    """

    job_id: int
    step_id: int
    name: str
    folder: str
    path: str
    shown_path: str = ""


class ArtifactNamed(msgspec.Struct, tag=True, frozen=True):
    """Host → worker: the build has an artifact that lies elsewhere (`artifact.associate`)."""

    job_id: int
    step_id: int
    name: str
    artifact_type: str
    location: str
    properties: dict[str, str] = msgspec.field(default_factory=dict)


class BuildChanged(msgspec.Struct, tag=True, frozen=True):
    """Host → worker: a task renamed or tagged its build; "" is neither."""

    job_id: int
    step_id: int
    number: str = ""
    tag: str = ""


class Attachment(msgspec.Struct, tag=True, frozen=True):
    """Host → worker: keep the file at `path`, a copy that is the worker's to remove."""

    job_id: int
    step_id: int
    attachment_type: str
    name: str
    path: str


class JobEnded(msgspec.Struct, tag=True, frozen=True):
    """Host → worker, the last message of a job; `error` says why it failed outside of its steps.

    `is_waiting`: the job has not ended, a service that it asked reports later how it does.
    """

    job_id: int
    result: JobResult
    at: float
    issues: list[Issue] = msgspec.field(default_factory=list)
    error: str = ""
    is_waiting: bool = False


# What a step publishes to its build: each is answered.
Publication = ArtifactFiles | ArtifactNamed | BuildChanged
WorkerMessage = RunJob | CancelJob | LogAck | Published
HostMessage = (
    HostReady
    | StepStarted
    | LogChunk
    | StepProgress
    | Detail
    | StepEnded
    | OutputVariable
    | ReleaseRenamed
    | Attachment
    | ArtifactFiles
    | ArtifactNamed
    | BuildChanged
    | JobEnded
)

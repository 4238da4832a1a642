"""What a logging command asks the runner to do, or why it asks in vain (SEMANTICS 15.4, 15.5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import TypeAlias

SUMMARY = "DistributedTask.Core.Summary"
FILE_ATTACHMENT = "DistributedTask.Core.FileAttachment"


class TaskResult(IntEnum):
    """How a task ended, from good to bad; numbers and names as tasks send them."""

    Succeeded = 0
    SucceededWithIssues = 1
    Failed = 2
    Canceled = 3
    Skipped = 4
    Abandoned = 5


class IssueKind(StrEnum):
    """What an issue is counted as."""

    ERROR = "error"
    WARNING = "warning"


class DetailState(StrEnum):
    """How far a part of a task is."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"


class EndpointField(StrEnum):
    """What of a service connection may be changed."""

    AUTH_PARAMETER = "authParameter"
    DATA_PARAMETER = "dataParameter"
    URL = "url"


@dataclass(frozen=True, slots=True)
class SetVariable:
    """A variable for the following steps; an output is known as `<step>.<name>`."""

    name: str
    value: str = field(repr=False)
    is_secret: bool = False
    is_output: bool = False
    is_read_only: bool = False
    preserve_case: bool = False


@dataclass(frozen=True, slots=True)
class SetTaskVariable:
    """A variable seen only by the parts of the same task, as VSTS_TASKVARIABLE_<name>."""

    name: str
    value: str = field(repr=False)
    is_secret: bool = False
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class SetSecret:
    """A text to mask from now on."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LogIssue:
    """An error or warning to count and show; it alone does not fail the step.

    `line` is the log line, which names the place in the source when there is one. `properties`
    are those sent along, without the type.
    """

    kind: IssueKind
    message: str
    line: str
    category: str = "General"
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Complete:
    """The task's own result; `done`: the step ends five seconds later even if it still runs."""

    result: TaskResult
    message: str = ""
    done: bool = False


@dataclass(frozen=True, slots=True)
class SetProgress:
    """How far the task is, 0 to 100, and what it is doing."""

    percent: int
    operation: str = ""


@dataclass(frozen=True, slots=True)
class LogDetail:
    """A part of a task in the timeline; what is None is not said and keeps what it was.

    Ids are GUIDs in lower case with dashes; times are UTC.
    """

    id: str
    parent_id: str | None = None
    type: str | None = None
    name: str | None = None
    order: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    percent: int | None = None
    state: DetailState | None = None
    result: TaskResult | None = None
    operation: str | None = None


@dataclass(frozen=True, slots=True)
class AddAttachment:
    """A file to keep with the task; whether it exists is for the runner to find out."""

    type: str
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class UploadSummary:
    """A page to show with the deployment: an attachment of type SUMMARY."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class UploadFile:
    """A file to offer with the logs: an attachment of type FILE_ATTACHMENT."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class PrependPath:
    """A directory the following steps look for programs in, before all others."""

    path: str


@dataclass(frozen=True, slots=True)
class SetEndpoint:
    """A change to a service connection for later steps; auth parameters are to be masked."""

    id: str
    part: EndpointField
    key: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Debug:
    """A line to show when debugging."""

    text: str


@dataclass(frozen=True, slots=True)
class UpdateReleaseName:
    """A new name for the release, and Release.ReleaseName for later steps."""

    name: str


@dataclass(frozen=True, slots=True)
class ArtifactAssociate:
    """An artifact that lies somewhere else already."""

    name: str
    type: str
    location: str
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArtifactUpload:
    """A file or folder to publish as an artifact."""

    name: str
    folder: str
    path: str


@dataclass(frozen=True, slots=True)
class UploadBuildLog:
    """A file to keep among the build's logs."""

    path: str


@dataclass(frozen=True, slots=True)
class UpdateBuildNumber:
    """A new number for the build."""

    number: str


@dataclass(frozen=True, slots=True)
class AddBuildTag:
    """A tag for the build."""

    tag: str


@dataclass(frozen=True, slots=True)
class PublishTestResults:
    """Files of test results to read and publish."""

    type: str
    files: tuple[str, ...]
    merge: bool = False
    platform: str = ""
    configuration: str = ""
    run_title: str = ""
    publish_attachments: bool = True
    fail_on_failed_tests: bool = False
    test_run_system: str = ""


@dataclass(frozen=True, slots=True)
class PublishCodeCoverage:
    """A report of code coverage to publish."""

    tool: str
    summary_file: str
    report_directory: str = ""
    additional_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TelemetryIgnored:
    """Accepted and not kept."""


@dataclass(frozen=True, slots=True)
class CommandError:
    """A command that cannot be obeyed: an error issue, and the step's command result is Failed.

    `shows_line`: the line itself is printed too. `secret` is what was meant to become one: it is
    to be masked before anything of the line is shown.
    """

    message: str
    shows_line: bool = False
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CommandWarning:
    """A command that is ignored with a warning; the step does not fail for it.

    `secret` as in CommandError.
    """

    message: str
    secret: str = field(default="", repr=False)


Effect: TypeAlias = (
    SetVariable
    | SetTaskVariable
    | SetSecret
    | LogIssue
    | Complete
    | SetProgress
    | LogDetail
    | AddAttachment
    | UploadSummary
    | UploadFile
    | PrependPath
    | SetEndpoint
    | Debug
    | UpdateReleaseName
    | ArtifactAssociate
    | ArtifactUpload
    | UploadBuildLog
    | UpdateBuildNumber
    | AddBuildTag
    | PublishTestResults
    | PublishCodeCoverage
    | TelemetryIgnored
    | CommandError
    | CommandWarning
)

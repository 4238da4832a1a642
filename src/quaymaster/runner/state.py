"""What one job knows and shares between its steps, from its first message to its end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from quaymaster.domain.connections import secret_values
from quaymaster.domain.variable_expansion import ExpansionWarning, expand
from quaymaster.domain.variables import JOB_STATUS, Variable, VariableSet
from quaymaster.protocol.job import Endpoint, Issue, JobResult, RunJob, SecureFile
from quaymaster.runner.attaching import Attachments
from quaymaster.runner.environment import is_true
from quaymaster.runner.masking import Masker
from quaymaster.runner.outbox import Outbox
from quaymaster.runner.processes import Pipe
from quaymaster.runner.results import counts_for_job, merge
from quaymaster.runner.workspace import Workspace
from quaymaster.sources.asking import connection_named


@dataclass(slots=True)
class JobState:
    """Variables, secrets, result so far and what is left running; changed by the steps only."""

    message: RunJob
    outbox: Outbox
    inherited: Mapping[str, str]
    released: set[int]  # processes that earlier jobs were allowed to leave behind
    masker: Masker = field(init=False)
    variables: VariableSet = field(default_factory=VariableSet)
    expanded: VariableSet = field(default_factory=VariableSet)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    task_variables: dict[int, VariableSet] = field(default_factory=dict)  # by number of the task
    workspace: Workspace | None = None
    paths: list[str] = field(default_factory=list)
    result: JobResult = JobResult.SUCCEEDED
    issues: list[Issue] = field(default_factory=list)
    background: set[int] = field(default_factory=set)
    pipes: list[Pipe] = field(default_factory=list)
    marker: str = ""
    attachments: Attachments | None = None
    is_broken: bool = False  # initialization failed: no further task runs

    def __post_init__(self) -> None:
        """Register every secret before anything can be written."""
        self.variables = VariableSet(
            Variable(v.name, v.value, is_secret=v.is_secret, is_read_only=v.is_read_only)
            for v in self.message.variables
        )
        shortest = self.variables.value("AZP_IGNORE_SECRETS_SHORTER_THAN")
        self.masker = Masker(int(shortest) if shortest.isdecimal() else 0)
        self.endpoints = {endpoint.id.lower(): endpoint for endpoint in self.message.endpoints}
        for secret in self.variables.secrets():
            self.masker.add(secret)
        for file in self.message.secure_files:
            self.masker.add(file.ticket)
        for endpoint in (*self.message.endpoints, *self.message.source_endpoints):
            for secret in secret_values(endpoint.parameters, endpoint.data):
                self.masker.add(secret)

    @property
    def is_debug(self) -> bool:
        return is_true(self.expanded, "System.Debug", default=False)

    @property
    def home(self) -> Workspace:
        """The workspace, which the initialize step chooses."""
        if self.workspace is None:
            raise RuntimeError("The job has no workspace before it is initialized.")
        return self.workspace

    def connection(self, word: str) -> Endpoint | None:
        """The connection that an id or a name means; an id wins."""
        return connection_named(self.endpoints.values(), word)

    def attached(self, source: str) -> Path:
        """A copy of this file for the worker to keep. Raises CannotAttach."""
        if self.attachments is None:
            self.attachments = Attachments(self.home.temp)
        return self.attachments.copy(Path(self.home.artifacts, source), self.masker)

    def secure_file(self, word: str) -> SecureFile | None:
        """The secure file that an id or a name means; an id wins."""
        files = self.message.secure_files
        by_id = (each for each in files if each.id.lower() == word.lower())
        by_name = (each for each in files if each.name.lower() == word.lower())
        return next(by_id, None) or next(by_name, None)

    def variables_of_task(self, number: int) -> VariableSet:
        """The variables that the sections of one task share (`task.settaskvariable`)."""
        return self.task_variables.setdefault(number, VariableSet())

    def step_taken(self, result: JobResult) -> None:
        """Take a step's result into the job's (SEMANTICS 13.7, 13.8)."""
        if counts_for_job(result):
            self.result = merge(self.result, result)

    def expand_variables(self, own: Mapping[str, str]) -> tuple[ExpansionWarning, ...]:
        """Bring the variables up to date for a step, whose own ones are given (SEMANTICS 16.1)."""
        for name, value in own.items():
            self.variables.put(Variable(name, value, is_read_only=True))
        self.variables.put(Variable(JOB_STATUS_NAME, self.result.value, is_read_only=True))
        if not any("$(" in variable.value for variable in self.variables.values()):
            self.expanded = self.variables.copy()
            return ()
        outcome = expand(self.variables)
        self.expanded = outcome.variables
        for secret in self.expanded.secrets():
            self.masker.add(secret)
        return outcome.warnings


JOB_STATUS_NAME = "Agent.JobStatus"
assert JOB_STATUS_NAME.lower() == JOB_STATUS  # noqa: S101 - one name in two cases


def in_words(seconds: float) -> str:
    """A duration for a sentence: `90 seconds`, `2 minutes`."""
    whole = timedelta(seconds=seconds)
    minutes, rest = divmod(int(whole.total_seconds()), 60)
    if rest or not minutes:
        amount = f"{seconds:g}"
        return f"{amount} second{'' if amount == '1' else 's'}"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"

"""What a definition asks for, compiled: the plan that every release of a revision runs.

A plan is made by `quaymaster.plans` when a revision is saved, is never changed afterwards,
and is shared by all releases made from it (DESIGN 5).
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from quaymaster.domain.statuses import StageStatus
from quaymaster.domain.task_groups import TakenGroup

DEFAULT_APPROVAL_TIMEOUT = timedelta(days=30)
LONGEST_APPROVAL_TIMEOUT = timedelta(days=365)

DEFAULT_GATE_DELAY = timedelta(minutes=5)
DEFAULT_GATE_INTERVAL = timedelta(minutes=15)
DEFAULT_GATE_TIMEOUT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ArtifactFilter:
    """One way in which an artifact's version may match (SEMANTICS 8.2); all parts must hold."""

    branch: str = ""
    tags: tuple[str, ...] = ()
    use_default_branch: bool = False
    tag_pattern: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseStarts:
    """Holds once the release is active."""


@dataclass(frozen=True, slots=True)
class StageReached:
    """Holds while the named stage of the same release stands at one of these statuses."""

    stage: str
    statuses: frozenset[StageStatus]


@dataclass(frozen=True, slots=True)
class ArtifactMatches:
    """Holds when the release's version of this alias passes the filter."""

    alias: str
    filter: ArtifactFilter


StartCondition = ReleaseStarts | StageReached | ArtifactMatches


class ApprovalOrder(StrEnum):
    """When people are asked, seen from the gates of the same side (SEMANTICS 9.11)."""

    BEFORE_GATES = "beforeGates"
    AFTER_SUCCESSFUL_GATES = "afterSuccessfulGates"
    AFTER_GATES_ALWAYS = "afterGatesAlways"


@dataclass(frozen=True, slots=True)
class Approver:
    """A person or group to ask; equal ranks are asked at the same time (SEMANTICS 9.2)."""

    identity: str
    rank: int = 1
    notify: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """Who is asked on one side of a deployment; nobody means it is approved by itself."""

    approvers: tuple[Approver, ...] = ()
    required_count: int = 0  # 0 = everybody
    requester_may_approve: bool = True
    skip_if_approved_before: bool = False
    revalidate_identity: bool = False
    timeout: timedelta = DEFAULT_APPROVAL_TIMEOUT
    order: ApprovalOrder = ApprovalOrder.BEFORE_GATES


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    """How many attempts may hold this stage at once, over all releases of a definition.

    `concurrency` 0 is unlimited; `depth` 0 keeps every waiting attempt in order, k keeps the k
    newest and cancels the others (SEMANTICS 11).
    """

    concurrency: int = 0
    depth: int = 0


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """One task of a phase, as written in the definition; macros are expanded by the runner."""

    task_id: str
    version: str
    display_name: str
    reference_name: str = ""
    enabled: bool = True
    always_run: bool = False
    continue_on_error: bool = False
    condition: str = ""
    timeout: timedelta = timedelta(0)
    retry_count: int = 0
    inputs: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What must be true of the outside world on one side of a deployment (SEMANTICS 10.1).

    After `delay` all tasks are asked every `interval`, until all agree in one sample and have
    gone on agreeing for `minimum_success`, or `timeout` is over.
    """

    enabled: bool = False
    delay: timedelta = DEFAULT_GATE_DELAY
    interval: timedelta = DEFAULT_GATE_INTERVAL
    minimum_success: timedelta = timedelta(0)
    timeout: timedelta = DEFAULT_GATE_TIMEOUT
    tasks: tuple[TaskPlan, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """Times of the week, told by the clocks of a place (SEMANTICS 8.7).

    `days` as `date.weekday()` counts them, Monday 0; `time_zone` a Windows or IANA name.
    """

    days: tuple[int, ...]
    hour: int
    minute: int
    time_zone: str = "UTC"
    only_with_changes: bool = False


class TriggerKind(StrEnum):
    """What happens outside that makes a release (SEMANTICS 8.1, 8.9, 8.10)."""

    ARTIFACT = "artifactSource"
    PULL_REQUEST = "pullRequest"
    PUSH = "sourceRepo"
    IMAGE = "containerImage"
    PACKAGE = "package"


@dataclass(frozen=True, slots=True)
class ArtifactTrigger:
    """A release for each new version of an artifact that passes the filters.

    The branches of a pull request's filters are those it targets; `on_tagging` also looks at
    versions tagged later (SEMANTICS 8.3).
    """

    alias: str
    kind: TriggerKind = TriggerKind.ARTIFACT
    filters: tuple[ArtifactFilter, ...] = ()
    on_tagging: bool = False
    status_policy: str = ""


class StageTriggerKind(StrEnum):
    ROLLBACK = "rollbackRedeploy"
    DEPLOYMENT_GROUP = "deploymentGroupRedeploy"


@dataclass(frozen=True, slots=True)
class StageTrigger:
    """What makes a stage deploy its last successful release again (SEMANTICS 8.11)."""

    kind: StageTriggerKind
    action: str = ""
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VariablePlan:
    """A variable of a definition or of one stage; the value of a secret is never in a plan."""

    value: str = ""
    is_secret: bool = False
    allow_override: bool = False


class PhaseKind(StrEnum):
    AGENT = "agentBasedDeployment"
    SERVER = "runOnServer"
    DEPLOYMENT_GROUP = "machineGroupBasedDeployment"


@dataclass(frozen=True, slots=True)
class Demand:
    """Something a worker must offer: `value` None asks only that the name exists."""

    name: str
    value: str | None = None
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Download:
    """How much of one artifact a job downloads; `items` limits a selective download."""

    alias: str
    skip: bool = False
    items: tuple[str, ...] | None = None


class Spread(StrEnum):
    """How one phase becomes several jobs (SEMANTICS 12.5)."""

    NONE = "none"
    CONFIGURATIONS = "multiConfiguration"
    MACHINES = "multiMachine"


@dataclass(frozen=True, slots=True)
class Parallelism:
    """`multipliers` name variables that hold comma lists: a job for each combination of items."""

    spread: Spread = Spread.NONE
    multipliers: tuple[str, ...] = ()
    most_agents: int = 1
    continue_on_error: bool = False


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """Which targets of a deployment group a phase runs on, and how many may be down at once.

    The group is the phase's `queue_id`. A target must carry all `tags`; `healthy_percent` of
    the targets are left alone at any time (SEMANTICS 12.6).
    """

    tags: tuple[str, ...] = ()
    healthy_percent: int = 0
    one_at_a_time: bool = False


@dataclass(frozen=True, slots=True)
class PhasePlan:
    """One phase of a stage: jobs of the same tasks on one kind of target (SEMANTICS 12)."""

    rank: int
    name: str
    kind: PhaseKind = PhaseKind.AGENT
    reference_name: str = ""
    condition: str = ""
    queue_id: int = 0
    demands: tuple[Demand, ...] = ()
    timeout: timedelta = timedelta(0)  # 0 = unlimited
    cancel_timeout: timedelta = timedelta(minutes=1)
    skip_artifacts: bool = False
    downloads: tuple[Download, ...] = ()
    access_token: bool = False
    tasks: tuple[TaskPlan, ...] = ()
    parallelism: Parallelism = field(default_factory=Parallelism)
    targets: TargetGroup | None = None


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How long releases deployed to a stage are kept (SEMANTICS 6.7): for `days` at least, and
    the newest `releases` of them whatever their age."""

    days: int = 30
    releases: int = 3
    retain_build: bool = True


@dataclass(frozen=True, slots=True)
class StagePlan:
    """What happens on the way to one environment."""

    definition_stage_id: int
    name: str
    rank: int = 1
    conditions: tuple[StartCondition, ...] = ()
    pre_approvals: ApprovalPolicy = field(default_factory=ApprovalPolicy)
    post_approvals: ApprovalPolicy = field(default_factory=ApprovalPolicy)
    queue: QueuePolicy = field(default_factory=QueuePolicy)
    phases: tuple[PhasePlan, ...] = ()
    pull_request_deployment: bool = False
    variables: dict[str, VariablePlan] = field(default_factory=dict)
    variable_groups: tuple[int, ...] = ()
    pre_gates: GatePolicy = field(default_factory=GatePolicy)
    post_gates: GatePolicy = field(default_factory=GatePolicy)
    schedules: tuple[Schedule, ...] = ()
    triggers: tuple[StageTrigger, ...] = ()
    retention: RetentionPolicy = field(default_factory=RetentionPolicy)


@dataclass(frozen=True, slots=True)
class ArtifactPlan:
    """A source that every release of the definition takes one version of (SEMANTICS 4).

    `further_sources` are the ids of the others where it is of several build definitions, and
    `named_as` the names that were written in place of the ids of build definitions.
    """

    alias: str
    type: str
    is_primary: bool = False
    source_id: str = ""
    default_version_type: str = "latestType"
    reference: dict[str, str] = field(default_factory=dict)
    further_sources: tuple[str, ...] = ()
    named_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled revision. `warnings` are what the author should know before relying on it.

    `named_since` are ids and names of connections and secure files, in casefold and in order, that
    task groups came to name after the definition was saved: nobody was asked about those (25.3).
    """

    stages: tuple[StagePlan, ...]
    artifacts: tuple[ArtifactPlan, ...] = ()
    release_name_format: str = "Release-$(rev:r)"
    variables: dict[str, VariablePlan] = field(default_factory=dict)
    variable_groups: tuple[int, ...] = ()
    triggers: tuple[ArtifactTrigger, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    task_groups: tuple[TakenGroup, ...] = ()
    warnings: tuple[str, ...] = ()
    named_since: tuple[str, ...] = ()

    def stage(self, definition_stage_id: int) -> StagePlan:
        """The stage with this id in the definition; KeyError when the plan has none."""
        for stage in self.stages:
            if stage.definition_stage_id == definition_stage_id:
                return stage
        raise KeyError(definition_stage_id)

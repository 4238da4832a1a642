"""What a build definition asks for: the plan that its document or its YAML file is compiled to."""

from dataclasses import dataclass, field
from enum import IntEnum

from quaymaster.domain.build_retention import BuildRule
from quaymaster.domain.plan import PhasePlan, VariablePlan

DEFAULT_NUMBER_FORMAT = "$(Date:yyyyMMdd).$(Rev:r)"


class ProcessType(IntEnum):
    """How a build definition describes its work (SEMANTICS 22.1)."""

    DESIGNER = 1
    YAML = 2


@dataclass(frozen=True, slots=True)
class RepositoryPlan:
    """Where the sources of a build are, in the definition's words.

    `type` is TfsGit, Git, GitHub …; `url` may be an address or a path on the worker's machine.
    `clean` empties the sources before the checkout; `fetch_depth` 0 fetches everything.
    `connection` is the id of the service connection that signs in, if any. `fetch_tags` None brings
    tags with the whole history, and none without it; `lfs` brings what Git LFS keeps elsewhere.
    `reports_status`: the repository is told how its builds end.
    """

    type: str = ""
    id: str = ""
    name: str = ""
    url: str = ""
    default_branch: str = ""
    clean: bool = False
    submodules: bool = False
    nested_submodules: bool = False
    fetch_depth: int = 0
    connection: str = ""
    lfs: bool = False
    fetch_tags: bool | None = None
    reports_status: bool = False


@dataclass(frozen=True, slots=True)
class BuildStagePlan:
    """A stage of a build; `depends_on` names other stages, `condition` "" is succeeded()."""

    name: str
    display_name: str = ""
    depends_on: tuple[str, ...] = ()
    condition: str = ""


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """A job or phase of a definition that became several jobs: legs, machines, or server tasks.

    `most_at_once` 0 is all of them; `in_order` one after another, as tasks without an agent run
    (SEMANTICS 20.1). After a failure no more of them start where it `stops`; where it is
    `tolerant`, failed ones beside good ones count as issues only (SEMANTICS 12.5).
    """

    name: str
    most_at_once: int = 0
    in_order: bool = False
    stops: bool = False
    tolerant: bool = False


@dataclass(frozen=True, slots=True)
class BuildJobPlan:
    """One job of a build: what runs on one worker at a time, or one task that needs none.

    `key` names it in the build; `depends_on` are keys of jobs of the same stage. `work` is what a
    phase of a release is: its tasks, queue, demands, time limits and condition. `continue_on_error`
    lets a failed job count as partially succeeded. `queue_name` is a queue by name, until it is
    known which one it is. `checks_out` False leaves the sources alone, `cleans_outputs` empties the
    directory of binaries. `group` is what it is a part of and `leg` its name there.
    """

    key: str
    stage: str
    work: PhasePlan
    depends_on: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    continue_on_error: bool = False
    queue_name: str = ""
    checks_out: bool = True
    checkout: RepositoryPlan | None = None
    cleans_outputs: bool = False
    group: GroupPlan | None = None
    leg: str = ""

    @property
    def name(self) -> str:
        """The job or phase that others wait for and whose outputs they read."""
        return self.work.reference_name or self.key


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """A compiled build definition. YAML definitions have no jobs until a build is queued.

    `without_secrets` is of a build alone: strangers wrote what it runs, so that its jobs are given
    nothing that is secret.
    """

    process: ProcessType = ProcessType.DESIGNER
    yaml_path: str = ""
    stages: tuple[BuildStagePlan, ...] = ()
    jobs: tuple[BuildJobPlan, ...] = ()
    repository: RepositoryPlan = field(default_factory=RepositoryPlan)
    number_format: str = DEFAULT_NUMBER_FORMAT
    variables: dict[str, VariablePlan] = field(default_factory=dict)
    variable_groups: tuple[int, ...] = ()
    queue_id: int = 0
    queue_name: str = ""
    retention: tuple[BuildRule, ...] = ()
    warnings: tuple[str, ...] = ()
    without_secrets: bool = False

    def job(self, key: str) -> BuildJobPlan:
        """The job of this key. Raises KeyError."""
        for job in self.jobs:
            if job.key == key:
                return job
        raise KeyError(key)

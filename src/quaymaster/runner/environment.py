"""What a task finds around it: the Agent.* variables and its process environment."""

import functools
import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path

from quaymaster.domain.numbers import digits
from quaymaster.domain.ordinal import upper
from quaymaster.domain.variables import Variable, VariableSet
from quaymaster.protocol.job import RunJob
from quaymaster.runner.workspace import Workspace

AGENT_VERSION = "4.260.0"
OWN_PREFIXES = ("QUAYMASTER_", "AWS_", "AZURE_", "GOOGLE_")
# What the storage and the database driver read besides; it signs in as the product as well.
OWN_NAMES = frozenset(
    {
        *("SERVICE_ACCOUNT", "MSI_ENDPOINT", "MSI_SECRET", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"),
        *("PGPASSWORD", "PGPASSFILE", "PGSERVICE", "PGSERVICEFILE", "PGSSLCERT", "PGSSLKEY"),
    }
)
LONGEST_VALUE = 120_000  # Linux takes no longer string than 128 KiB in an environment

_OS = {"Linux": "Linux", "Darwin": "Darwin", "Windows": "Windows_NT"}
_ARCHITECTURES = {"x86_64": "X64", "amd64": "X64", "aarch64": "ARM64", "arm64": "ARM64"}


def is_own(name: str) -> bool:
    """Whether a variable of the environment is one of the product's settings, or can hold what it
    signs in with at its storage and database: none of a task's, wherever logs are kept (I8)."""
    folded = upper(name)
    return folded.startswith(OWN_PREFIXES) or folded in OWN_NAMES


def inherited() -> dict[str, str]:
    """The process's own environment without what is the product's alone."""
    return {name: value for name, value in os.environ.items() if not is_own(name)}


def agent_variables(job: RunJob, workspace: Workspace) -> Iterator[Variable]:
    """The variables that only the place where the job runs knows (SEMANTICS 17.5, 17.6)."""
    for name, value in _agent_values(job, workspace):
        yield Variable(name, value, is_read_only=True)


def _agent_values(job: RunJob, workspace: Workspace) -> Iterator[tuple[str, str]]:
    machine, system, architecture, home = _machine()
    yield "Agent.Name", job.agent_name or machine
    yield "Agent.Id", str(job.agent_id)
    yield "Agent.MachineName", machine
    yield "Agent.Version", AGENT_VERSION
    yield "Agent.OS", system
    yield "Agent.OSArchitecture", architecture
    yield "Agent.HomeDirectory", home
    yield "Agent.RootDirectory", str(workspace.root)
    yield "Agent.WorkFolder", str(workspace.root)
    yield "Agent.TempDirectory", str(workspace.temp)
    yield "Agent.ToolsDirectory", str(workspace.tools)
    yield "Agent.JobName", job.name
    yield "Agent.IsSelfHosted", "1"
    yield "System.WorkFolder", str(workspace.root)
    yield "System.DefaultWorkingDirectory", str(workspace.artifacts)
    yield "System.HostType", job.host_type
    if job.host_type == "release":
        yield "Agent.ReleaseDirectory", str(workspace.artifacts)
        yield "System.ArtifactsDirectory", str(workspace.artifacts)
    else:
        yield "Agent.BuildDirectory", str(workspace.base)
        yield "Build.SourcesDirectory", str(workspace.artifacts)
        yield "Build.ArtifactStagingDirectory", str(workspace.base / "a")
        yield "Build.BinariesDirectory", str(workspace.base / "b")
        yield "Common.TestResultsDirectory", str(workspace.base / "TestResults")


@functools.cache
def _machine() -> tuple[str, str, str, str]:
    """Name, operating system, architecture and the directory of this program; they stay as is."""
    system = _OS.get(platform.system(), platform.system())
    machine = platform.machine()
    architecture = _ARCHITECTURES.get(machine.lower(), machine.upper())
    return platform.node(), system, architecture, str(Path(__file__).parent)


def usable(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The part of an environment that a process can be given, and the names that cannot be."""
    refused = [
        name
        for name, value in environment.items()
        if not name or "=" in name or "\0" in name or "\0" in value or len(value) > LONGEST_VALUE
    ]
    if not refused:
        return dict(environment), []
    left_out = set(refused)
    return {n: v for n, v in environment.items() if n not in left_out}, refused


def with_path(environment: dict[str, str], prefixes: list[str]) -> None:
    """Put directories in front of PATH, the newest first (`task.prependpath`)."""
    if prefixes:
        present = environment.get("PATH", os.defpath)
        environment["PATH"] = os.pathsep.join([*prefixes, present])


def is_true(variables: VariableSet, name: str, *, default: bool) -> bool:
    """A variable as a switch; what is neither true nor false counts as the default."""
    word = upper(variables.value(name))
    return default if word not in ("TRUE", "FALSE") else word == "TRUE"


def milliseconds(variables: VariableSet, name: str, default_seconds: float) -> float:
    """A variable that holds milliseconds, in seconds; what is no number counts as the default."""
    text = variables.value(name)
    found = digits(text, 9)
    return default_seconds if found is None else found / 1000

"""What this version can carry out: its tasks, and what a definition may ask for beyond."""

from collections.abc import Mapping
from enum import StrEnum

from quaymaster.domain.numbers import digits
from quaymaster.domain.spreading import EXTERNAL
from quaymaster.domain.task_versions import newest

# id → major versions; the runner's own registry, which a test compares with this
RUNNABLE_TASKS: Mapping[str, frozenset[int]] = {
    "d9bafed4-0b18-4f58-968d-86655b4d2ce9": frozenset({2}),  # CmdLine
    "6c731c3c-3c68-459a-a5c9-bde6e6595b5b": frozenset({3}),  # Bash
    "e213ff0f-5d5c-4791-802d-52ea3e7be1f1": frozenset({2}),  # PowerShell
    "6392f95f-7e76-4a18-b3c7-7f078d2f7700": frozenset({0}),  # PythonScript
    "28782b92-5e8e-4458-9751-a71cd1492bae": frozenset({1}),  # Delay
    "5bfb729a-a7c8-4a78-a7c3-8d717bb7c13c": frozenset({2}),  # CopyFiles
    "5e1e3830-fbfb-11e5-aab1-090c92bc4988": frozenset({1}),  # ExtractFiles
    "2ff763a7-ce83-4e1f-bc89-0ae63477cebe": frozenset({1}),  # PublishBuildArtifacts
    "ecdc45f6-832d-4ad9-b52b-ee49e94659be": frozenset({1}),  # PublishPipelineArtifact
}

# What runs without an agent: in agentless phases, and the first four as gates.
INVOKE_REST_API = "9c3e8943-130d-4c78-ac63-8af81df62dfb"
AZURE_FUNCTION = "537fdb7a-a601-4537-aa70-92645a2b5ce4"
QUERY_WORK_ITEMS = "f1e4b0e6-017e-4819-8a48-ef19ae96e289"
SERVICE_BUS = "ba761f24-cbd6-48cb-92f3-fc13396405b1"
AZURE_MONITOR = "99a72e7f-25e4-4576-bf38-22a42b995ed8"
GATE_TASKS: Mapping[str, frozenset[int]] = {
    INVOKE_REST_API: frozenset({1}),
    AZURE_FUNCTION: frozenset({1}),
    QUERY_WORK_ITEMS: frozenset({0}),
    AZURE_MONITOR: frozenset({1}),
}
SERVER_TASKS: Mapping[str, frozenset[int]] = {
    **GATE_TASKS,
    SERVICE_BUS: frozenset({1}),
    "28782b92-5e8e-4458-9751-a71cd1492bae": frozenset({1}),  # Delay
    "bcb64569-d51a-4af0-9c01-ea5d05b3b622": frozenset({8}),  # ManualIntervention
    "2003ad3a-104a-451a-9238-60474ab294e6": frozenset({0, 1}),  # ManualValidation
    EXTERNAL: frozenset({1}),  # our own: done outside, and reported
}


class Feature(StrEnum):
    """What a definition may ask for besides stages, approvals and agent phases."""

    GATES = "gates"
    SCHEDULES = "scheduled releases"
    STAGE_SCHEDULES = "scheduled deployments"
    TRIGGERS = "automatic releases"
    STAGE_TRIGGERS = "automatic redeployments"
    PARALLEL_JOBS = "parallel jobs"
    SERVER_PHASES = "agentless phases"
    DEPLOYMENT_GROUPS = "deployment group phases"
    VARIABLE_GROUPS = "variable groups"


# What the engine carries out; a definition that asks for anything else is warned.
BUILT: frozenset[Feature] = frozenset(
    {
        Feature.GATES,
        Feature.SERVER_PHASES,
        Feature.SCHEDULES,
        Feature.TRIGGERS,
        Feature.STAGE_SCHEDULES,
        Feature.STAGE_TRIGGERS,
        Feature.PARALLEL_JOBS,
        Feature.VARIABLE_GROUPS,
        Feature.DEPLOYMENT_GROUPS,
    }
)


def is_installed(installed: Mapping[str, frozenset[str]], task_id: str, version: str) -> bool:
    """Whether one of these whole versions of the task fits `2.*`, `2.1.3` or `*`."""
    return newest(version, installed.get(task_id.lower(), ())) is not None


def can_run(runnable: Mapping[str, frozenset[int]], task_id: str, version: str) -> bool:
    """Whether one of these tasks has this id and a version that fits `2.*`, `2.1.3` or `*`."""
    majors = runnable.get(task_id.lower(), frozenset())
    wanted = version.split(".", maxsplit=1)[0].strip()
    if wanted in ("", "*"):
        return bool(majors)
    return digits(wanted, 9) in majors

"""Compiles the steps of a YAML pipeline to tasks (the published shortcuts stand for tasks)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from quaymaster.domain.expressions import ExpressionError, parse
from quaymaster.domain.plan import TaskPlan
from quaymaster.domain.spreading import EXTERNAL
from quaymaster.plans.azure_tasks import MOST_RETRIES
from quaymaster.plans.features import (
    AZURE_FUNCTION,
    AZURE_MONITOR,
    INVOKE_REST_API,
    QUERY_WORK_ITEMS,
    RUNNABLE_TASKS,
    SERVER_TASKS,
    SERVICE_BUS,
    can_run,
    is_installed,
)
from quaymaster.plans.yaml_reading import Value

CMD_LINE = "d9bafed4-0b18-4f58-968d-86655b4d2ce9"
BASH = "6c731c3c-3c68-459a-a5c9-bde6e6595b5b"
POWERSHELL = "e213ff0f-5d5c-4791-802d-52ea3e7be1f1"
PUBLISH = "ecdc45f6-832d-4ad9-b52b-ee49e94659be"
OWN_TASKS = {
    "cmdline": CMD_LINE,
    "bash": BASH,
    "powershell": POWERSHELL,
    "pythonscript": "6392f95f-7e76-4a18-b3c7-7f078d2f7700",
    "delay": "28782b92-5e8e-4458-9751-a71cd1492bae",
    "copyfiles": "5bfb729a-a7c8-4a78-a7c3-8d717bb7c13c",
    "extractfiles": "5e1e3830-fbfb-11e5-aab1-090c92bc4988",
    "publishbuildartifacts": "2ff763a7-ce83-4e1f-bc89-0ae63477cebe",
    "publishpipelineartifact": PUBLISH,
}
SERVER_NAMES = {
    "delay": "28782b92-5e8e-4458-9751-a71cd1492bae",
    "manualvalidation": "2003ad3a-104a-451a-9238-60474ab294e6",
    "invokerestapi": INVOKE_REST_API,
    "azurefunction": AZURE_FUNCTION,
    "queryworkitems": QUERY_WORK_ITEMS,
    "azuremonitor": AZURE_MONITOR,
    "publishtoazureservicebus": SERVICE_BUS,
}
KINDS = ("script", "bash", "pwsh", "powershell", "task", "publish", "checkout", "download")
COMMON = frozenset(
    {
        "name",
        "displayName",
        "condition",
        "continueOnError",
        "enabled",
        "env",
        "timeoutInMinutes",
        "retryCountOnTaskFailure",
    }
)
OWN: Mapping[str, frozenset[str]] = {
    "script": frozenset({"workingDirectory", "failOnStderr"}),
    "bash": frozenset({"workingDirectory", "failOnStderr"}),
    "pwsh": frozenset(
        {"workingDirectory", "failOnStderr", "errorActionPreference", "ignoreLASTEXITCODE"}
    ),
    "powershell": frozenset(
        {"workingDirectory", "failOnStderr", "errorActionPreference", "ignoreLASTEXITCODE"}
    ),
    "task": frozenset({"inputs"}),
    "publish": frozenset({"artifact"}),
    "checkout": frozenset({"clean", "fetchDepth", "submodules", "fetchTags", "lfs"}),
    "download": frozenset(),
}


@dataclass(frozen=True, slots=True)
class Checkout:
    """What a job says of its sources; None leaves a part to the definition."""

    is_wanted: bool = True
    clean: bool | None = None
    depth: int | None = None
    submodules: str | None = None
    lfs: bool | None = None
    tags: bool | None = None


@dataclass(frozen=True, slots=True)
class Steps:
    """The tasks of a job, and its sources."""

    tasks: tuple[TaskPlan, ...]
    checkout: Checkout


@dataclass(frozen=True, slots=True)
class Known:
    """The tasks that can be run here: ids by name in lower case, and installed versions; and
    those of them that need no agent."""

    names: Mapping[str, str]
    installed: Mapping[str, frozenset[str]]
    on_server: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def has(self, task_id: str, version: str) -> bool:
        return can_run(RUNNABLE_TASKS, task_id, version) or is_installed(
            self.installed, task_id, version
        )


def steps(listed: Value, known: Known, *, on_server: bool = False) -> Steps:
    """The steps of a list; everything that is not understood is a problem at its line.

    Without an agent (`on_server`) only tasks of that kind can be run.
    """
    tasks: list[TaskPlan] = []
    checkout = Checkout()
    for place, step in enumerate(listed.items(), 1):
        said = step.entries()
        kind = next((name for name in KINDS if name in said), "")
        if not kind:
            _refuse_kind(step, said)
            continue
        is_checkout = kind == "checkout"  # no task: it always runs, first and once
        allowed = OWN[kind] if is_checkout else OWN[kind] | COMMON
        for name, value in said.items():
            if name != kind and name not in allowed:
                value.complain(f"{name!r} is not supported in a {kind} step; remove it")
        if on_server:
            tasks += _server_task(step, kind, said, known)
        elif is_checkout:
            checkout = _checkout(said)
            if place > 1:
                step.complain("the sources come before everything else; put checkout first, once")
        elif kind == "download":
            if said["download"].text().lower() != "none":
                step.complain("artifacts of this build cannot be downloaded by its own jobs")
        else:
            tasks.append(_task(kind, said, known))
    return Steps(tuple(tasks), checkout)


def _server_task(step: Value, kind: str, said: Mapping[str, Value], known: Known) -> list[TaskPlan]:
    if kind != "task":
        step.complain(f"{kind!r} needs an agent, which `pool: server` has not; use tasks alone")
        return []
    written, name, version = _task_and_version(said["task"])
    lower = name.lower()
    task_id = SERVER_NAMES.get(lower, known.names.get(lower, lower))
    is_own = can_run(SERVER_TASKS, task_id, version) and task_id != EXTERNAL
    if version and not is_own and not is_installed(known.on_server, task_id, version):
        said["task"].complain(
            f"the task {written[:60]!r} cannot be run without an agent; use one of "
            f"{', '.join(SERVER_NAMES)}, or an installed one with an HttpRequest"
        )
    return [_planned(said, (task_id, version, _texts(said.get("inputs")), name))]


def _refuse_kind(step: Value, said: Mapping[str, Value]) -> None:
    first = next(iter(said), "")
    if first == "template" or "${{" in first:
        step.complain("templates are not supported; write the steps themselves")
    else:
        step.complain(f"{first[:40]!r} is no step that can be run; use one of {', '.join(KINDS)}")


def _checkout(said: Mapping[str, Value]) -> Checkout:
    what = said["checkout"].text()
    if what not in ("self", "none"):
        said["checkout"].complain(
            f"the repository {what[:40]!r} is not supported; only self and none are"
        )
    return Checkout(
        is_wanted=what != "none",
        clean=said["clean"].flag() if "clean" in said else None,
        depth=said["fetchDepth"].whole() if "fetchDepth" in said else None,
        submodules=_submodules(said),
        lfs=said["lfs"].flag() if "lfs" in said else None,
        tags=said["fetchTags"].flag() if "fetchTags" in said else None,
    )


def _submodules(said: Mapping[str, Value]) -> str | None:
    if "submodules" not in said:
        return None
    word = said["submodules"].text().lower()
    if word not in ("true", "false", "recursive"):
        said["submodules"].complain(f"{word[:40]!r} is none of true, false and recursive")
    return word


def _task(kind: str, said: Mapping[str, Value], known: Known) -> TaskPlan:
    return _planned(said, _MADE[kind](said, known))


def _planned(said: Mapping[str, Value], made: "Made") -> TaskPlan:
    task_id, version, inputs, shown = made
    return TaskPlan(
        task_id=task_id,
        version=version,
        display_name=said["displayName"].text() if "displayName" in said else shown,
        reference_name=said["name"].text() if "name" in said else "",
        enabled=said["enabled"].flag() if "enabled" in said else True,
        continue_on_error=_yes(said, "continueOnError"),
        condition=condition(said),
        timeout=timedelta(
            minutes=said["timeoutInMinutes"].whole() if "timeoutInMinutes" in said else 0
        ),
        retry_count=_retries(said),
        inputs=inputs,
        environment=_texts(said.get("env")),
    )


def condition(said: Mapping[str, Value], named: Iterable[str] = ()) -> str:
    """The condition among these, which may look at the values `named`; one that cannot be read is
    a problem at its line."""
    if "condition" not in said:
        return ""
    text = said["condition"].text()
    try:
        parse(text, named)
    except ExpressionError as error:
        said["condition"].complain(f"the condition cannot be read: {error}; correct it")
    return text


def _retries(said: Mapping[str, Value]) -> int:
    wanted = said.get("retryCountOnTaskFailure")
    return min(wanted.whole(), MOST_RETRIES) if wanted else 0


def _yes(said: Mapping[str, Value], name: str) -> bool:
    return said[name].flag() if name in said else False


def _texts(value: Value | None) -> dict[str, str]:
    return {name: one.text() for name, one in value.entries().items()} if value else {}


def _own_inputs(said: Mapping[str, Value], kind: str) -> dict[str, str]:
    return {name: said[name].text() for name in OWN[kind] if name in said}


Made = tuple[str, str, dict[str, str], str]


def _script(said: Mapping[str, Value], _known: Known) -> Made:
    return (
        CMD_LINE,
        "2.*",
        {"script": said["script"].text(), **_own_inputs(said, "script")},
        "CmdLine",
    )


def _bash(said: Mapping[str, Value], _known: Known) -> Made:
    inputs = {"targetType": "inline", "script": said["bash"].text(), **_own_inputs(said, "bash")}
    return BASH, "3.*", inputs, "Bash"


def _powershell(said: Mapping[str, Value], _known: Known) -> Made:
    kind = "pwsh" if "pwsh" in said else "powershell"
    inputs = {
        "targetType": "inline",
        "script": said[kind].text(),
        "pwsh": "true" if kind == "pwsh" else "false",
        **_own_inputs(said, kind),
    }
    return POWERSHELL, "2.*", inputs, "PowerShell"


def _publish(said: Mapping[str, Value], _known: Known) -> Made:
    artifact = said["artifact"].text() if "artifact" in said else "drop"
    inputs = {"targetPath": said["publish"].text(), "artifact": artifact}
    return PUBLISH, "1.*", inputs, "PublishPipelineArtifact"


def _task_and_version(value: Value) -> tuple[str, str, str]:
    """What is written, and of `Name@1` the name and the version; without one ""."""
    written = value.text().strip()
    name, _, version = written.partition("@")
    if not version:
        value.complain(f"{written[:60]!r} names no version; write it as Name@1")
    return written, name, f"{version}.*" if version and "." not in version else version


def _named(said: Mapping[str, Value], known: Known) -> Made:
    written, name, version = _task_and_version(said["task"])
    task_id = known.names.get(name.lower()) or OWN_TASKS.get(name.lower(), "")
    if not task_id and name.count("-") == 4:
        task_id = name.lower()
    if version and not (task_id and known.has(task_id, version)):
        said["task"].complain(
            f"the task {written[:60]!r} cannot be run here; install it, or use a script"
        )
    return task_id, version, _texts(said.get("inputs")), name


_MADE: dict[str, Callable[[Mapping[str, Value], Known], Made]] = {
    "script": _script,
    "bash": _bash,
    "pwsh": _powershell,
    "powershell": _powershell,
    "publish": _publish,
    "task": _named,
}

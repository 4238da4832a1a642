"""Compiles a build definition document to the plan that its builds run (SEMANTICS 22.1)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

import msgspec

from quaymaster.domain.build_dependencies import NAMED, computed
from quaymaster.domain.build_plan import (
    BuildJobPlan,
    BuildPlan,
    BuildStagePlan,
    ProcessType,
)
from quaymaster.domain.errors import Invalid
from quaymaster.domain.expressions import ExpressionError
from quaymaster.domain.plan import Parallelism, PhaseKind, PhasePlan, Spread, TaskPlan
from quaymaster.domain.task_groups import GROUP, Groups
from quaymaster.plans import build_repository
from quaymaster.plans.azure import NO_GROUPS, NONE_INSTALLED, check_naming
from quaymaster.plans.azure_demands import demands
from quaymaster.plans.azure_document import Document
from quaymaster.plans.azure_expressions import condition
from quaymaster.plans.azure_phases import MOST_AGENTS
from quaymaster.plans.azure_scope import Scope
from quaymaster.plans.azure_task_groups import as_step
from quaymaster.plans.azure_task_groups import steps as expanded
from quaymaster.plans.azure_tasks import filled, retries
from quaymaster.plans.azure_variables import variables
from quaymaster.plans.azure_words import DEFINITION_QUALITY, DEFINITION_TYPE, QUEUE_STATUS
from quaymaster.plans.build_retention import retention_rules
from quaymaster.plans.features import (
    BUILT,
    RUNNABLE_TASKS,
    SERVER_TASKS,
    can_run,
    is_installed,
)
from quaymaster.plans.reading import LONGEST_NAME, Node, Report, repeated, shown

AGENT_TARGET, SERVER_TARGET = 1, 2
MULTI_CONFIGURATION = "7c555368-ca64-4199-add6-9ebaf0b0137d"
_SPREADS = {1: Spread.CONFIGURATIONS, 2: Spread.MACHINES}
ONLY_STAGE = "__default"


def compile_build(
    document: Document,
    runnable: Mapping[str, frozenset[int]] = RUNNABLE_TASKS,
    installed: Mapping[str, frozenset[str]] = NONE_INSTALLED.versions,
    groups: Groups = NO_GROUPS,
    on_server: Mapping[str, frozenset[str]] = NONE_INSTALLED.on_server,
) -> BuildPlan:
    """The plan of a normalised document; its warnings name the tasks that nobody can run here.

    `groups` are the project's task groups that the document may use. A YAML definition has no
    jobs in its plan: its file is read when a build is queued. Raises Invalid with every problem
    at its JSON path.
    """
    report = Report()
    root = Node(document, "$", report)
    check_naming(root, "a build pipeline")
    for key, words in (
        ("quality", DEFINITION_QUALITY),
        ("queueStatus", QUEUE_STATUS),
        ("type", DEFINITION_TYPE),
    ):
        root.word(key, words)
    plan = _plan(root, _Tasks(runnable, installed, groups, on_server))
    if report.problems:
        raise Invalid("The build pipeline cannot be saved.", tuple(dict.fromkeys(report.problems)))
    return replace(plan, warnings=tuple(dict.fromkeys(report.warnings)))


class _Tasks:
    """What can be run here."""

    def __init__(
        self,
        runnable: Mapping[str, frozenset[int]],
        installed: Mapping[str, frozenset[str]],
        groups: Groups,
        on_server: Mapping[str, frozenset[str]],
    ) -> None:
        self._on_server = on_server
        self._runnable = runnable
        self._installed = installed
        self.scope = Scope(runnable, BUILT, installed, on_server, groups=groups)

    def has(self, task_id: str, version: str) -> bool:
        return can_run(self._runnable, task_id, version) or is_installed(
            self._installed, task_id, version
        )

    def has_without_agent(self, task_id: str, version: str) -> bool:
        return can_run(SERVER_TASKS, task_id, version) or is_installed(
            self._on_server, task_id, version
        )


def _plan(root: Node, tasks: _Tasks) -> BuildPlan:
    process = root.object("process")
    kind = process.whole("type", 1)
    if kind not in (1, 2):
        process.complain("type", "is no process that can be run; use 1 (designer) or 2 (YAML)")
    queue = _held(root, "queue")
    plan = BuildPlan(
        process=ProcessType.YAML if kind == ProcessType.YAML else ProcessType.DESIGNER,
        yaml_path=process.text("yamlFilename"),
        repository=build_repository.repository(root.object("repository")),
        number_format=root.text("buildNumberFormat"),
        variables=variables(root),
        variable_groups=_groups(root),
        queue_id=queue_id(queue),
        queue_name=queue.text("name"),
        retention=retention_rules(root),
    )
    if plan.process is ProcessType.YAML:
        if not plan.yaml_path.strip():
            process.complain("yamlFilename", "names no file; give its path in the repository")
        return plan
    return replace(plan, jobs=_jobs(root, process, tasks), stages=(BuildStagePlan(ONLY_STAGE),))


def _held(node: Node, key: str) -> Node:
    """An object; anything else in its place, as templates have it, counts as nothing said."""
    found = node.value.get(key)
    return Node(found if isinstance(found, dict) else {}, node.at(key), node.report)


def queue_id(queue: Node) -> int:
    """The id of a queue; a placeholder of a template or none at all is 0."""
    found = queue.value.get("id")
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else 0


def _groups(root: Node) -> tuple[int, ...]:
    """The ids of the variable groups, named by themselves or in objects."""
    made = []
    for entry in root.items("variableGroups"):
        number = entry.get("id") if isinstance(entry, dict) else entry
        if isinstance(number, int) and not isinstance(number, bool) and number > 0:
            made.append(number)
    return tuple(made)


def _jobs(root: Node, process: Node, tasks: _Tasks) -> tuple[BuildJobPlan, ...]:
    phases = process.objects("phases")
    if not phases:
        process.complain("phases", "a build needs at least one phase; add one")
    keys = [_key(phase, number) for number, phase in enumerate(phases, 1)]
    for phase, key in zip(phases, keys, strict=True):
        if len(key) > LONGEST_NAME:
            phase.complain("refName", f"is longer than {LONGEST_NAME} characters; shorten it")
    if repeated(keys):
        process.complain("phases", "two phases have the same reference name; change one")
    parameters = {
        entry.text("name").lower(): entry.text("defaultValue")
        for entry in root.object("processParameters").objects("inputs")
    }
    made = tuple(
        _job(root, phase, number, keys, tasks, parameters) for number, phase in enumerate(phases, 1)
    )
    if circle := _in_a_circle(made):
        process.complain("phases", f"{', '.join(circle)} wait for one another; remove a dependency")
    return made


def _in_a_circle(jobs: tuple[BuildJobPlan, ...]) -> list[str]:
    """The keys of jobs that can never begin, because they wait for themselves in the end."""
    left = {job.key: set(job.depends_on) for job in jobs}
    while ready := [key for key, waits in left.items() if not waits & left.keys()]:
        for key in ready:
            del left[key]
    return sorted(left)


def _key(phase: Node, number: int) -> str:
    return phase.text("refName").strip() or f"Phase_{number}"


def _job(
    root: Node,
    phase: Node,
    number: int,
    keys: list[str],
    tasks: _Tasks,
    parameters: Mapping[str, str],
) -> BuildJobPlan:
    target = _held(phase, "target")
    kind = target.whole("type", AGENT_TARGET)
    if kind not in (AGENT_TARGET, SERVER_TARGET):
        target.warn("type", "is no kind of phase of a build; use 1 (agents) or 2 (none)")
    on_server = kind == SERVER_TARGET
    limit = phase.whole("jobTimeoutInMinutes") or root.whole("jobTimeoutInMinutes", 60)
    cancel = phase.whole("jobCancelTimeoutInMinutes") or root.whole("jobCancelTimeoutInMinutes", 5)
    sources = root.object("repository")
    return BuildJobPlan(
        key=keys[number - 1],
        stage=ONLY_STAGE,
        depends_on=_dependencies(phase, keys),
        variables=_own_variables(phase),
        checks_out=not on_server and not build_repository.is_left_alone(sources),
        cleans_outputs=build_repository.cleans_outputs(sources),
        work=PhasePlan(
            rank=number,
            name=phase.text("name") or f"Phase {number}",
            kind=PhaseKind.SERVER if on_server else PhaseKind.AGENT,
            reference_name=keys[number - 1],
            condition=condition(phase, named=NAMED),
            queue_id=queue_id(_held(target, "queue")),
            demands=tuple(dict.fromkeys((*demands(root), *demands(target)))),
            timeout=timedelta(minutes=limit),
            cancel_timeout=timedelta(minutes=min(cancel, 60)),
            skip_artifacts=True,
            access_token=target.flag("allowScriptsAuthAccessOption"),
            tasks=tuple(_steps(phase, tasks, parameters, SERVER_TASKS if on_server else None)),
            parallelism=_parallelism(root, target, on_server=on_server),
        ),
    )


def _own_variables(phase: Node) -> dict[str, str]:
    """The phase's own variables; `$[ … ]` is computed when it begins."""
    found = {name: one.value for name, one in variables(phase).items()}
    for name, value in found.items():
        try:
            computed(value)
        except ExpressionError as error:
            phase.complain("variables", f"{shown(name)} cannot be computed: {error}; correct it")
    return found


def _parallelism(root: Node, target: Node, *, on_server: bool) -> Parallelism:
    """How a phase becomes several jobs: its target says so, or an option of definitions before
    there were phases (SEMANTICS 12.5)."""
    options = _held(target, "executionOptions")
    spread = _SPREADS.get(options.whole("type"), Spread.NONE)
    if spread is Spread.NONE or (on_server and spread is Spread.MACHINES):
        return _of_option(root)
    multipliers = options.texts("multipliers") if spread is Spread.CONFIGURATIONS else ()
    if spread is Spread.CONFIGURATIONS and not multipliers:
        options.complain("multipliers", "name the variables whose items make the jobs")
    return Parallelism(
        spread,
        multipliers,
        options.whole("maxConcurrency", 1, most=MOST_AGENTS) or 1,
        options.flag("continueOnError"),
    )


def _of_option(root: Node) -> Parallelism:
    for option in root.objects("options"):
        named = _held(option, "definition").text("id").lower()
        if named != MULTI_CONFIGURATION or not option.flag("enabled"):
            continue
        inputs = _held(option, "inputs").value
        multipliers = _listed(inputs.get("multipliers"))
        if multipliers:
            at_once = MOST_AGENTS if _said(inputs, "parallel") else 1
            tolerant = _said(inputs, "continueOnError")
            return Parallelism(Spread.CONFIGURATIONS, multipliers, at_once, tolerant)
    return Parallelism()


def _listed(value: object) -> tuple[str, ...]:
    """The names in a JSON list that is written as a text; none for what is no such list."""
    if not isinstance(value, str):
        return ()
    try:
        return tuple(name for name in msgspec.json.decode(value, type=list[str]) if name.strip())
    except msgspec.MsgspecError:
        return ()


def _said(inputs: Mapping[str, object], name: str) -> bool:
    return str(inputs.get(name) or "").strip().lower() == "true"


def _dependencies(phase: Node, keys: list[str]) -> tuple[str, ...]:
    """Phases that must end before; without any said, a phase does not wait (22.1)."""
    known = {key.lower(): key for key in keys}
    made = []
    for entry in phase.objects("dependencies"):
        name = entry.text("scope")
        if name.lower() not in known:
            entry.complain("scope", f"there is no phase {shown(name)!r}; name one by its refName")
        elif known[name.lower()] == _key(phase, 0):
            entry.complain("scope", "a phase cannot wait for itself; remove this")
        else:
            made.append(known[name.lower()])
    return tuple(dict.fromkeys(made))


def _steps(
    phase: Node,
    tasks: _Tasks,
    parameters: Mapping[str, str],
    known: Mapping[str, frozenset[int]] | None,
) -> Iterator[TaskPlan]:
    """The tasks of a phase, those of task groups in the place of the step that names one; `known`
    are those that run without an agent, in a phase that has none."""
    for step in phase.objects("steps"):
        if _held(step, "task").text("definitionType").strip().lower() == GROUP:
            yield from expanded([as_step(step)], tasks.scope, {}, parameters, known)
        else:
            yield _step(step, tasks, parameters, known)


def _step(
    node: Node,
    tasks: _Tasks,
    parameters: Mapping[str, str],
    known: Mapping[str, frozenset[int]] | None,
) -> TaskPlan:
    named = _held(node, "task")
    task_id, version = named.text("id").strip().lower(), named.text("versionSpec")
    plan = TaskPlan(
        task_id=task_id,
        version=version,
        display_name=node.text("displayName") or "Task",
        reference_name=node.text("refName"),
        enabled=node.flag("enabled", True),
        always_run=node.flag("alwaysRun"),
        continue_on_error=node.flag("continueOnError"),
        condition=condition(node),
        timeout=timedelta(minutes=node.whole("timeoutInMinutes")),
        retry_count=retries(node),
        inputs={name: filled(value, parameters) for name, value in node.text_map("inputs").items()},
        environment=node.text_map("environment"),
    )
    if not task_id:
        named.complain("id", "is not the id (a GUID) of a task; give one")
    elif plan.enabled and not (
        tasks.has(task_id, version) if known is None else tasks.has_without_agent(task_id, version)
    ):
        named.warn(
            "id",
            f"task {shown(plan.display_name)!r} ({shown(task_id)}, version {version or '*'}) "
            f"cannot be run {'here' if known is None else 'without an agent'}; install it, disable "
            "it, or replace it by a script",
        )
    return plan


def task_ids(plan: BuildPlan) -> tuple[str, ...]:
    """The ids of all tasks in any phase, enabled or not (22.5)."""
    return tuple(sorted({task.task_id for job in plan.jobs for task in job.work.tasks}))

"""Compiles an Azure release definition document to the plan that its releases run (DESIGN 5)."""

from collections.abc import Mapping
from dataclasses import replace

from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import Plan, ReleaseStarts, StagePlan, TriggerKind
from quaymaster.domain.task_groups import Groups
from quaymaster.plans.azure_artifacts import artifacts
from quaymaster.plans.azure_document import Document
from quaymaster.plans.azure_scope import InstalledHere, Scope, by_name
from quaymaster.plans.azure_stages import stages, variable_groups
from quaymaster.plans.azure_triggers import triggers
from quaymaster.plans.azure_variables import variables
from quaymaster.plans.azure_words import DEFINITION_SOURCE
from quaymaster.plans.connections import KnownConnections
from quaymaster.plans.features import BUILT, RUNNABLE_TASKS, Feature
from quaymaster.plans.reading import Node, Report, has_control

DEFAULT_NAME_FORMAT = "Release-$(rev:r)"
LONGEST_PATH = 400
NONE_INSTALLED = InstalledHere()
NO_GROUPS: Groups = {}


def compile_definition(
    document: Document,
    runnable: Mapping[str, frozenset[int]] = RUNNABLE_TASKS,
    built: frozenset[Feature] = BUILT,
    installed: InstalledHere = NONE_INSTALLED,
    groups: Groups = NO_GROUPS,
    connections: KnownConnections | None = None,
    *,
    may_be_empty: bool = False,
) -> Plan:
    """The plan of a normalised document; its warnings tell what will not do as it looks.

    `runnable` are the tasks that can always be run, by id and major version, `installed` the
    others; `built` what the engine carries out beyond stages, approvals and agent phases; `groups`
    the project's task groups that the document may use; `connections` those of the project, where
    tasks that name others are to be warned of; `may_be_empty` lets it have no stage yet. Raises
    Invalid with every problem, each as "JSON path: what is wrong; what to do".
    """
    report = Report()
    root = Node(document, "$", report)
    listed = root.objects("environments")
    sources = artifacts(root)
    scope = Scope(
        runnable,
        built,
        installed.versions,
        installed.on_server,
        stages=by_name([node.text("name").strip() for node in listed]),
        aliases=by_name([source.alias for source in sources]),
        groups=groups,
        connections=connections,
        demanded=installed.demands,
    )
    check_naming(root, "a release pipeline")
    root.word("source", DEFINITION_SOURCE)
    if not listed and not may_be_empty:
        root.complain("environments", "a definition needs at least one stage; add one")
    events, times = triggers(root, scope)
    compiled = stages(listed, scope)
    plan = Plan(
        stages=compiled,
        artifacts=sources,
        release_name_format=root.text("releaseNameFormat") or DEFAULT_NAME_FORMAT,
        variables=variables(root),
        variable_groups=variable_groups(root, scope),
        triggers=events,
        schedules=times,
        task_groups=tuple(sorted(scope.taken, key=lambda group: (group.id, group.wanted))),
    )
    _warn_if_nothing_starts(root, plan)
    if report.problems:
        raise Invalid(
            "The release pipeline cannot be saved.", tuple(dict.fromkeys(report.problems))
        )
    return replace(plan, warnings=tuple(dict.fromkeys(report.warnings)))


def check_naming(root: Node, what: str) -> None:
    """Complain about a name, folder, text, tag or properties that cannot be kept."""
    name = root.name("name", what)
    if name and not has_control(name) and not name.isprintable():
        root.complain("name", "has characters that nobody sees or can type; remove them")
    path = root.text("path")
    if len(path) > LONGEST_PATH:
        root.complain("path", f"is longer than {LONGEST_PATH} characters; shorten it")
    elif has_control(path):
        root.complain("path", "contains control characters; remove them")
    elif {".", ".."} & set(path.replace("/", "\\").split("\\")):
        root.complain("path", "names a folder . or ..; give it a name of its own")
    root.text("description")
    root.text("comment")
    root.object("properties")
    if any(has_control(tag) for tag in root.texts("tags")):
        root.complain("tags", "contain control characters; remove them")


def _warn_if_nothing_starts(root: Node, plan: Plan) -> None:
    """A release that is made by an event should start something (SEMANTICS 8.4)."""
    made_by_events = any(trigger.kind is TriggerKind.ARTIFACT for trigger in plan.triggers)
    if made_by_events and not any(map(_starts_with_release, plan.stages)):
        root.warn("triggers", "no stage starts when a release is created, so releases just wait")


def _starts_with_release(stage: StagePlan) -> bool:
    return any(isinstance(condition, ReleaseStarts) for condition in stage.conditions)

"""Compiles the sources that releases of a definition take versions of (SEMANTICS 4)."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import ArtifactPlan
from quaymaster.plans import azure_document
from quaymaster.plans.reading import Node, Report, has_control, repeated, shown

DEFAULT_VERSION_TYPES = (
    "latestType",
    "latestWithBranchAndTagsType",
    "latestWithBuildDefinitionBranchAndTagsType",
    "latestFromBranchType",
    "specificVersionType",
    "selectDuringReleaseCreationType",
)
_SPELLING = {word.lower(): word for word in DEFAULT_VERSION_TYPES}

# The alias is a folder on the machine that runs the job (4.4).
_NO_FOLDER = re.compile(r'[\\/:*?"<>|]')


def artifacts(definition: Node) -> tuple[ArtifactPlan, ...]:
    """The artifacts; exactly one of them is primary, the first when none says so (4.3)."""
    listed = definition.objects("artifacts")
    twice = repeated(node.text("alias") for node in listed)
    made: list[ArtifactPlan] = []
    for node in listed:
        plan = _artifact(node)
        if plan.alias and plan.alias.lower() in twice:
            node.complain("alias", f"another artifact is called {shown(plan.alias)!r}; rename one")
        if plan.is_primary and any(other.is_primary for other in made):
            node.warn("isPrimary", "another artifact is primary already and stays it")
            plan = replace(plan, is_primary=False)
        made.append(plan)
    if made and not any(plan.is_primary for plan in made):
        made[0] = replace(made[0], is_primary=True)
    return tuple(made)


def listed_in(documents: Sequence[Any]) -> tuple[ArtifactPlan, ...]:
    """Artifacts that stand alone, as clients send them. Raises Invalid with every problem."""
    document = azure_document.normalised({"artifacts": list(documents)})
    report = Report()
    found = artifacts(Node(document, "", report))
    if report.problems:
        raise Invalid("The artifacts cannot be read.", tuple(report.problems))
    return found


def _artifact(node: Node) -> ArtifactPlan:
    reference = _reference(node)
    if not reference.get("definition"):
        node.complain(
            "definitionReference",
            "VS402862: Artifact source should have source information. "
            "Specify a valid source and try again",
        )
    return ArtifactPlan(
        alias=_alias(node),
        type=node.name("type", "an artifact's type"),
        is_primary=node.flag("isPrimary"),
        source_id=_source_id(node, reference),
        default_version_type=_default_version_type(node, reference),
        reference=reference,
    )


def _alias(node: Node) -> str:
    alias = node.name("alias", "an artifact")
    if _NO_FOLDER.search(alias) or alias in (".", ".."):
        node.complain(
            "alias", 'is the name of a folder: leave out dots alone and \\ / : * ? " < > |'
        )
    return alias


def _reference(node: Node) -> dict[str, str]:
    """Each published key with its id, and `key.name` with its name where it has one.

    Some exports hold a text in place of such a pair; it counts as the id.
    """
    held = node.object("definitionReference")
    made = {}
    for key, entry in held.value.items():
        if has_control(key):
            node.complain("definitionReference", "has a key with control characters; remove it")
        if isinstance(entry, str):
            made[key] = entry
            continue
        pair = held.object(key)
        made[key] = pair.text("id")
        if name := pair.text("name"):
            made[f"{key}.name"] = name
    return made


def _source_id(node: Node, reference: dict[str, str]) -> str:
    """What a list of definitions filters by: `project:definition` where both are known."""
    said = node.text("sourceId")
    if said:
        return said
    owner = reference.get("project") or reference.get("connection")
    source = reference.get("definition", "")
    return f"{owner}:{source}" if owner else source


def _default_version_type(node: Node, reference: dict[str, str]) -> str:
    said = reference.get("defaultVersionType", "")
    if said and said.lower() not in _SPELLING:
        place = node.object("definitionReference").object("defaultVersionType")
        allowed = ", ".join(DEFAULT_VERSION_TYPES)
        place.complain("id", f"{shown(said)!r} is no way to choose a version; use one of {allowed}")
    return _SPELLING.get(said.lower(), DEFAULT_VERSION_TYPES[0])

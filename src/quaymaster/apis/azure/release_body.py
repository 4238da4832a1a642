"""A whole Release as a body: what it asks to change (CONTRACT B 19, E 3; SEMANTICS 6.2)."""

from collections.abc import Mapping
from typing import Any

from quaymaster.actions.definitions.artifacts import Choice
from quaymaster.actions.releases.snapshot_edits import SnapshotEdit
from quaymaster.apis.azure.asked import array_in, object_in, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.values import number_in
from quaymaster.apis.shared import json_reading
from quaymaster.store.releases.views import ReleaseView, StageView

# What an environment of a release shows of its snapshot, and where the document has it.
PARTS = {
    "deployPhasesSnapshot": "deployPhases",
    "preApprovalsSnapshot": "preDeployApprovals",
    "postApprovalsSnapshot": "postDeployApprovals",
    "preDeploymentGatesSnapshot": "preDeploymentGates",
    "postDeploymentGatesSnapshot": "postDeploymentGates",
    "environmentOptions": "environmentOptions",
    "processParameters": "processParameters",
    "variables": "variables",
}
ENVIRONMENT = ("id", "definitionEnvironmentId", *PARTS)
ARTIFACT = ("alias", "definitionReference")


def edit_in(body: Mapping[str, Any], view: ReleaseView) -> SnapshotEdit:
    """What differs in the snapshot; a part that is missing or null stays as it is.

    Raises Problem for an environment that the release does not have.
    """
    variables = body.get("variables")
    return SnapshotEdit(
        variables=None if variables is None else dict(object_in(variables, "variables")),
        stages=dict(
            _stage(entry, view) for entry in array_in(body.get("environments"), "environments")
        ),
        choices=tuple(_choices(body, view)),
        comment=text_in(body.get("comment"), "comment"),
    )


def _stage(entry: Any, view: ReleaseView) -> tuple[int, dict[str, Any]]:
    given = json_reading.cased(object_in(entry, "environments"), ENVIRONMENT)
    parts = {PARTS[name]: given[name] for name in PARTS if given.get(name) is not None}
    return _stage_of(given, view).definition_stage_id, parts


def _stage_of(given: Mapping[str, Any], view: ReleaseView) -> StageView:
    number = number_in(given.get("id") or 0, "environments.id")
    of_definition = number_in(
        given.get("definitionEnvironmentId") or 0, "environments.definitionEnvironmentId"
    )
    for stage in view.stages:
        if number == stage.id or (not number and of_definition == stage.definition_stage_id):
            return stage
    raise Problem(
        400,
        "InvalidRequestException",
        f"Release {view.head.name} has no environment with the id {number or of_definition}. "
        "Environments of a release cannot be added; edit its definition instead.",
    )


def _choices(body: Mapping[str, Any], view: ReleaseView) -> list[Choice]:
    """The artifacts whose version is another one than the release has."""
    held = {artifact.alias.casefold(): artifact.version_id for artifact in view.head.artifacts}
    found = []
    for entry in array_in(body.get("artifacts"), "artifacts"):
        given = json_reading.cased(object_in(entry, "artifacts"), ARTIFACT)
        reference = object_in(given.get("definitionReference"), "definitionReference")
        version = object_in(reference.get("version"), "definitionReference.version")
        branch = object_in(reference.get("branch"), "definitionReference.branch")
        choice = Choice(
            alias=text_in(given.get("alias"), "artifacts.alias"),
            id=text_in(version.get("id"), "version.id"),
            name=text_in(version.get("name"), "version.name"),
            branch=text_in(branch.get("id"), "branch.id"),
        )
        if choice.id and choice.id != held.get(choice.alias.casefold()):
            found.append(choice)
    return found

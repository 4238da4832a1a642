"""Spells what an old version sent as it was shown, so that the two can be compared (LEGACY 4)."""

from collections.abc import Mapping
from typing import Any

from quaymaster.plans import azure_document
from quaymaster.plans.azure_shapes import (
    APPROVALS,
    ARTIFACT,
    DEFINITION,
    DEMANDS,
    ENVIRONMENT,
    GATES,
    PHASE,
    RUN_OPTIONS,
    TASK,
    VARIABLES,
    Leaf,
    ListOf,
    Shape,
)

# What can be edited in a stage of a release (CONTRACT B 19), and the places it had before (D.1).
RELEASE_ENVIRONMENT = Shape(
    {
        "id": Leaf.INTEGER,
        "definitionEnvironmentId": Leaf.INTEGER,
        "name": Leaf.TEXT,
        "deployPhasesSnapshot": ListOf(PHASE),
        "preApprovalsSnapshot": APPROVALS,
        "postApprovalsSnapshot": APPROVALS,
        "preDeploymentGatesSnapshot": GATES,
        "postDeploymentGatesSnapshot": GATES,
        "environmentOptions": ENVIRONMENT.fields["environmentOptions"],
        "processParameters": ENVIRONMENT.fields["processParameters"],
        "variables": VARIABLES,
        "workflowTasks": ListOf(TASK),
        "queueId": Leaf.INTEGER,
        "demands": DEMANDS,
        "runOptions": RUN_OPTIONS,
    }
)
SHAPES: Mapping[str, Shape] = {
    "definition": DEFINITION,
    "release": Shape(
        {
            "id": Leaf.SERVER,
            "name": Leaf.TEXT,
            "variables": VARIABLES,
            "environments": ListOf(RELEASE_ENVIRONMENT),
            "artifacts": ListOf(ARTIFACT),
        }
    ),
}


def spelled(resource: str, body: Any) -> Any:
    """The body with the names of its known fields as published, whatever case they came in."""
    shape = SHAPES.get(resource)
    if shape is None or not isinstance(body, dict):
        return body
    return azure_document.spelled(body, shape)

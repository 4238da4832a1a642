"""Workflows outside that build or deploy: which one is asked, and with which inputs (AVIATOR 1)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from quaymaster.domain.ordinal import IgnoreCase
from quaymaster.domain.plan import TaskPlan


class Method(StrEnum):
    """How a build or a deployment is done. OWN is done by our own workers."""

    GITHUB_ACTIONS = "githubActions"
    BUILDKITE = "buildkite"
    GITLAB = "gitlab"
    WEBHOOK = "webhook"
    OWN = "own"


TITLES = {
    Method.GITHUB_ACTIONS: "GitHub Actions",
    Method.BUILDKITE: "Buildkite",
    Method.GITLAB: "GitLab",
    Method.WEBHOOK: "The webhook",
    Method.OWN: "Quaymaster",
}


class Provided(StrEnum):
    """What a workflow can be told without anybody writing it down."""

    RUN = "run"  # the id of the deployment, or of the candidate that is built
    COMMIT = "commit"
    CANDIDATE = "candidate"  # with its number: 1.4.0-rc1
    VERSION = "version"  # without: 1.4.0
    ENVIRONMENT = "environment"
    REPOSITORY = "repository"
    PROJECT = "project"
    KEY = "key"  # the same at every attempt to ask for this run, and at no other


@dataclass(frozen=True, slots=True)
class Parameter:
    """One input: a value as written, or one that is provided."""

    key: str
    value: str = ""
    provided: Provided | None = None


@dataclass(frozen=True, slots=True)
class Workflow:
    """`target` is a file name or id, `organization/pipeline`, a project path, or an address;
    `parameters` are in order, and of two with one key the last counts. `is_repeatable` says that
    the far side tells a request that comes twice by its key."""

    method: Method
    target: str = ""
    ref: str = ""
    connection: str = ""
    parameters: tuple[Parameter, ...] = ()
    is_repeatable: bool = False


METHOD, TARGET, REF, CONNECTION = "method", "workflow", "ref", "serviceConnection"
PARAMETERS, REPEATABLE = "parameters", "repeatable"


def written(workflow: Workflow) -> dict[str, str]:
    """The workflow as the inputs of a task."""
    parameters = [
        {"key": one.key, "provided": one.provided}
        if one.provided
        else {"key": one.key, "value": one.value}
        for one in workflow.parameters
    ]
    return {
        METHOD: workflow.method,
        TARGET: workflow.target,
        REF: workflow.ref,
        CONNECTION: workflow.connection,
        PARAMETERS: json.dumps(parameters),
        REPEATABLE: "true" if workflow.is_repeatable else "false",
    }


def read(inputs: Mapping[str, str]) -> Workflow | None:
    """The workflow that the inputs of a task name; None when they name none.

    Inputs can be edited by hand: what cannot be understood in them is left out.
    """
    known = IgnoreCase(inputs)
    method = known.get(METHOD, "")
    if method not in set(Method):
        return None
    return Workflow(
        Method(method),
        known.get(TARGET, "").strip(),
        known.get(REF, "").strip(),
        known.get(CONNECTION, "").strip(),
        _parameters(known.get(PARAMETERS, "")),
        known.get(REPEATABLE, "").lower() == "true",
    )


def _parameters(text: str) -> tuple[Parameter, ...]:
    try:
        listed = json.loads(text or "[]")
    except ValueError:
        return ()
    return tuple(
        Parameter(one["key"], str(one.get("value", "")), _provided(one.get("provided")))
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict) and isinstance(one.get("key"), str)
    )


def _provided(word: object) -> Provided | None:
    return Provided(word) if isinstance(word, str) and word in set(Provided) else None


def of_task(task: TaskPlan) -> Workflow | None:
    """The workflow outside that a task of a server phase stands for."""
    found = read(task.inputs)
    return None if found is None or found.method is Method.OWN else found


def filled(workflow: Workflow, facts: Mapping[Provided, str]) -> dict[str, str]:
    """The inputs that the workflow is asked with; a key that is there twice: the last wins."""
    return {
        one.key: facts.get(one.provided, "") if one.provided else one.value
        for one in workflow.parameters
    }

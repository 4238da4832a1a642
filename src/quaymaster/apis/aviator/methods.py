"""Build and deployment methods as this contract writes them (AVIATOR 1, 7).

The inputs that the contract documents come first; additional parameters may set them anew.
"""

from collections.abc import Mapping
from typing import Any

from quaymaster.apis.aviator.errors import Problem
from quaymaster.domain.numbers import digits
from quaymaster.domain.workflows import Method, Parameter, Provided, Workflow

NOT_CONFIGURED = "not_configured"
TYPES = {
    "github_action": Method.GITHUB_ACTIONS,
    "buildkite": Method.BUILDKITE,
    "gitlab": Method.GITLAB,
    "webhook": Method.WEBHOOK,
    "definition": Method.OWN,
}
PROVIDED = {
    "commit_sha": Provided.COMMIT,
    "release_candidate_version": Provided.CANDIDATE,
    "release_version": Provided.VERSION,
    "release_environment": Provided.ENVIRONMENT,
    "repository": Provided.REPOSITORY,
    "project": Provided.PROJECT,
    "id": Provided.RUN,
    "key": Provided.KEY,
}
BUILD_ID, DEPLOYMENT_ID = "aviator_release_cut_id", "aviator_deployment_id"
INPUTS = (
    ("aviator_release_cut_commit_hash", Provided.COMMIT),
    ("aviator_release_candidate_version", Provided.CANDIDATE),
)
IN_ENVIRONMENT = (Method.BUILDKITE, Method.GITLAB)  # inputs are environment variables there
KEYS = ("type", "workflow", "ref", "connection", "parameters", "repeatable", "script")
MOST_PARAMETERS, LONGEST = 50, 2000
LONGEST_SCRIPT = 64 * 1024


def method_in(body: Any, field: str, *, builds: bool) -> Workflow | None:
    """The method that a body sets; None is `not_configured`. Raises Problem 400."""
    if body is None:
        return None
    if not isinstance(body, dict):
        raise Problem(400, f"Invalid {field}: write it as an object with a type")
    for key in body:
        if key not in KEYS:
            raise Problem(400, f"Invalid {field}: only {', '.join(KEYS)} can be set")
    kind = body.get("type")
    if kind == NOT_CONFIGURED:
        return None
    if not isinstance(kind, str) or kind not in TYPES:
        raise Problem(
            400, f"Invalid {field}: type is {NOT_CONFIGURED} or one of {', '.join(TYPES)}"
        )
    method = TYPES[kind]
    if method is Method.OWN:
        return _own_build(body, field) if builds else _own(body, field)
    found = Workflow(
        method,
        _text(body, "workflow", field),
        _text(body, "ref", field),
        _text(body, "connection", field),
        (*documented(method, builds=builds), *_parameters(body, field)),
        _flag(body, "repeatable", field),
    )
    _check_target(found, field)
    return found


def _own(body: Mapping[str, Any], field: str) -> Workflow:
    """Deployed by phases of the stage itself, which begin as one script."""
    script = body.get("script", "")
    if not isinstance(script, str) or len(script) > LONGEST_SCRIPT or "\0" in script:
        raise Problem(400, f"Invalid {field}: script is a text")
    return Workflow(Method.OWN, script)


def _own_build(body: Mapping[str, Any], field: str) -> Workflow:
    """A build definition of the same project, by its id."""
    target = _text(body, "workflow", field)
    if digits(target, 9) is None:
        raise Problem(400, f"Invalid {field}: workflow is the id of a build definition")
    parameters = (*documented(Method.OWN, builds=True), *_parameters(body, field))
    return Workflow(Method.OWN, target, _text(body, "ref", field), "", parameters)


def documented(method: Method, *, builds: bool) -> tuple[Parameter, ...]:
    """The inputs that a workflow of this method is always given."""
    number = BUILD_ID if builds else DEPLOYMENT_ID
    named = ((number, Provided.RUN), *INPUTS)
    upper = method in IN_ENVIRONMENT
    return tuple(Parameter(key.upper() if upper else key, "", what) for key, what in named)


def _check_target(found: Workflow, field: str) -> None:
    """Whether the workflow is written as its kind of service names it."""
    target = found.target
    is_address = target.startswith(("http://", "https://")) and "@" not in target
    fits, form = {
        Method.GITHUB_ACTIONS: (bool(target) and "/" not in target, "the file or id of a workflow"),
        Method.BUILDKITE: (_parts(target) == 2, "organization/pipeline"),
        Method.GITLAB: (target.isdigit() or _parts(target) > 1, "the path or the id of a project"),
        Method.WEBHOOK: (is_address, "an http:// or https:// address without credentials"),
    }[found.method]
    if not fits or not target.isprintable() or " " in target:
        raise Problem(400, f"Invalid {field}: workflow is {form}")


def _parts(target: str) -> int:
    parts = target.split("/")
    return len(parts) if all(parts) else 0


def _parameters(body: Mapping[str, Any], field: str) -> tuple[Parameter, ...]:
    said = body.get("parameters")
    listed = [] if said is None else said
    if not isinstance(listed, list) or len(listed) > MOST_PARAMETERS:
        raise Problem(400, f"Invalid {field}: parameters is a list of at most {MOST_PARAMETERS}")
    return tuple(_parameter(one, field) for one in listed)


def _parameter(one: Any, field: str) -> Parameter:
    if not isinstance(one, dict) or not set(one) <= {"key", "value", "provided"}:
        raise Problem(400, f"Invalid {field}: a parameter has a key and a value, or provided")
    key = _text(one, "key", field)
    if not key or not key.isprintable() or ("value" in one) == ("provided" in one):
        raise Problem(400, f"Invalid {field}: a parameter has a key and a value, or provided")
    if "value" in one:
        return Parameter(key, _text(one, "value", field))
    provided = one["provided"]
    if not isinstance(provided, str) or provided not in PROVIDED:
        raise Problem(400, f"Invalid {field}: provided is one of {', '.join(PROVIDED)}")
    return Parameter(key, "", PROVIDED[provided])


def _text(body: Mapping[str, Any], name: str, field: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > LONGEST or "\0" in value:
        raise Problem(400, f"Invalid {field}: {name} is a text of at most {LONGEST} characters")
    return value


def _flag(body: Mapping[str, Any], name: str, field: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise Problem(400, f"Invalid {field}: {name} is true or false")
    return value


def shown(found: Workflow | None, *, builds: bool) -> dict[str, Any]:
    """The method as it can be sent again."""
    if found is None:
        return {"type": NOT_CONFIGURED}
    types = {method: word for word, method in TYPES.items()}
    if found.method is Method.OWN and not builds:
        return {"type": types[Method.OWN], "script": found.target}
    always = documented(found.method, builds=builds)
    added = found.parameters[len(always) :] if found.parameters[: len(always)] == always else ()
    words = {what: word for word, what in PROVIDED.items()}
    return {
        "type": types[found.method],
        "workflow": found.target,
        "ref": found.ref,
        "connection": found.connection,
        "parameters": [
            {"key": one.key, "provided": words[one.provided]}
            if one.provided
            else {"key": one.key, "value": one.value}
            for one in added
        ],
        "repeatable": found.is_repeatable,
    }

"""Before 5.0: stages of a release still had a queue and tasks of their own (CONTRACT D.1).

The fields were deprecated, not gone: they repeat what the phases say. What came with 5.0 is not
shown, and what has words that came later is told in those of the time.
"""

from collections.abc import Mapping
from typing import Any

from quaymaster.apis.azure.versions import since, stages

Document = dict[str, Any]

# Words that came after 4.1, by the field that holds them.
WORDS: Mapping[str, Mapping[str, str]] = {
    "reason": {"pullRequest": "continuousIntegration", "redeployTrigger": "automated"},
    "artifactType": {"tfGit": "tFGit"},
}
GATES = {"canceled": "failed"}


def downgrade(resource: str, body: Any) -> Any:
    """The body as 4.x has it."""
    if not isinstance(body, dict):
        return body
    made: Document = since.before((5, 0), resource, body)
    match resource:
        case "release":
            return _release(made)
        case "releaseEnvironment":
            return _environment(made)
        case "releaseDefinitionSummary":
            releases = made.get("releases") or []
            return {**made, "releases": [_release(release) for release in releases]}
        case "deployment" | "agentArtifactDefinition":
            return _in_words(made)
        case "releaseGates":
            return _gates(made)
        case "change":
            return {**made, "pusher": (body.get("pushedBy") or {}).get("displayName")}
        case _:
            return made


def _release(body: Document) -> Document:
    made = _in_words(body)
    if isinstance(body.get("environments"), list):
        told = {"releaseDescription": body.get("description")}
        made["environments"] = [{**told, **_environment(one)} for one in body["environments"]]
    return made


def _environment(body: Document) -> Document:
    phases = body.get("deployPhasesSnapshot") or []
    attempts = body.get("deploySteps")
    return {
        **body,
        **({"deploySteps": [_attempt(one) for one in attempts]} if attempts else {}),
        "workflowTasks": stages.tasks(phases),
        "queueId": stages.queue(phases),
        "demands": stages.demands(phases),
        "runOptions": stages.run_options(body),
    }


def _attempt(body: Document) -> Document:
    made = _in_words(body)
    for side in ("preDeploymentGates", "postDeploymentGates"):
        if isinstance(body.get(side), dict):
            made[side] = _gates(body[side])
    return made


def _gates(body: Document) -> Document:
    status = body.get("status")
    return {**body, "status": GATES.get(str(status), status)}


def _in_words(body: Document) -> Document:
    words = {
        field: known[str(body[field])]
        for field, known in WORDS.items()
        if str(body.get(field)) in known
    }
    return {**body, **words}

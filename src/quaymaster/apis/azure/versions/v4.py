"""Before 5.0: stages of a release still had a queue and tasks of their own (CONTRACT D.1).

The fields were deprecated, not gone: they repeat what the phases say. References were shorter.
"""

from typing import Any

from quaymaster.apis.azure.versions import stages

Document = dict[str, Any]

NOT_YET_IN_RELEASE = frozenset({"releaseDefinitionRevision"})
NOT_YET_IN_REFERENCE = frozenset({"path", "projectReference"})
NOT_YET_IN_DEFINITION = frozenset({"projectReference"})
NOT_YET_IN_STAGE = frozenset({"currentRelease", "environmentTriggers"})


def downgrade(resource: str, body: Any) -> Any:
    """The body as 4.x has it."""
    if not isinstance(body, dict):
        return body
    match resource:
        case "definition" | "definitionInList":
            return _definition(body)
        case "release":
            return _release(body)
        case "releaseEnvironment":
            return _environment(body)
        case "approval" | "deployment":
            return _with_short_reference(body)
        case _:
            return body


def _definition(body: Document) -> Document:
    made = stages.without(body, NOT_YET_IN_DEFINITION)
    if isinstance(body.get("environments"), list):
        made["environments"] = [
            stages.without(stage, NOT_YET_IN_STAGE) for stage in body["environments"]
        ]
    return made


def _release(body: Document) -> Document:
    made = stages.without(_with_short_reference(body), NOT_YET_IN_RELEASE)
    if isinstance(body.get("environments"), list):
        made["environments"] = [_environment(stage) for stage in body["environments"]]
    return made


def _environment(body: Document) -> Document:
    phases = body.get("deployPhasesSnapshot") or []
    return {
        **_with_short_reference(body),
        "workflowTasks": stages.tasks(phases),
        "queueId": stages.queue(phases),
        "demands": stages.demands(phases),
        "runOptions": stages.run_options(body),
        **{
            side: [_with_short_reference(approval) for approval in body[side]]
            for side in ("preDeployApprovals", "postDeployApprovals")
            if side in body
        },
    }


def _with_short_reference(body: Document) -> Document:
    reference = body.get("releaseDefinition")
    if not isinstance(reference, dict):
        return body
    return {**body, "releaseDefinition": stages.without(reference, NOT_YET_IN_REFERENCE)}

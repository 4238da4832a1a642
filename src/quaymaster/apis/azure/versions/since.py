"""Fields that came with a version: what an older version does not show (CONTRACT C, "since").

Where a field stands is known from the published shapes, so that a field of the same name
elsewhere, or one that nobody has published, stays as it is.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from quaymaster.apis.azure.shapes import builds, contract, inner

Step = tuple[int, int]
Fields = Mapping[str, frozenset[str]]  # shape → names of its fields

# 6.1 brought one more, `retryCountOnTaskFailure` of a task: it is shown from 6.0 on, so that the
# bodies of releases in 6.0 are those of today.
SINCE: Mapping[Step, Fields] = {
    (7, 1): {
        "Build": frozenset({"appendCommitMessageToRunName"}),
        "PipelineGeneralSettings": frozenset(
            {
                "auditEnforceSettableVar",
                "buildsEnabledForForks",
                "disableClassicBuildPipelineCreation",
                "disableClassicPipelineCreation",
                "disableClassicReleasePipelineCreation",
                "enableShellTasksArgsSanitizing",
                "enableShellTasksArgsSanitizingAudit",
                "enforceJobAuthScopeForForks",
                "enforceNoAccessToSecretsFromForks",
                "forkProtectionEnabled",
                "isCommentRequiredForPullRequest",
                "requireCommentsForNonTeamMemberAndNonContributors",
                "requireCommentsForNonTeamMembersOnly",
            }
        ),
    },
    (6, 1): {
        "Build": frozenset({"templateParameters"}),
        "PipelineGeneralSettings": frozenset({"enforceJobAuthScopeForReleases"}),
        "RetentionLease": frozenset({"protectPipeline"}),
    },
    (6, 0): {
        "BuildArtifact": frozenset({"source"}),
        "Release": frozenset({"createdFor"}),
        "VariableValue": frozenset({"isReadOnly"}),
        "TimelineRecord": frozenset({"queueId"}),
        "WorkflowTask": frozenset({"retryCountOnTaskFailure"}),
    },
    (5, 2): {
        "ArtifactFilter": frozenset({"tagFilter"}),
        "ArtifactTypeDefinition": frozenset(
            {"isCommitsTraceabilitySupported", "isWorkitemsTraceabilitySupported"}
        ),
        "ReleaseWorkItemRef": frozenset({"provider"}),
        "VariableGroup": frozenset({"variableGroupProjectReferences"}),
    },
    (5, 1): {
        "AgentDeploymentInput": frozenset({"agentSpecification"}),
        "ArtifactDownloadInputBase": frozenset({"artifactItems"}),
        "Release": frozenset({"releaseDefinitionRevision"}),
        "ReleaseSchedule": frozenset({"scheduleOnlyWithChanges"}),
        "ReleaseSettings": frozenset({"complianceSettings"}),
        "TeamProjectReference": frozenset({"lastUpdateTime"}),
        "TimelineRecord": frozenset({"identifier"}),
    },
    (5, 0): {
        "Artifact": frozenset({"isRetained"}),
        "ArtifactFilter": frozenset({"createReleaseOnBuildTagging"}),
        "ArtifactTypeDefinition": frozenset({"artifactTriggerConfiguration", "artifactType"}),
        "BuildVersion": frozenset(
            {"definitionId", "definitionName", "isMultiDefinitionType", "sourcePullRequestVersion"}
        ),
        "Change": frozenset({"pushedBy"}),
        "ConfigurationVariableValue": frozenset({"allowOverride"}),
        "DeployPhase": frozenset({"refName"}),
        "Deployment": frozenset({"projectReference"}),
        "EnvironmentOptions": frozenset({"pullRequestDeploymentEnabled"}),
        "IdentityRef": frozenset({"isDeletedInOrigin"}),
        "Issue": frozenset({"data"}),
        "ReleaseDefinition": frozenset({"projectReference"}),
        "ReleaseDefinitionEnvironment": frozenset({"currentRelease", "environmentTriggers"}),
        "ReleaseDefinitionGatesOptions": frozenset({"minimumSuccessDuration"}),
        "ReleaseDefinitionShallowReference": frozenset({"path", "projectReference"}),
        "ReleaseDeployPhase": frozenset({"startedOn"}),
        "ReleaseGates": frozenset({"ignoredGates", "succeedingSince"}),
        "ReleaseTask": frozenset({"resultCode"}),
        "ReleaseTriggerBase": frozenset({"tagFilters"}),
        "TimelineRecord": frozenset({"attempt", "previousAttempts"}),
        "VariableGroup": frozenset({"isShared"}),
        "WorkflowTask": frozenset({"environment"}),
    },
}
SHAPES = {
    "agentArtifactDefinition": "AgentArtifactDefinition",
    "approval": "ReleaseApproval",
    "artifactTypeDefinition": "ArtifactTypeDefinition",
    "artifactVersionQueryResult": "ArtifactVersionQueryResult",
    "build": "Build",
    "buildArtifact": "BuildArtifact",
    "buildDefinition": "BuildDefinition",
    "buildDefinitionReference": "BuildDefinitionReference",
    "change": "Change",
    "definition": "ReleaseDefinition",
    "definitionInList": "ReleaseDefinition",
    "deployment": "Deployment",
    "environmentTemplate": "ReleaseDefinitionEnvironmentTemplate",
    "folder": "Folder",
    "manualIntervention": "ManualIntervention",
    "pipelineGeneralSettings": "PipelineGeneralSettings",
    "project": "TeamProjectReference",
    "release": "Release",
    "releaseDefinitionRevision": "ReleaseDefinitionRevision",
    "releaseDefinitionSummary": "ReleaseDefinitionSummary",
    "releaseEnvironment": "ReleaseEnvironment",
    "releaseGates": "ReleaseGates",
    "releaseRevision": "ReleaseRevision",
    "releaseSettings": "ReleaseSettings",
    "releaseTask": "ReleaseTask",
    "releaseTaskAttachment": "ReleaseTaskAttachment",
    "releaseWorkItemRef": "ReleaseWorkItemRef",
    "retentionLease": "RetentionLease",
    "timeline": "Timeline",
    "variableGroup": "VariableGroup",
}
# What the base types of phases and triggers do not say, their kinds do (CONTRACT C).
OF_KINDS: Mapping[str, Mapping[str, str]] = {
    "DeployPhase": {"deploymentInput": "AgentDeploymentInput"},
    "ReleaseTriggerBase": {"triggerConditions": "ArtifactFilter", "schedule": "ReleaseSchedule"},
}


def before(step: Step, resource: str, body: Any) -> Any:
    """A body of this version or a newer one as it was before: less what came with `step`."""
    return _less(step, SHAPES[resource], body) if concerns(step, resource) else body


def concerns(step: Step, resource: str) -> bool:
    """Whether bodies of this resource lose anything at all before `step`."""
    return SHAPES.get(resource, "") in _concerned(step)


def _less(step: Step, shape: str, value: Any) -> Any:
    """A value of this shape, or a list or map of such values."""
    concerned = _concerned(step)
    if shape not in concerned:
        return value
    if isinstance(value, msgspec.Raw):
        value = msgspec.json.decode(value)
    if isinstance(value, list):
        return [_less(step, shape, entry) for entry in value]
    if not isinstance(value, dict):
        return value
    gone = SINCE[step].get(shape, frozenset())
    children = _children(shape)
    return {
        key: _within(step, children[key], entry) if key in children else entry
        for key, entry in value.items()
        if key not in gone
    }


def _within(step: Step, child: tuple[str, bool], value: Any) -> Any:
    shape, is_map = child
    if is_map and isinstance(value, dict):
        return {key: _less(step, shape, entry) for key, entry in value.items()}
    return _less(step, shape, value)


@cache
def _types() -> Mapping[str, Mapping[str, str]]:
    return {**builds().types, **contract().types}


@cache
def _children(shape: str) -> Mapping[str, tuple[str, bool]]:
    """The fields that lead to another shape: its name, and whether the field is a map of them."""
    types = _types()
    fields = {**types.get(shape, {}), **OF_KINDS.get(shape, {})}
    return {
        name: (inner(kind), kind.startswith("map<"))
        for name, kind in fields.items()
        if inner(kind) in types
    }


@cache
def _concerned(step: Step) -> frozenset[str]:
    """The shapes that lose something, or lead to one that does."""
    found = set(SINCE[step])
    while True:
        more = {
            shape
            for shape in {*_types(), *OF_KINDS}
            if shape not in found and found & {child for child, _ in _children(shape).values()}
        }
        if not more:
            return frozenset(found)
        found |= more

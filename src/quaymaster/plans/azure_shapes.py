"""What is known about the fields of an Azure definition document (CONTRACT C, D.2).

A shape names the fields that are understood, in their published spelling; every other field of
an object is kept as it came.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from quaymaster.plans import azure_words
from quaymaster.plans.azure_words import Words


class Leaf(Enum):
    """How a field without fields of its own is read."""

    AS_IS = "as is"
    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    SERVER = "owned by the server, never taken from a document"
    IDENTITY = "a person or group"
    PROPERTIES = "a properties collection"


@dataclass(frozen=True, slots=True)
class Shape:
    """An object with known fields."""

    fields: "Mapping[str, Kind]"
    _spelling: Mapping[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_spelling", {name.lower(): name for name in self.fields})

    def spelled(self, name: str) -> str:
        """The published spelling of a field's name, or the name itself when it is not known."""
        return name if name in self.fields else self._spelling.get(name.lower(), name)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of things of one kind."""

    item: "Kind"


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object whose keys are the author's own names."""

    value: "Kind"


Kind: TypeAlias = "Leaf | Words | Shape | ListOf | MapOf"

TEXTS = MapOf(Leaf.TEXT)

VARIABLES = MapOf(
    Shape({"value": Leaf.TEXT, "isSecret": Leaf.BOOLEAN, "allowOverride": Leaf.BOOLEAN})
)

DEMANDS = ListOf(Shape({"name": Leaf.TEXT, "value": Leaf.TEXT}))

TASK = Shape(
    {
        "taskId": Leaf.TEXT,
        "version": Leaf.TEXT,
        "name": Leaf.TEXT,
        "refName": Leaf.TEXT,
        "enabled": Leaf.BOOLEAN,
        "alwaysRun": Leaf.BOOLEAN,
        "continueOnError": Leaf.BOOLEAN,
        "timeoutInMinutes": Leaf.INTEGER,
        "retryCountOnTaskFailure": Leaf.INTEGER,
        "definitionType": Leaf.TEXT,
        "condition": Leaf.TEXT,
        "inputs": TEXTS,
        "overrideInputs": TEXTS,
        "environment": TEXTS,
    }
)

DEPLOYMENT_INPUT = Shape(
    {
        "queueId": Leaf.INTEGER,
        "demands": DEMANDS,
        "timeoutInMinutes": Leaf.INTEGER,
        "jobCancelTimeoutInMinutes": Leaf.INTEGER,
        "condition": Leaf.TEXT,
        "enableAccessToken": Leaf.BOOLEAN,
        "skipArtifactsDownload": Leaf.BOOLEAN,
        "overrideInputs": TEXTS,
        "agentSpecification": Shape({"identifier": Leaf.TEXT}),
        "imageId": Leaf.INTEGER,
        "artifactsDownloadInput": Shape(
            {
                "downloadInputs": ListOf(
                    Shape(
                        {
                            "alias": Leaf.TEXT,
                            "artifactType": Leaf.TEXT,
                            "artifactDownloadMode": Leaf.TEXT,
                            "artifactItems": Leaf.AS_IS,
                        }
                    )
                )
            }
        ),
        "parallelExecution": Shape(
            {
                "parallelExecutionType": azure_words.PARALLEL_EXECUTION,
                "multipliers": Leaf.AS_IS,
                "maxNumberOfAgents": Leaf.INTEGER,
                "continueOnError": Leaf.BOOLEAN,
            }
        ),
        "deploymentHealthOption": Leaf.TEXT,
        "healthPercent": Leaf.INTEGER,
        "tags": Leaf.AS_IS,
    }
)

PHASE = Shape(
    {
        "rank": Leaf.INTEGER,
        "phaseType": azure_words.PHASE_TYPE,
        "name": Leaf.TEXT,
        "refName": Leaf.TEXT,
        "deploymentInput": DEPLOYMENT_INPUT,
        "workflowTasks": ListOf(TASK),
    }
)

APPROVAL_STEP = Shape(
    {
        "id": Leaf.INTEGER,
        "rank": Leaf.INTEGER,
        "isAutomated": Leaf.BOOLEAN,
        "isNotificationOn": Leaf.BOOLEAN,
        "approver": Leaf.IDENTITY,
    }
)

APPROVALS = Shape(
    {
        "approvals": ListOf(APPROVAL_STEP),
        "approvalOptions": Shape(
            {
                "requiredApproverCount": Leaf.INTEGER,
                "releaseCreatorCanBeApprover": Leaf.BOOLEAN,
                "autoTriggeredAndPreviousEnvironmentApprovedCanBeSkipped": Leaf.BOOLEAN,
                "enforceIdentityRevalidation": Leaf.BOOLEAN,
                "timeoutInMinutes": Leaf.INTEGER,
                "timeoutInMintues": Leaf.INTEGER,  # as a page of 2017 spelled it
                "executionOrder": azure_words.APPROVAL_ORDER,
            }
        ),
    }
)

GATES = Shape(
    {
        "id": Leaf.INTEGER,
        "gatesOptions": Shape(
            {
                "isEnabled": Leaf.BOOLEAN,
                "timeout": Leaf.INTEGER,
                "samplingInterval": Leaf.INTEGER,
                "stabilizationTime": Leaf.INTEGER,
                "minimumSuccessDuration": Leaf.INTEGER,
            }
        ),
        "gates": ListOf(Shape({"tasks": ListOf(TASK)})),
    }
)

CONDITION = Shape(
    {"name": Leaf.TEXT, "conditionType": azure_words.CONDITION_TYPE, "value": Leaf.TEXT}
)

SCHEDULE = Shape(
    {
        "daysToRelease": azure_words.SCHEDULE_DAYS,
        "startHours": Leaf.INTEGER,
        "startMinutes": Leaf.INTEGER,
        "timeZoneId": Leaf.TEXT,
        "scheduleOnlyWithChanges": Leaf.BOOLEAN,
        "jobId": Leaf.TEXT,
    }
)

TAG_FILTER = Shape({"pattern": Leaf.TEXT})

TRIGGER_CONDITION = Shape(
    {
        "sourceBranch": Leaf.TEXT,
        "targetBranch": Leaf.TEXT,
        "tags": Leaf.AS_IS,
        "tagFilter": TAG_FILTER,
        "useBuildDefinitionBranch": Leaf.BOOLEAN,
        "createReleaseOnBuildTagging": Leaf.BOOLEAN,
    }
)

TRIGGER = Shape(
    {
        "triggerType": azure_words.TRIGGER_TYPE,
        "artifactAlias": Leaf.TEXT,
        "alias": Leaf.TEXT,
        "triggerConditions": ListOf(TRIGGER_CONDITION),
        "schedule": SCHEDULE,
        "branchFilters": Leaf.AS_IS,
        "tagFilters": ListOf(TAG_FILTER),
        "statusPolicyName": Leaf.TEXT,
        "pullRequestConfiguration": Shape(
            {
                "useArtifactReference": Leaf.BOOLEAN,
                "codeRepositoryReference": Shape(
                    {
                        "systemType": azure_words.PULL_REQUEST_SYSTEM,
                        "repositoryReference": Leaf.AS_IS,
                    }
                ),
            }
        ),
    }
)

ARTIFACT = Shape(
    {
        "id": Leaf.SERVER,  # a number that only the old versions show
        "alias": Leaf.TEXT,
        "type": Leaf.TEXT,
        "sourceId": Leaf.TEXT,
        "isPrimary": Leaf.BOOLEAN,
        "isRetained": Leaf.BOOLEAN,
        "definitionReference": MapOf(Shape({"id": Leaf.TEXT, "name": Leaf.TEXT})),
    }
)

RUN_OPTIONS = Shape(
    {
        "EnvironmentOwnerEmailNotificationType": Leaf.TEXT,
        "skipArtifactsDownload": Leaf.TEXT,
        "TimeoutInMinutes": Leaf.TEXT,
    }
)

ENVIRONMENT = Shape(
    {
        "id": Leaf.INTEGER,
        "name": Leaf.TEXT,
        "rank": Leaf.INTEGER,
        "owner": Leaf.IDENTITY,
        "variables": VARIABLES,
        "variableGroups": Leaf.AS_IS,
        "preDeployApprovals": APPROVALS,
        "postDeployApprovals": APPROVALS,
        "preDeploySteps": ListOf(APPROVAL_STEP),
        "postDeploySteps": ListOf(APPROVAL_STEP),
        "deployStep": Shape({"id": Leaf.INTEGER, "tasks": ListOf(TASK)}),
        "deployPhases": ListOf(PHASE),
        "environmentOptions": Shape(
            {
                "emailNotificationType": Leaf.TEXT,
                "emailRecipients": Leaf.TEXT,
                "skipArtifactsDownload": Leaf.BOOLEAN,
                "timeoutInMinutes": Leaf.INTEGER,
                "enableAccessToken": Leaf.BOOLEAN,
                "publishDeploymentStatus": Leaf.BOOLEAN,
                "badgeEnabled": Leaf.BOOLEAN,
                "autoLinkWorkItems": Leaf.BOOLEAN,
                "pullRequestDeploymentEnabled": Leaf.BOOLEAN,
            }
        ),
        "runOptions": RUN_OPTIONS,
        "queueId": Leaf.INTEGER,
        "demands": DEMANDS,
        "conditions": ListOf(CONDITION),
        "executionPolicy": Shape(
            {"concurrencyCount": Leaf.INTEGER, "queueDepthCount": Leaf.INTEGER}
        ),
        "schedules": ListOf(SCHEDULE),
        "currentRelease": Leaf.SERVER,
        "badgeUrl": Leaf.SERVER,
        "retentionPolicy": Shape(
            {
                "daysToKeep": Leaf.INTEGER,
                "releasesToKeep": Leaf.INTEGER,
                "retainBuild": Leaf.BOOLEAN,
            }
        ),
        "processParameters": Shape(
            {"inputs": ListOf(Shape({"name": Leaf.TEXT, "defaultValue": Leaf.TEXT}))}
        ),
        "properties": Leaf.PROPERTIES,
        "preDeploymentGates": GATES,
        "postDeploymentGates": GATES,
        "environmentTriggers": ListOf(
            Shape(
                {
                    "triggerType": azure_words.ENVIRONMENT_TRIGGER_TYPE,
                    "triggerContent": Leaf.TEXT,
                    "definitionEnvironmentId": Leaf.INTEGER,
                    "releaseDefinitionId": Leaf.INTEGER,
                }
            )
        ),
    }
)

DEFINITION = Shape(
    {
        "id": Leaf.SERVER,
        "revision": Leaf.SERVER,
        "createdBy": Leaf.SERVER,
        "createdOn": Leaf.SERVER,
        "modifiedBy": Leaf.SERVER,
        "modifiedOn": Leaf.SERVER,
        "isDeleted": Leaf.SERVER,
        "lastRelease": Leaf.SERVER,
        "projectReference": Leaf.SERVER,
        "url": Leaf.SERVER,
        "_links": Leaf.SERVER,
        "name": Leaf.TEXT,
        "path": Leaf.TEXT,
        "description": Leaf.TEXT,
        "comment": Leaf.TEXT,
        "source": azure_words.DEFINITION_SOURCE,
        "isDisabled": Leaf.BOOLEAN,
        "variables": VARIABLES,
        "variableGroups": Leaf.AS_IS,
        "environments": ListOf(ENVIRONMENT),
        "artifacts": ListOf(ARTIFACT),
        "linkedArtifacts": ListOf(ARTIFACT),
        "triggers": ListOf(TRIGGER),
        "releaseNameFormat": Leaf.TEXT,
        "retentionPolicy": Shape({"daysToKeep": Leaf.INTEGER}),
        "tags": Leaf.AS_IS,
        "properties": Leaf.PROPERTIES,
        "pipelineProcess": Shape({"type": azure_words.PROCESS_TYPE}),
    }
)

"""What is known about the fields of a build definition document (CONTRACT C, build side)."""

from quaymaster.plans import azure_words
from quaymaster.plans.azure_shapes import TEXTS, VARIABLES, Leaf, ListOf, Shape

STEP = Shape(
    {
        "task": Shape(
            {"id": Leaf.TEXT, "versionSpec": Leaf.TEXT, "definitionType": Leaf.TEXT},
        ),
        "displayName": Leaf.TEXT,
        "refName": Leaf.TEXT,
        "enabled": Leaf.BOOLEAN,
        "alwaysRun": Leaf.BOOLEAN,
        "continueOnError": Leaf.BOOLEAN,
        "condition": Leaf.TEXT,
        "timeoutInMinutes": Leaf.INTEGER,
        "retryCountOnTaskFailure": Leaf.INTEGER,
        "inputs": TEXTS,
        "environment": TEXTS,
    }
)
QUEUE = Shape({"id": Leaf.INTEGER, "name": Leaf.TEXT})
TARGET = Shape(
    {
        "type": Leaf.INTEGER,
        "queue": QUEUE,
        "demands": Leaf.AS_IS,
        "allowScriptsAuthAccessOption": Leaf.BOOLEAN,
        "executionOptions": Shape(
            {
                "type": Leaf.INTEGER,
                "multipliers": Leaf.AS_IS,
                "maxConcurrency": Leaf.INTEGER,
                "continueOnError": Leaf.BOOLEAN,
            }
        ),
    }
)
PHASE = Shape(
    {
        "name": Leaf.TEXT,
        "refName": Leaf.TEXT,
        "condition": Leaf.TEXT,
        "steps": ListOf(STEP),
        "target": TARGET,
        "variables": VARIABLES,
        "jobTimeoutInMinutes": Leaf.INTEGER,
        "jobCancelTimeoutInMinutes": Leaf.INTEGER,
        "jobAuthorizationScope": azure_words.JOB_SCOPE,
        "dependencies": ListOf(Shape({"scope": Leaf.TEXT, "event": Leaf.TEXT})),
    }
)
REPOSITORY = Shape(
    {
        "id": Leaf.TEXT,
        "type": Leaf.TEXT,
        "name": Leaf.TEXT,
        "url": Leaf.TEXT,
        "defaultBranch": Leaf.TEXT,
        "clean": Leaf.TEXT,
        "checkoutSubmodules": Leaf.BOOLEAN,
        "rootFolder": Leaf.TEXT,
        "properties": TEXTS,
    }
)
BUILD_DEFINITION = Shape(
    {
        "name": Leaf.TEXT,
        "path": Leaf.TEXT,
        "description": Leaf.TEXT,
        "comment": Leaf.TEXT,
        "type": azure_words.DEFINITION_TYPE,
        "quality": azure_words.DEFINITION_QUALITY,
        "queueStatus": azure_words.QUEUE_STATUS,
        "jobAuthorizationScope": azure_words.JOB_SCOPE,
        "jobTimeoutInMinutes": Leaf.INTEGER,
        "jobCancelTimeoutInMinutes": Leaf.INTEGER,
        "badgeEnabled": Leaf.BOOLEAN,
        "buildNumberFormat": Leaf.TEXT,
        "variables": VARIABLES,
        "variableGroups": Leaf.AS_IS,
        "repository": REPOSITORY,
        "queue": QUEUE,
        "process": Shape(
            {"type": Leaf.INTEGER, "phases": ListOf(PHASE), "yamlFilename": Leaf.TEXT}
        ),
        "build": ListOf(STEP),
        "processParameters": Shape(
            {"inputs": ListOf(Shape({"name": Leaf.TEXT, "defaultValue": Leaf.TEXT}))}
        ),
        "demands": Leaf.AS_IS,
        "options": Leaf.AS_IS,
        "triggers": Leaf.AS_IS,
        "retentionRules": Leaf.AS_IS,
        "tags": Leaf.AS_IS,
        "properties": Leaf.PROPERTIES,
        **dict.fromkeys(
            (
                "id",
                "revision",
                "uri",
                "url",
                "_links",
                "createdDate",
                "authoredBy",
                "project",
                "drafts",
                "draftOf",
                "latestBuild",
                "latestCompletedBuild",
                "metrics",
            ),
            Leaf.SERVER,
        ),
    }
)

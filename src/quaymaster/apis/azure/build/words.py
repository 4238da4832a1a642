"""The build area's words for statuses and choices, with their published integers."""

from quaymaster.apis.azure.words import Words

STATUS = Words(
    "BuildStatus",
    {
        "none": 0,
        "inProgress": 1,
        "completed": 2,
        "cancelling": 4,
        "postponed": 8,
        "notStarted": 32,
        "all": 47,
    },
    is_flags=True,
)
RESULT = Words(
    "BuildResult",
    {"none": 0, "succeeded": 2, "partiallySucceeded": 4, "failed": 8, "canceled": 32},
    is_flags=True,
)
REASON = Words(
    "BuildReason",
    {
        "none": 0,
        "manual": 1,
        "individualCI": 2,
        "batchedCI": 4,
        "schedule": 8,
        "scheduleForced": 16,
        "userCreated": 32,
        "validateShelveset": 64,
        "checkInShelveset": 128,
        "pullRequest": 256,
        "buildCompletion": 512,
        "resourceTrigger": 1024,
        "triggered": 1967,
        "all": 2031,
    },
    is_flags=True,
)
PRIORITY = Words(
    "QueuePriority", {"low": 5, "belowNormal": 4, "normal": 3, "aboveNormal": 2, "high": 1}
)
QUEUE_OPTIONS = Words("QueueOptions", {"none": 0, "doNotRun": 1})
DEFINITION_ORDER = Words(
    "DefinitionQueryOrder",
    {
        "none": 0,
        "lastModifiedAscending": 1,
        "lastModifiedDescending": 2,
        "definitionNameAscending": 3,
        "definitionNameDescending": 4,
    },
)
BUILD_ORDER = Words(
    "BuildQueryOrder",
    {
        "finishTimeAscending": 2,
        "finishTimeDescending": 3,
        "queueTimeDescending": 4,
        "queueTimeAscending": 5,
        "startTimeDescending": 6,
        "startTimeAscending": 7,
    },
)
DELETED = Words("QueryDeletedOption", {"excludeDeleted": 0, "includeDeleted": 1, "onlyDeleted": 2})
FOLDER_ORDER = Words("FolderQueryOrder", {"none": 0, "folderAscending": 1, "folderDescending": 2})
STAGE_UPDATE = Words("StageUpdateType", {"cancel": 0, "retry": 1, "run": 2})

"""Before 3.0: other words and numbers for how releases and environments stand (LEGACY 5, 6.4)."""

from typing import Any

from quaymaster.apis.azure.versions import numbers, stages
from quaymaster.apis.azure.versions.numbers import NOTHING

ENVIRONMENT_STATUS = {
    "queued": "inProgress",
    "scheduled": "inProgress",
    "partiallySucceeded": "succeeded",
}
MEANINGS = {
    "ReleaseStatus": {
        "2": "active",
        "inprogress": "active",
        "6": "abandoned",
        **dict.fromkeys(("3", "4", "5", "7"), NOTHING),
        **dict.fromkeys(("released", "stopped", "rejected", "canceled"), NOTHING),
    },
    "EnvironmentStatus": {
        "0": "notStarted",
        "2": "succeeded",
        "3": "rejected",
        "4": "inProgress",
        **dict.fromkeys(("5", "6", "7", "abandoned", "stopped"), "canceled"),
    },
}


def upgrade(resource: str, body: Any) -> Any:
    """A status in the word of today."""
    return numbers.upgraded(resource, body, MEANINGS)


def downgrade(resource: str, body: Any) -> Any:
    """Statuses of environments in the words of the time; everything else is as in 3.0."""
    return stages.changed(resource, body, _environment)


def _environment(body: dict[str, Any]) -> dict[str, Any]:
    status = body.get("status", "")
    return {**body, "status": ENVIRONMENT_STATUS.get(status, status)}

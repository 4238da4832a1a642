"""Statuses that meant something else in old versions, in bodies and in filters (LEGACY 5)."""

from collections.abc import Mapping
from typing import Any

NOTHING = "nothing"  # a status that no release of this server ever has
STATUS_IN = {
    "releaseUpdateMetadata": "ReleaseStatus",
    "release": "ReleaseStatus",
    "releaseEnvironmentUpdateMetadata": "EnvironmentStatus",
}

Meanings = Mapping[str, Mapping[str, str]]  # enumeration → number or word in lower case → word


def meant(enumeration: str, said: Any, meanings: Meanings) -> Any:
    """The word of today for what was said then; what means the same is given back as it is."""
    if isinstance(said, bool) or not isinstance(said, int | str):
        return said
    return meanings.get(enumeration, {}).get(str(said).strip().lower(), said)


def upgraded(resource: str, body: Any, meanings: Meanings) -> Any:
    """The body with its own status, however the name is spelled, in the words of today."""
    enumeration = STATUS_IN.get(resource)
    if enumeration is None or not isinstance(body, dict):
        return body
    return {
        key: meant(enumeration, value, meanings) if key.lower() == "status" else value
        for key, value in body.items()
    }

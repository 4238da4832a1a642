"""The artifacts that a release carries (CONTRACT C Artifact, E 8 and 15)."""

from typing import Any

from quaymaster.store.releases.records import ReleaseArtifact

NAMED = ".name"  # reference keys that hold the display name of another key


def artifact(found: ReleaseArtifact) -> dict[str, Any]:
    """An Artifact with its version; the reference's keys are published as {id, name} pairs."""
    reference = {
        key: {"id": value, "name": found.reference.get(key + NAMED, "")}
        for key, value in found.reference.items()
        if not key.endswith(NAMED)
    }
    if found.is_chosen:
        reference["version"] = {"id": found.version_id, "name": found.version_name}
        if found.branch:
            reference["branch"] = {"id": found.branch, "name": found.branch}
    return {
        "sourceId": found.source_id,
        "type": found.type,
        "alias": found.alias,
        "definitionReference": reference,
        "isPrimary": found.is_primary,
        "isRetained": found.is_retained,
    }

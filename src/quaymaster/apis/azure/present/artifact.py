"""The artifacts that a release carries (CONTRACT C Artifact, E 8 and 15)."""

from typing import Any

from quaymaster.apis.azure.links import Links
from quaymaster.domain.build_sources import is_own_build, named_project
from quaymaster.store.releases.records import ReleaseArtifact

NAMED = ".name"  # reference keys that hold the display name of another key


def artifact(
    links: Links, found: ReleaseArtifact, *, is_triggering: bool = False
) -> dict[str, Any]:
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
        reference |= _pages(links, found)
    if is_triggering:
        reference["IsTriggeringArtifact"] = {"id": "True", "name": "True"}
    return {
        "sourceId": found.source_id,
        "type": found.type,
        "alias": found.alias,
        "definitionReference": reference,
        "isPrimary": found.is_primary,
        "isRetained": found.is_retained,
    }


def _pages(links: Links, found: ReleaseArtifact) -> dict[str, Any]:
    """Where people look at a build of ours and at its definition; one that is not here, such as
    of a definition that was brought over, has no `buildUri`."""
    project = named_project(found.reference)
    definition = found.reference.get("definition", "")
    if "buildUri" not in found.reference or not is_own_build(found.type, found.reference):
        return {}
    pages = {
        "artifactSourceDefinitionUrl": links.build_definition_page(project, definition),
        "artifactSourceVersionUrl": links.build_page(project, found.version_id),
    }
    return {key: {"id": page, "name": ""} for key, page in pages.items()}

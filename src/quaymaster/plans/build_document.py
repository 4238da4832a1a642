"""A build definition as it is kept: newest shape, published words, nothing of ours.

The server owns `id`, `revision`, `uri`, `url`, `_links`, `createdDate`, `authoredBy`, `project`,
`drafts`, `draftOf`, `latestBuild`, `latestCompletedBuild` and `metrics`; all else survives.
"""

from typing import Any

from quaymaster.plans.azure_document import Document, folder, identity_of, shaped
from quaymaster.plans.azure_secrets import split_secrets
from quaymaster.plans.build_shapes import BUILD_DEFINITION

__all__ = ["identity_of", "split_secrets"]

DEFAULTS: Document = {
    "quality": "definition",
    "queueStatus": "enabled",
    "type": "build",
    "jobAuthorizationScope": "projectCollection",
    "jobTimeoutInMinutes": 60,
    "jobCancelTimeoutInMinutes": 5,
}
# What a list shows of a definition without being asked for all of it.
SHALLOW = ("quality", "type", "queueStatus", "queue")
ONLY_PHASE = "Phase 1"


def normalised(document: object) -> Document:
    """The document to keep, from any version (SEMANTICS 22.1).

    Steps in `build`, as versions before 4.0 send them, become the one phase of a designer
    process. Doing it twice changes nothing more. Raises Invalid.
    """
    made = shaped(document, BUILD_DEFINITION, "A build definition")
    made["path"] = folder(made.get("path"))
    for key, value in DEFAULTS.items():
        if made.get(key) is None:
            made[key] = value
    return _with_process(made)


def _with_process(made: Document) -> Document:
    steps = made.pop("build", None)
    if not isinstance(made.get("process"), dict):
        phase = {"name": ONLY_PHASE, "refName": "Phase_1", "condition": "succeeded()"}
        phases = [{**phase, "steps": steps if isinstance(steps, list) else []}]
        made["process"] = {"type": 1, "phases": phases}
    process = made["process"]
    if process.get("type") is None:
        made["process"] = {**process, "type": 2 if process.get("yamlFilename") else 1}
    return made


def summary_of(document: Document) -> Document:
    """What every entry of a list shows."""
    return {key: document[key] for key in SHALLOW if key in document}


def tags_of(document: Document) -> tuple[str, ...]:
    """The tags that the document names, without blank ones."""
    tags = document.get("tags")
    if not isinstance(tags, list):
        return ()
    return tuple(tag.strip() for tag in tags if isinstance(tag, str) and tag.strip())


def properties_of(document: Document) -> Document:
    """The properties with their types, as they are kept beside the document."""
    found = document.get("properties")
    return found if isinstance(found, dict) else {}


def draft_of(document: object) -> int:
    """The id of the definition that a document says it is a draft of; 0 when it says none."""
    if not isinstance(document, dict):
        return 0
    said = {name.lower(): value for name, value in document.items()}.get("draftof")
    return identity_of(said)[0]


def text_of(document: Document, key: str) -> str:
    """A text of the document; "" for what is none."""
    value: Any = document.get(key)
    return value if isinstance(value, str) else ""

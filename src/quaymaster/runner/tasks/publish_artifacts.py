"""Publish build artifacts (PublishBuildArtifacts@1, PublishPipelineArtifact@1)."""

from pathlib import Path

from quaymaster.runner.logging_commands import line_of
from quaymaster.runner.tasks.call import TaskCall, TaskFailed
from quaymaster.runner.tasks.definition import Input, TaskDefinition

UNUSABLE = frozenset('"/\\:<>|*?')


async def run(task: TaskCall) -> None:
    """Ask for the upload of `PathtoPublish` under `ArtifactName` by the published command."""
    path = task.inputs.text("PathtoPublish") or task.inputs.text("targetPath")
    name = task.inputs.text("ArtifactName") or task.inputs.text("artifact") or "drop"
    if not path:
        raise TaskFailed("Input required: PathtoPublish")
    place = Path(task.working_directory) / path  # an absolute path wins
    if not await task.in_thread(place.exists):
        raise TaskFailed(f"Not found PathtoPublish: {place}")
    if UNUSABLE & set(name) or name.strip(". ") != name:
        raise TaskFailed(f"Artifact name is not valid: {name}. It must be one plain folder name.")
    where = task.inputs.text("ArtifactType") or task.inputs.text("publishLocation")
    if where.lower() in ("filepath", "file path"):
        share = task.inputs.required("TargetPath")
        command = line_of("artifact.associate", {"type": "filepath", "artifactname": name}, share)
    else:
        command = line_of("artifact.upload", {"artifactname": name}, str(place))
    task.command(command)


INPUTS = (
    Input("PathtoPublish", "filePath", "", aliases=("pathToPublish",)),
    Input("ArtifactName", "string", "drop", aliases=("artifactName",)),
    Input("ArtifactType", "pickList", "Container", aliases=("publishLocation",)),
    Input("TargetPath", "string", ""),
)
TASK = TaskDefinition(
    id="2ff763a7-ce83-4e1f-bc89-0ae63477cebe",
    name="PublishBuildArtifacts",
    title="Publish build artifacts",
    version="1.247.1",
    inputs=INPUTS,
    run=run,
)

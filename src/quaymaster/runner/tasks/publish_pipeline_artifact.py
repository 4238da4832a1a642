"""Publish pipeline artifacts (PublishPipelineArtifact@1): the same with other names of inputs."""

from quaymaster.runner.tasks.definition import Input, TaskDefinition
from quaymaster.runner.tasks.publish_artifacts import run

TASK = TaskDefinition(
    id="ecdc45f6-832d-4ad9-b52b-ee49e94659be",
    name="PublishPipelineArtifact",
    title="Publish Pipeline Artifacts",
    version="1.236.0",
    inputs=(
        Input("targetPath", "filePath", "", aliases=("path",)),
        Input("artifact", "string", "", aliases=("artifactName",)),
        Input("publishLocation", "pickList", "pipeline", aliases=("artifactType",)),
    ),
    run=run,
)

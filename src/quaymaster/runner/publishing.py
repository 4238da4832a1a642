"""What tasks publish to their build, as messages to the worker (SEMANTICS 15.5)."""

from pathlib import Path

from quaymaster.domain.variables import Variable
from quaymaster.protocol.job import ArtifactFiles, ArtifactNamed, BuildChanged, Publication
from quaymaster.runner import effects
from quaymaster.runner.step import StepRun

Publishing = (
    effects.ArtifactUpload
    | effects.ArtifactAssociate
    | effects.AddBuildTag
    | effects.UpdateBuildNumber
)


def message(step: StepRun, effect: Publishing) -> Publication:
    """The message for an effect; names, folders and tags are masked, files are sent as they
    are."""
    state = step.state
    mask, job_id = state.masker.mask, state.message.job_id
    match effect:
        case effects.ArtifactUpload():
            return upload(step, effect.name, effect.folder, effect.path)
        case effects.ArtifactAssociate():
            properties = {mask(name): mask(value) for name, value in effect.properties.items()}
            return ArtifactNamed(
                job_id,
                step.step.id,
                mask(effect.name),
                mask(effect.type),
                mask(effect.location),
                properties,
            )
        case effects.AddBuildTag():
            return BuildChanged(job_id, step.step.id, tag=mask(effect.tag))
        case effects.UpdateBuildNumber():
            state.variables.put(Variable("Build.BuildNumber", effect.number, is_read_only=True))
            return BuildChanged(job_id, step.step.id, number=mask(effect.number))


def upload(step: StepRun, name: str, folder: str, path: str) -> ArtifactFiles:
    """The message for files that go into an artifact; a relative path is below the sources."""
    place = str(step.state.home.artifacts / Path(path))
    mask, job_id = step.state.masker.mask, step.state.message.job_id
    return ArtifactFiles(job_id, step.step.id, mask(name), mask(folder), place, mask(place))

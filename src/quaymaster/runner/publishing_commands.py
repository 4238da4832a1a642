"""The commands that publish or rename: artifact, build, release, results, codecoverage (15.5)."""

from quaymaster.runner.effects import (
    AddBuildTag,
    ArtifactAssociate,
    ArtifactUpload,
    Effect,
    PublishCodeCoverage,
    PublishTestResults,
    UpdateBuildNumber,
    UpdateReleaseName,
    UploadBuildLog,
)
from quaymaster.runner.reading import Asked, Unacceptable, file_name

_SHARES = ("\\\\", "//", "file://")


def artifact_associate(asked: Asked) -> Effect:
    """In a release only what lies on a share: there is nothing to keep it with."""
    name = file_name(asked.needed("artifactname"), "the property 'artifactname'")
    location = asked.needed_data("the location of the artifact")
    if not _in_build(asked) and not location.startswith(_SHARES):
        raise Unacceptable(f"in a {asked.host} only an artifact on a share can be associated")
    type_ = asked.text("type") or _type_of(location)
    return ArtifactAssociate(name, type_, location, asked.others("artifactname", "type"))


def _type_of(location: str) -> str:
    """The type of an artifact told by how its location begins."""
    if location.startswith(_SHARES):
        return "filepath"
    if location.startswith("#/"):
        return "container"
    if location.startswith("$/"):
        return "versioncontrol"
    raise Unacceptable("the property 'type' is required for a location of this kind")


def artifact_upload(asked: Asked) -> Effect:
    """Into the folder named like the artifact, unless another is asked for; only in a build."""
    name = file_name(asked.needed("artifactname"), "the property 'artifactname'")
    path = asked.needed_data("the path of a file or folder")
    if not _in_build(asked):
        raise Unacceptable(f"artifacts are uploaded in builds, not in a {asked.host}")
    return ArtifactUpload(name, asked.text("containerfolder") or name, path)


def _in_build(asked: Asked) -> bool:
    return asked.host.lower() == "build"


def upload_build_log(asked: Asked) -> Effect:
    """The path of a file."""
    return UploadBuildLog(asked.needed_data("the path of a file"))


def update_build_number(asked: Asked) -> Effect:
    """One line."""
    return UpdateBuildNumber(asked.needed_data("the new build number"))


def add_build_tag(asked: Asked) -> Effect:
    """One line."""
    return AddBuildTag(asked.needed_data("the tag"))


def update_release_name(asked: Asked) -> Effect:
    """One line."""
    return UpdateReleaseName(asked.needed_data("the new release name"))


def results_publish(asked: Asked) -> Effect:
    """Attachments are published unless that is switched off."""
    return PublishTestResults(
        asked.needed_name("type"),
        _listed(asked.needed("resultFiles")),
        merge=asked.switch("mergeResults"),
        platform=asked.text("platform"),
        configuration=asked.text("config"),
        run_title=asked.text("runTitle"),
        publish_attachments=asked.switch("publishRunAttachments", default=True),
        fail_on_failed_tests=asked.switch("failTaskOnFailedTests"),
        test_run_system=asked.text("testRunSystem"),
    )


def codecoverage_publish(asked: Asked) -> Effect:
    """The tool and its summary file are required."""
    return PublishCodeCoverage(
        asked.needed_name("codecoveragetool"),
        asked.needed("summaryfile"),
        asked.text("reportdirectory"),
        _listed(asked.text("additionalcodecoveragefiles")),
    )


def _listed(text: str) -> tuple[str, ...]:
    """Paths parted by commas; blanks around them and empty ones do not count."""
    return tuple(path.strip() for path in text.split(",") if path.strip())

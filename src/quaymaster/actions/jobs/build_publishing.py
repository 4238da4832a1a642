"""What the tasks of a build publish: files into its artifacts, and words about it (15.5, 23.6)."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from quaymaster.actions.call import Call
from quaymaster.actions.jobs import build_jobs, uploading
from quaymaster.actions.storage.stored_objects import named_or_forgotten
from quaymaster.domain.errors import DomainError, Invalid, NotFound, Refused
from quaymaster.protocol.job import ArtifactFiles, ArtifactNamed, BuildChanged, Publication
from quaymaster.store.builds import builds as rows
from quaymaster.store.builds import containers
from quaymaster.store.builds.containers import NewArtifact
from quaymaster.store.jobs import jobs
from quaymaster.store.jobs.jobs import HeldJob
from quaymaster.store.postgres.database import Connection

MOST_FILES = 100_000
CONTAINER = "Container"
KINDS = {
    "container": "Container",
    "filepath": "FilePath",
    "versioncontrol": "VersionControl",
    "gitref": "GitRef",
    "tfvclabel": "TfvcLabel",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of publishing: why it was not kept, "" if it was, and what its step should tell."""

    problem: str = ""
    warning: str = ""


async def publish(call: Call, held: HeldJob, message: Publication) -> Outcome:
    """Keep what a step of a running job publishes; what cannot be kept fails the step.

    Raises StorageUnavailable and DatabaseUnavailable, after which it may be tried again.
    """
    try:
        match message:
            case ArtifactFiles():
                return await _upload(call, held, message)
            case ArtifactNamed():
                await _associate(call, held, message)
                return Outcome()
            case BuildChanged():
                return Outcome(await build_jobs.change(call, held, message.number, message.tag))
    except DomainError as problem:
        return Outcome(problem.message)


async def _upload(call: Call, held: HeldJob, message: ArtifactFiles) -> Outcome:
    name = containers.artifact_name(message.name)
    folder = containers.storable_path(message.folder)
    try:
        found = await asyncio.to_thread(uploading.found_at, Path(message.path))
        if len(found.files) > MOST_FILES:
            text = f"{message.path} holds more than {MOST_FILES} files; put them into an archive."
            return Outcome(text)
        for source, path in _placed(found.files, folder):
            await _keep(call, held, source, path)
    except OSError as error:
        return Outcome(_unreadable(message.path, name, error))
    root = folder.partition("/")[0]
    place = f"#/{held.build_id}/{folder}"
    properties = {"localpath": message.shown_path or message.path, "rootfolder": root}
    await _name(call, held, NewArtifact(name, CONTAINER, place, properties))
    return Outcome(warning=found.warning(name))


def _placed(files: list[tuple[Path, str]], folder: str) -> list[tuple[Path, str]]:
    """The files with their paths in the container. Raises Invalid where one would take the place of
    another, before any is kept."""
    placed, taken = [], dict[str, str]()
    for source, below in files:
        path = containers.storable_path(f"{folder}/{below}")
        other = taken.setdefault(path.casefold(), path)
        if other != path:
            raise Invalid(containers.alike(other, path))
        placed.append((source, path))
    return placed


def _unreadable(place: str, name: str, error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and error.filename == place:
        return f"Path does not exist: {place}. Nothing was put into the artifact {name}."
    return (
        f"{error.filename or place!r} cannot be read: {error.strerror}. {name} was not published."
    )


async def _keep(call: Call, held: HeldJob, source: Path, path: str) -> None:
    """Copy a file of the worker's machine into the build's container."""
    storage, key = call.installation.files, containers.new_key(held.build_id)
    stored = await storage.put_stream(key, uploading.blocks(source))
    async with named_or_forgotten(call, key), call.database.transaction() as connection:
        # What it replaces stays for the sweep of the storage: somebody may be reading it.
        await containers.put_file(connection, held.build_id, path, stored, None, call.now)
        await _record(connection, held)


async def _associate(call: Call, held: HeldJob, message: ArtifactNamed) -> None:
    name = containers.artifact_name(message.name)
    kind = KINDS.get(message.artifact_type.casefold(), message.artifact_type)
    await _name(call, held, NewArtifact(name, kind, message.location, message.properties))


async def _name(call: Call, held: HeldJob, new: NewArtifact) -> None:
    """Give the build an artifact of the job. Raises NotFound, Refused."""
    async with call.database.transaction() as connection:
        if await rows.locked(connection, held.build_id) is None:
            raise NotFound("build", held.build_id, build_jobs.IS_GONE)
        new = replace(new, source=await _record(connection, held))
        await containers.name_artifact(connection, held.build_id, new, again=True)


async def _record(connection: Connection, held: HeldJob) -> str:
    """The timeline record of the job that publishes; nobody takes the job away until the
    transaction ends. The build is to be locked before. Raises Refused for a job that was taken
    away already: the files of the attempt after it are not touched (I5)."""
    record = await jobs.record_of_held(connection, held)
    if record is None:
        raise Refused(build_jobs.NOT_OURS)
    return record

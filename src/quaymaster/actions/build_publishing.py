"""What the tasks of a build publish: files into its artifacts, and words about it (15.5, 23.6)."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from quaymaster.actions import build_jobs
from quaymaster.actions.call import Call
from quaymaster.actions.stored_objects import forget
from quaymaster.domain.errors import DomainError
from quaymaster.protocol.job import ArtifactFiles, ArtifactNamed, BuildChanged
from quaymaster.store import builds as rows
from quaymaster.store import containers
from quaymaster.store.containers import NewArtifact
from quaymaster.store.database import Connection
from quaymaster.store.jobs import HeldJob

BLOCK = 1024**2
MOST_FILES = 100_000
CONTAINER = "Container"
KINDS = {
    "container": "Container",
    "filepath": "FilePath",
    "versioncontrol": "VersionControl",
    "gitref": "GitRef",
    "tfvclabel": "TfvcLabel",
}


async def publish(
    call: Call, held: HeldJob, message: ArtifactFiles | ArtifactNamed | BuildChanged
) -> str:
    """Keep what a running job publishes; why not, if it cannot be kept: the job fails for it.

    Raises StorageUnavailable and DatabaseUnavailable, after which it may be tried again.
    """
    try:
        match message:
            case ArtifactFiles():
                return await _upload(call, held, message)
            case ArtifactNamed():
                return await _associate(call, held, message)
            case BuildChanged():
                return await build_jobs.change(call, held, message.number, message.tag)
    except DomainError as problem:
        return problem.message


async def _upload(call: Call, held: HeldJob, message: ArtifactFiles) -> str:
    name = containers.artifact_name(message.name)
    folder = containers.clean_path(message.folder)
    place = Path(message.path)
    if not await asyncio.to_thread(place.exists):
        return f"Path does not exist: {message.path}. Nothing was put into the artifact {name}."
    found = await asyncio.to_thread(lambda: list(_files(place)))
    if len(found) > MOST_FILES:
        return f"{message.path} holds more than {MOST_FILES} files; put them into an archive."
    for source, below in found:
        path = containers.clean_path(f"{folder}/{below}")
        await _keep(call, held, source, path)
    root = folder.partition("/")[0]
    async with call.database.transaction() as connection:
        new = NewArtifact(
            name,
            CONTAINER,
            f"#/{held.build_id}/{folder}",
            {"localpath": message.path, "rootfolder": root},
            await _record(connection, held),
        )
        await containers.name_artifact(connection, held.build_id, new, again=True)
    return ""


def _files(place: Path) -> Iterator[tuple[Path, str]]:
    """The regular files at a place with their paths below it; links are not followed."""
    if not place.is_dir():
        yield place, place.name
        return
    for folder, names, leaves in os.walk(place):
        names.sort()
        for leaf in sorted(leaves):
            file = Path(folder) / leaf
            if file.is_file() and not file.is_symlink():
                yield file, file.relative_to(place).as_posix()


async def _keep(call: Call, held: HeldJob, source: Path, path: str) -> None:
    """Copy a file of the worker's machine into the build's container."""
    storage, key = call.installation.files, containers.new_key(held.build_id)
    stored = await storage.put_stream(key, _blocks(source))
    async with call.database.transaction() as connection:
        old = await containers.put_file(connection, held.build_id, path, stored, None, call.now)
    await forget(call, old)


async def _blocks(source: Path) -> AsyncIterator[bytes]:
    with source.open("rb") as file:
        while block := await asyncio.to_thread(file.read, BLOCK):
            yield block


async def _associate(call: Call, held: HeldJob, message: ArtifactNamed) -> str:
    name = containers.artifact_name(message.name)
    kind = KINDS.get(message.artifact_type.casefold(), message.artifact_type)
    async with call.database.transaction() as connection:
        if await rows.locked(connection, held.build_id) is None:
            return "The build is not there any more."
        record = await _record(connection, held)
        new = NewArtifact(name, kind, message.location, message.properties, record)
        await containers.name_artifact(connection, held.build_id, new, again=True)
    return ""


async def _record(connection: Connection, held: HeldJob) -> str:
    """The timeline record of the job that published."""
    found = await connection.fetchval("SELECT record_id::text FROM jobs WHERE id = $1", held.id)
    return str(found or "")

"""The files that tasks attach to a deployment: keeping and reading them (CONTRACT B 23-26)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from quaymaster.actions.call import Call
from quaymaster.actions.jobs import steps
from quaymaster.actions.jobs.steps import Timeline
from quaymaster.actions.storage.stored_objects import forget
from quaymaster.domain.errors import NotFound
from quaymaster.store.jobs import attachments
from quaymaster.store.jobs.attachments import Attachment, NewAttachment
from quaymaster.store.jobs.jobs import HeldJob


@dataclass(frozen=True, slots=True)
class Attached:
    """Files of one phase; `project` is that of the release."""

    project: str
    files: tuple[Attachment, ...]


async def keep(call: Call, held: HeldJob, new: NewAttachment) -> bool:
    """Write down a file that a running job attached; False when the job is not this worker's.

    The object that nothing names afterwards is removed from the storage: that of an attachment of
    the same type and name, or the new one when it was not wanted any more.
    """
    async with call.database.transaction() as connection:
        kept, before = await attachments.keep(connection, held.id, held.token, new, call.now)
    useless = before if kept else new.object_key
    if useless:
        await forget(call, [useless])
    return kept


async def listed(call: Call, where: Timeline, kind: str) -> Attached:
    """The attachments of a type, oldest first. Raises NotFound, Forbidden (view releases)."""
    found = await _all(call, where)
    wanted = kind.casefold()
    files = tuple(file for file in found.files if file.type.casefold() == wanted)
    return Attached(found.project, files)


async def content(
    call: Call, where: Timeline, record: str, kind: str, name: str
) -> tuple[Attachment, AsyncIterator[bytes]]:
    """One attachment of a step (`record` is its GUID) with its bytes, in pieces.

    Raises NotFound, Forbidden (view releases), StorageUnavailable while it is read.
    """
    for file in (await listed(call, where, kind)).files:
        if str(file.step) == record.casefold() and file.name.casefold() == name.casefold():
            return file, call.installation.files.stream(file.object_key)
    raise NotFound("attachment", name, f"There is no attachment {name} of the type {kind} here.")


async def _all(call: Call, where: Timeline) -> Attached:
    found = await steps.of_timeline(call, where)
    jobs = [job.id for phase in found.phases for job in phase.jobs]
    async with call.database.read() as connection:
        files = await attachments.of_jobs(connection, where.release, jobs)
    return Attached(str(found.release.head.project_id), tuple(files))

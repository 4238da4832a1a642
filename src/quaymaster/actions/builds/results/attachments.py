"""Files that the steps of a build have attached, for callers (CONTRACT B.1)."""

from collections.abc import AsyncIterator

from quaymaster.actions.builds import builds
from quaymaster.actions.call import Call
from quaymaster.domain.errors import NotFound
from quaymaster.store.builds.views import BuildView
from quaymaster.store.jobs import attachments
from quaymaster.store.jobs.attachments import Attachment


async def listed(call: Call, build_id: int, kind: str) -> tuple[BuildView, list[Attachment]]:
    """The attachments of a type, oldest first. Raises NotFound, Forbidden (view builds)."""
    async with call.database.read() as connection:
        view = await builds.found(connection, call, build_id)
        found = await attachments.of_build(connection, build_id)
    return view, [one for one in found if one.type.casefold() == kind.casefold()]


async def content(
    call: Call, build_id: int, record: str, kind: str, name: str
) -> tuple[Attachment, AsyncIterator[bytes]]:
    """One attachment of a step (`record` is its GUID) with its bytes, in pieces. Raises NotFound,
    Forbidden, StorageUnavailable while it is read."""
    _, found = await listed(call, build_id, kind)
    for one in found:
        if str(one.step) == record.casefold() and one.name.casefold() == name.casefold():
            return one, call.installation.files.stream(one.object_key)
    raise NotFound("attachment", name, f"There is no attachment {name} of the type {kind} here.")

"""Secure files: kept sealed, and handed only to the tasks of jobs that name them.

Rights are those of service connections (see `connections`): readers see that a file is there,
editors of pipelines add files and use them, who added one and release administrators change it.
Nobody reads one through the API; a job's task does, with a ticket that ends with the job.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from uuid import UUID, uuid4

from quaymaster.actions.call import Call, Installation
from quaymaster.actions.people.people import TOKEN_BYTES, digest
from quaymaster.actions.resources.connections import (
    ADMINISTER,
    USE,
    VIEW,
    DefinitionPlace,
    usable_by_author,
)
from quaymaster.domain.access import Grant
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.domain.plan import Plan
from quaymaster.domain.release import JobId
from quaymaster.plans.connection_uses import uses_in, words_of_tasks
from quaymaster.plans.connections import no_inputs
from quaymaster.protocol.job import SecureFile as GivenFile
from quaymaster.store.people import people
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import secure_files
from quaymaster.store.resources.secure_files import NewFile, SecureFile

LONGEST_NAME = 256
LARGEST_BYTES = 10 * 1024 * 1024
MOST_PROPERTIES = 100


async def listed(call: Call) -> list[SecureFile]:
    """The files of the project that the caller may see, by name. Raises Forbidden."""
    project = _project(call)
    call.require(VIEW, str(project), "the project's secure files")
    async with call.database.read() as connection:
        found = await secure_files.listed(connection, project)
    return [each for each in found if call.may(VIEW, _token(each))]


async def get(call: Call, file_id: str) -> SecureFile:
    """One file of the project, without its content. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        return await _found(connection, call, file_id)


async def add(call: Call, name: str, content: bytes) -> SecureFile:
    """Keep a file, which the caller then administers. Raises Invalid, Conflict, Forbidden."""
    project = _project(call)
    call.require(USE, str(project), "the project's secure files")
    if not content or len(content) > LARGEST_BYTES:
        raise Invalid(f"A secure file has from 1 to {LARGEST_BYTES} bytes.")
    new = NewFile(uuid4(), project, _checked_name(name), content)
    async with call.database.transaction() as connection:
        await secure_files.create(connection, call.vault, new, call.by, call.now)
        if call.by is not None:
            token = _place(project, str(new.id))
            await people.grant(connection, call.by, Grant(token, ADMINISTER | USE | VIEW))
        return await _found(connection, call, str(new.id))


async def change(
    call: Call, file_id: str, name: str | None, properties: Mapping[str, str] | None
) -> SecureFile:
    """Give a file another name or other properties; None leaves a part as it is.

    Raises Invalid, Conflict, NotFound, Forbidden unless the caller administers it.
    """
    async with call.database.transaction() as connection:
        before = await _administered(connection, call, file_id)
        changed = replace(
            before,
            name=before.name if name is None else _checked_name(name),
            properties=before.properties if properties is None else _checked(properties),
        )
        await secure_files.update(connection, changed, call.by, call.now)
        return await _found(connection, call, file_id)


async def delete(call: Call, file_id: str) -> None:
    """Remove a file. Raises NotFound, Forbidden unless the caller administers it."""
    async with call.database.transaction() as connection:
        before = await _administered(connection, call, file_id)
        await secure_files.delete(connection, before.id)


async def fetch(installation: Installation, file_id: str, ticket: str) -> bytes:
    """What is in a file, for a task that shows its ticket. Raises NotFound for any other."""
    async with installation.database.read() as connection:
        found = await secure_files.content_for(
            connection, installation.vault, _id(file_id), digest(ticket)
        )
    if found is None:
        raise NotFound("secure file", file_id)
    return found


async def given(
    connection: Connection,
    definition: DefinitionPlace,
    words: Iterable[str],
    written: Collection[str],
    job: JobId,
) -> list[GivenFile]:
    """The files that a job's tasks name, each with a fresh ticket; unknown ones are missing.

    The words of `written` stand in the plan and were checked when it was saved; any other came out
    of a variable, and counts only when whoever saved the definition last may use it now (25.3).
    """
    found = await secure_files.named(connection, definition.project, words)
    known = {each.id: each for word, each in found.items() if word in written}
    reached = {each.id: each for each in found.values() if each.id not in known}
    if reached:
        tokens = map(_token, reached.values())
        usable = await usable_by_author(connection, definition.id, tokens)
        known |= {each.id: each for each in reached.values() if _token(each) in usable}
    made = []
    for each in known.values():
        ticket = secrets.token_urlsafe(TOKEN_BYTES)
        await secure_files.add_ticket(connection, digest(ticket), each.id, job)
        made.append(GivenFile(each.id, each.name, ticket))
    return made


async def check_newly_used(connection: Connection, call: Call, before: Plan, after: Plan) -> None:
    """Raise Forbidden for a file that only the second plan names and the caller may not use."""
    tasks = call.installation.outside.tasks
    inputs_of = tasks.secure_file_inputs if tasks else no_inputs
    held, known = (words_of_tasks(uses_in(plan, inputs_of)) for plan in (after, before))
    new = held - known
    for each in (await secure_files.named(connection, _project(call), new)).values():
        call.require(USE, _token(each), f"secure file {each.name}")


def _checked_name(name: str) -> str:
    """A name that is that of a file on every machine: tasks write it to a folder of theirs."""
    name = name.strip()
    is_plain = name.isprintable() and not set(name) & set('/\\:*?"<>|') and name not in (".", "..")
    if not name or len(name) > LONGEST_NAME or not is_plain:
        raise Invalid(
            f"A secure file needs the name of a file, of at most {LONGEST_NAME} characters."
        )
    return name


def _checked(properties: Mapping[str, str]) -> Mapping[str, str]:
    if len(properties) > MOST_PROPERTIES:
        raise Invalid(f"A secure file has at most {MOST_PROPERTIES} properties.")
    return properties


def _project(call: Call) -> UUID:
    return call.required_project("that the secure file belongs to")


def _token(found: SecureFile) -> str:
    return _place(found.project_id, found.id)


def _place(project: UUID, file_id: str) -> str:
    return f"{project}/SecureFile/{file_id}"


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("secure file", text[:60]) from None


async def _found(
    connection: Connection, call: Call, file_id: str, *, locked: bool = False
) -> SecureFile:
    found = await secure_files.get(connection, _id(file_id), locked=locked)
    if found is None or found.project_id != _project(call):
        raise NotFound("secure file", file_id)
    call.require(VIEW, _token(found), f"secure file {found.name}")
    return found


async def _administered(connection: Connection, call: Call, file_id: str) -> SecureFile:
    found = await _found(connection, call, file_id, locked=True)
    call.require(ADMINISTER, _token(found), f"secure file {found.name}")
    return found

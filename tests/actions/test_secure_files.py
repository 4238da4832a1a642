"""Secure files: sealed, shown to nobody, and fetched by the jobs that name them."""

import pytest

from quaymaster.actions.people.people import digest
from quaymaster.actions.resources import secure_files
from quaymaster.actions.resources.connections import DefinitionPlace
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import Conflict, Forbidden, Invalid, NotFound
from quaymaster.store.resources import secure_files as rows
from tests.actions.office import Office

CONTENT = b"-----BEGIN KEY-----\n\x00\xff s3cret bytes"


async def add(office: Office, name: str = "site.pem", who: str = "dora") -> str:
    return (await secure_files.add(await office.call(who), name, CONTENT)).id


async def test_its_content_is_sealed_and_comes_back_to_nobody(office: Office):
    number = await add(office)
    [seen] = await secure_files.listed(await office.call("bob"))
    async with office.installation.database.read() as connection:
        dump = await connection.fetchval("SELECT string_agg(f::text, '') FROM secure_files f")
    assert (seen.id, seen.name, seen.byte_count) == (number, "site.pem", len(CONTENT))
    assert b"s3cret" not in bytes.fromhex(dump.split("\\x")[1].split(",")[0].strip('"'))
    assert "s3cret" not in repr(seen) + dump


async def test_a_ticket_is_needed_and_one_that_was_guessed_is_none(office: Office):
    number = await add(office)
    for ticket in ("", "guessed"):
        with pytest.raises(NotFound):
            await secure_files.fetch(office.installation, number, ticket)


async def test_a_ticket_ends_with_its_job(office: Office):
    """Without a job that runs a ticket cannot even be stored, or is good for nothing."""
    number = await add(office)
    release = await office.release("dora", await office.define("dora"))
    assert release
    async with office.installation.database.transaction() as connection:
        job = await connection.fetchval("SELECT id FROM jobs")
        await rows.add_ticket(connection, digest("ticket"), number, job)
    with pytest.raises(NotFound):
        await secure_files.fetch(office.installation, number, "ticket")
    async with office.installation.database.transaction() as connection:
        await connection.execute("UPDATE jobs SET status = 'running'")
    assert await secure_files.fetch(office.installation, number, "ticket") == CONTENT
    other = await add(office, "other.pem")
    with pytest.raises(NotFound):
        await secure_files.fetch(office.installation, other, "ticket")


async def test_who_added_it_may_change_it_and_other_editors_may_not(office: Office):
    await office.hire("emma", "Contributors")
    number = await add(office)
    changed = await secure_files.change(
        await office.call("dora"), number, "new.pem", {"kind": "tls"}
    )
    assert (changed.name, dict(changed.properties)) == ("new.pem", {"kind": "tls"})
    with pytest.raises(Forbidden):
        await secure_files.change(await office.call("emma"), number, "hers.pem", None)
    with pytest.raises(Forbidden):
        await secure_files.delete(await office.call("bob"), number)
    with pytest.raises(Forbidden):
        await add(office, "mine.pem", "bob")
    await secure_files.delete(await office.call("ann"), number)
    assert await office.rows("secure_files") == 0


async def test_a_file_that_a_variable_names_is_given_if_the_author_may_use_it(office: Office):
    """What is written as such was checked when the pipeline was saved."""
    number = await add(office, who="ann")
    made = await office.define("dora")
    await office.release("dora", made)
    call = await office.call("ann")
    place = DefinitionPlace(made.id, call.required_project("of the file"))

    async def given(*written: str) -> list[str]:
        async with call.database.transaction() as connection:
            job = await connection.fetchval("SELECT id FROM jobs")
            words = ["site.pem"]
            found = await secure_files.given(connection, place, words, written, job)
        return [each.name for each in found]

    assert await given() == ["site.pem"]
    token = f"{place.project}/SecureFile/{number}"
    await office.grant("dora", token, deny=Permission.EDIT_RELEASE_DEFINITION)
    assert await given() == []
    assert await given("site.pem") == ["site.pem"]


@pytest.mark.parametrize("name", ["", " ", "..", "a/b", "a\\b", "a\x07", "x" * 300])
async def test_a_name_that_is_no_files_is_refused(office: Office, name: str):
    with pytest.raises(Invalid):
        await add(office, name)


async def test_sizes_and_names_are_limited(office: Office):
    await add(office)
    with pytest.raises(Conflict):
        await add(office, "SITE.pem")
    for content in (b"", b"x" * (secure_files.LARGEST_BYTES + 1)):
        with pytest.raises(Invalid):
            await secure_files.add(await office.call("dora"), "big.pem", content)

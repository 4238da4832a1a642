"""Mails about a release: who asks for one, to whom it goes, and those asked for before.

A mail is kept as a notification with who, when and to whom, and noted in the release's history.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from quaymaster.actions.call import Call
from quaymaster.actions.releases import reading
from quaymaster.domain.access import Permission, definition_token
from quaymaster.domain.errors import Invalid
from quaymaster.domain.record import Entry
from quaymaster.domain.release import PersonId
from quaymaster.store.announcements import release_mails
from quaymaster.store.announcements.release_mails import Mail, Recipients, SentMail
from quaymaster.store.people import people
from quaymaster.store.people.people import Identity
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import history

MOST_RECIPIENTS = 200
MOST_SHOWN = 1000
LONGEST_SUBJECT = 1000
LONGEST_MESSAGE = 100_000


async def send(call: Call, release_id: int, mail: Mail) -> int:
    """Keep a mail for its recipients; the id of the notification.

    One that names nobody goes to whoever the release was made for. Raises NotFound, Forbidden
    (manage releases), Invalid for somebody unknown or what is no address.
    """
    found = (await reading.release(call, release_id)).view.head
    token = definition_token(str(found.project_id), found.definition_path, found.definition_id)
    call.require(Permission.MANAGE_RELEASES, token, f"release {found.name}")
    _check(mail)
    async with call.database.transaction() as connection:
        named = mail if _everybody(mail) else _to(mail, found.created_for)
        known = await _known(connection, named)
        if not _everybody(known):
            raise Invalid("The mail names nobody, and the release has nobody to send it to.")
        entry = Entry("MailSent", by=call.by, comment=mail.subject, details=_told(known))
        await history.append(connection, release_id, call.now, [entry])
        return await release_mails.keep(
            connection, found.project_id, release_id, known, call.by, call.now
        )


async def sent(call: Call, release_id: int) -> tuple[Sequence[SentMail], Mapping[str, Identity]]:
    """The mails about a release, newest first, with the people they name.

    Raises NotFound, Forbidden (view releases).
    """
    await reading.release(call, release_id)
    async with call.database.read() as connection:
        mails = await release_mails.of_release(connection, release_id, MOST_SHOWN)
        named = {who for one in mails for who in _ids(one.mail)}
        named |= {one.sent_by for one in mails if one.sent_by}
        return mails, await people.get_many(connection, list(named))


def _check(mail: Mail) -> None:
    if not mail.subject.strip() or len(mail.subject) > LONGEST_SUBJECT:
        raise Invalid(f"A mail needs a subject of at most {LONGEST_SUBJECT} characters.")
    if len(mail.message) > LONGEST_MESSAGE:
        raise Invalid(f"The mail is longer than {LONGEST_MESSAGE:,} characters.")
    if len(list(_everybody(mail))) > MOST_RECIPIENTS:
        raise Invalid(f"A mail may go to {MOST_RECIPIENTS} recipients at most.")
    for address in _addresses(mail):
        before, _, domain = address.rpartition("@")
        if not before or not domain or any(letter.isspace() for letter in address):
            raise Invalid(f"{address[:100]!r} is not an e-mail address.")


def _to(mail: Mail, person: PersonId | None) -> Mail:
    return replace(mail, to=Recipients((person,) if person else ()))


async def _known(connection: Connection, mail: Mail) -> Mail:
    """The mail with the ids of people as they are kept. Raises Invalid for somebody unknown."""
    found = await people.get_many(connection, list({who.lower() for who in _ids(mail)}))
    for who in _ids(mail):
        if who.lower() not in found:
            raise Invalid(f"Nobody here has the id {who[:100]}.")

    def kept(recipients: Recipients) -> Recipients:
        return replace(recipients, people=tuple(who.lower() for who in recipients.people))

    return replace(mail, to=kept(mail.to), cc=kept(mail.cc), reply_to=kept(mail.reply_to))


def _everybody(mail: Mail) -> list[str]:
    return [who for part in (mail.to, mail.cc) for who in (*part.people, *part.addresses)]


def _ids(mail: Mail) -> Iterable[str]:
    return (who for part in (mail.to, mail.cc, mail.reply_to) for who in part.people)


def _addresses(mail: Mail) -> Iterable[str]:
    return (who for part in (mail.to, mail.cc, mail.reply_to) for who in part.addresses)


def _told(mail: Mail) -> dict[str, str]:
    return {"to": ", ".join(_everybody(mail))}

"""Mails about releases that somebody asked for: kept, with who is to get them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec

from quaymaster.domain.release import PersonId
from quaymaster.store.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class Recipients:
    """People by id and by e-mail address."""

    people: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it was asked for; `sections` are the parts of the summary that it holds."""

    subject: str
    message: str = ""
    to: Recipients = field(default_factory=Recipients)
    cc: Recipients = field(default_factory=Recipients)
    reply_to: Recipients = field(default_factory=Recipients)
    sections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail that was kept; `sent_by` None is the product itself."""

    id: int
    release_id: int
    sent_by: PersonId | None
    sent_at: datetime
    mail: Mail


class _Addressed(msgspec.Struct):
    to: Recipients
    cc: Recipients
    reply_to: Recipients


async def keep(
    connection: Connection,
    project: UUID,
    release_id: int,
    mail: Mail,
    by: PersonId | None,
    at: datetime,
) -> int:
    """Write a mail down; its id."""
    addressed = _Addressed(mail.to, mail.cc, mail.reply_to)
    number: int = await connection.fetchval(
        "INSERT INTO release_mails (project_id, release_id, sent_by, sent_at, recipients, subject,"
        " message, sections) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
        project,
        release_id,
        by,
        at,
        msgspec.json.encode(addressed).decode(),
        mail.subject,
        mail.message,
        msgspec.json.encode(mail.sections).decode(),
    )
    return number


async def of_release(connection: Connection, release_id: int, most: int) -> Sequence[SentMail]:
    """The mails about a release, newest first."""
    rows = await connection.fetch(
        "SELECT id, release_id, sent_by, sent_at, recipients, subject, message, sections"
        " FROM release_mails WHERE release_id = $1 ORDER BY id DESC LIMIT $2",
        release_id,
        most,
    )
    return [
        SentMail(
            row["id"],
            row["release_id"],
            row["sent_by"],
            row["sent_at"],
            _mail(row["subject"], row["message"], row["recipients"], row["sections"]),
        )
        for row in rows
    ]


def _mail(subject: str, message: str, recipients: str, sections: str) -> Mail:
    addressed = msgspec.json.decode(recipients, type=_Addressed)
    return Mail(
        subject,
        message,
        addressed.to,
        addressed.cc,
        addressed.reply_to,
        msgspec.json.decode(sections, type=tuple[str, ...]),
    )

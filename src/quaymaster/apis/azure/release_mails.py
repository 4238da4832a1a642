"""Summary mails of a release: what they can hold, asking for one, those asked for (B.4)."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from quaymaster.actions.announcements import release_mails
from quaymaster.actions.releases import reading
from quaymaster.apis.azure.asked import AzureRequest, array_in, nothing, object_in, text_in
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.present.shown import Shown, actor, person
from quaymaster.apis.azure.releases import release_number
from quaymaster.apis.azure.values import date_out
from quaymaster.apis.azure.words import MAIL_SECTION, word
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.scopes import Scope
from quaymaster.store.announcements.release_mails import Mail, Recipients, SentMail
from quaymaster.store.releases.views import ReleaseView, StageView

PATH = "/release/sendmail/{release_id:str}"
KNOWN = (
    "subject",
    "body",
    "to",
    "cc",
    "replyTo",
    "replyBy",
    "inReplyTo",
    "messageId",
    "sections",
    "senderType",
)
RECIPIENTS = ("tfsIds", "emailAddresses")


@get(PATH, opt=needs(Scope.RELEASE))
async def get_sections(request: AzureRequest, release_id: FromPath[str]) -> Response[bytes]:
    """The sections that a summary mail of the release would have now."""
    found = await reading.release(request.call, release_number(release_id))
    return request.collection("summaryMailSection", _sections(found.view))


@post(PATH, opt=needs(Scope.RELEASE_EXECUTE), status_code=204)
async def send_mail(request: AzureRequest, release_id: FromPath[str]) -> Response[None]:
    """Ask for a summary mail; it is kept as a notification for its recipients."""
    call, number = request.in_project(), release_number(release_id)
    body = await request.properties("mailMessage", KNOWN)
    await release_mails.send(call, number, _mail(body))
    return nothing()


@get(PATH + "/sent", opt=needs(Scope.RELEASE))
async def get_sent_mails(request: AzureRequest, release_id: FromPath[str]) -> Response[bytes]:
    """The mails that were asked for: who, when, to whom and what about, newest first."""
    mails, people = await release_mails.sent(request.call, release_number(release_id))
    shown = Shown(request.links, people)
    return request.collection("sentMail", [_sent(shown, one) for one in mails])


def _mail(body: Mapping[str, Any]) -> Mail:
    sections = array_in(body.get("sections"), "sections")
    return Mail(
        subject=text_in(body.get("subject"), "subject"),
        message=text_in(body.get("body"), "body", longest=release_mails.LONGEST_MESSAGE),
        to=_recipients(body.get("to"), "to"),
        cc=_recipients(body.get("cc"), "cc"),
        reply_to=_recipients(body.get("replyTo"), "replyTo"),
        sections=tuple(dict.fromkeys(MAIL_SECTION.read(one, "sections") for one in sections)),
    )


def _recipients(value: Any, where: str) -> Recipients:
    body = json_reading.cased(object_in(value, where), RECIPIENTS)
    ids, addresses = (
        tuple(text_in(one, f"{where}.{name}") for one in array_in(body.get(name), name))
        for name in RECIPIENTS
    )
    return Recipients(ids, addresses)


def _sent(shown: Shown, found: SentMail) -> dict[str, Any]:
    return {
        "id": found.id,
        "sentBy": actor(shown, found.sent_by),
        "sentOn": date_out(found.sent_at),
        "subject": found.mail.subject,
        "body": found.mail.message,
        "to": _named(shown, found.mail.to),
        "cc": _named(shown, found.mail.cc),
        "sections": list(found.mail.sections),
    }


def _named(shown: Shown, found: Recipients) -> dict[str, Any]:
    return {
        "tfsIds": list(found.people),
        "emailAddresses": list(found.addresses),
        "identities": [person(shown, who) for who in found.people],
    }


def _sections(view: ReleaseView) -> list[dict[str, Any]]:
    """Texts of users are escaped: a section is shown as markup."""
    head = view.head
    details = {
        "Release": head.name,
        "Pipeline": head.definition_name,
        "Description": head.description,
        "Created on": date_out(head.created_at) or "",
        "Status": word(head.status),
    }
    artifacts = {one.alias: f"{one.version_name} {one.branch}".strip() for one in head.artifacts}
    issues = [(stage.name, text) for stage in view.stages for text in _issues(stage)]
    stages = [(stage.name, word(stage.status)) for stage in view.stages]
    contents = {
        "releaseInfo": ("Release", _table(details.items())),
        "details": ("Artifacts", _table(artifacts.items())),
        "environments": ("Stages", _table(stages)),
        "issues": ("Issues", _table(issues)),
    }
    return [
        {"sectionType": kind, "title": title, "rank": rank, "htmlContent": content}
        for rank, (kind, (title, content)) in enumerate(contents.items(), 1)
    ]


def _issues(stage: StageView) -> list[str]:
    if stage.newest is None:
        return []
    jobs = [job for phase in stage.newest.phases for job in phase.jobs]
    return [job.error for job in jobs if job.error] + [
        issue.message for job in jobs for step in job.steps for issue in step.issues
    ]


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = (f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows)
    return f"<table>{''.join(lines)}</table>"


ROUTES = [get_sections, send_mail, get_sent_mails]

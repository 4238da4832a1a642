"""What happened, in a sentence or two: as text, HTML and Markdown."""

from collections.abc import Callable
from html import escape

from quaymaster.apis.azure.service_hooks.scene import Linked, Scene
from quaymaster.apis.azure.words import RELEASE_REASON, word
from quaymaster.domain.announcements import Happening
from quaymaster.domain.release import Side
from quaymaster.domain.statuses import StageStatus

FORMS = ("text", "html", "markdown")
SIDE_WORDS = {Side.PRE: "Pre", Side.POST: "Post"}
RESULT_WORDS = {
    StageStatus.SUCCEEDED: "Succeeded",
    StageStatus.PARTIALLY_SUCCEEDED: "PartiallySucceeded",
    StageStatus.REJECTED: "Rejected",
    StageStatus.CANCELED: "Canceled",
}
APPROVAL_WORDS = {"approved": "Succeeded", "rejected": "Rejected"}
SPECIAL = "\\`*_{}[]<>()#!|"  # what Markdown reads as more than itself
Sentence = list[str | Linked]


def message(scene: Scene, wanted: str) -> dict[str, str]:
    """One sentence in the forms that were asked for: `all`, one of them, or `none`."""
    return in_forms(MESSAGES[scene.fact.happening](scene), wanted)


def detailed_message(scene: Scene, wanted: str) -> dict[str, str]:
    """The sentence and what belongs to it."""
    return in_forms(DETAILS[scene.fact.happening](scene), wanted)


def in_forms(sentence: Sentence, wanted: str) -> dict[str, str]:
    """A sentence in the forms that were asked for."""
    forms = FORMS if wanted == "all" else tuple(form for form in FORMS if form == wanted)
    return {form: _written(sentence, form) for form in forms}


def _written(sentence: Sentence, form: str) -> str:
    """User text is never markup: it is escaped in HTML and in Markdown."""
    match form:
        case "html":
            return "".join(
                f'<a href="{escape(part.address)}">{escape(part.name)}</a>'
                if isinstance(part, Linked)
                else escape(part)
                for part in sentence
            )
        case "markdown":
            return "".join(
                f"[{_plain(part.name)}]({part.address})"
                if isinstance(part, Linked)
                else _plain(part)
                for part in sentence
            )
        case _:
            return "".join(part.name if isinstance(part, Linked) else part for part in sentence)


def _plain(text: str) -> str:
    return "".join(f"\\{sign}" if sign in SPECIAL else sign for sign in text)


def _created(scene: Scene) -> Sentence:
    return ["Release ", scene.release_link(), " created."]


def _abandoned(scene: Scene) -> Sentence:
    return ["Release ", scene.release_link(), " abandoned."]


def _release_details(scene: Scene, what: str) -> Sentence:
    head = scene.head
    described = [f"\r\nRelease description: {head.description}"] if head.description else []
    who = scene.name_of(head.created_for or head.created_by)
    reason = RELEASE_REASON.read(head.reason.value, "reason")
    return [
        *("Release ", scene.release_link(), " from release pipeline ", scene.definition_link()),
        *(f" {what}.", *described),
        f"\r\n{reason[:1].upper()}{reason[1:]} requested for {who}",
    ]


def _approval_asked(scene: Scene) -> Sentence:
    side = SIDE_WORDS[scene.fact.side or Side.PRE]
    release, stage = scene.release_link(), scene.stage_link()
    asked = f"{side} deployment approval pending for release "
    return [asked, release, " on environment ", stage, "."]


def _approval_details(scene: Scene) -> Sentence:
    asked = scene.approval
    if asked is None:
        return _approval_asked(scene)
    since = asked.created_at.strftime("%d %B %Y %H:%M:%S (UTC)")
    who = scene.name_of(asked.approver)
    return [*_approval_asked(scene), f"\r\nPending on: {who}\r\nPending since: {since}"]


def _approval_answered(scene: Scene) -> Sentence:
    side = SIDE_WORDS[scene.fact.side or Side.PRE]
    release, stage = scene.release_link(), scene.stage_link()
    answer = APPROVAL_WORDS.get(scene.fact.status, scene.fact.status)
    return [
        *(f"{side} Deployment approval for deployment of release ", release),
        *(" on environment ", stage, f" {answer}."),
    ]


def _answer_details(scene: Scene) -> Sentence:
    given = scene.approval
    if given is None:
        return _approval_answered(scene)
    who = scene.name_of(given.approved_by or given.approver)
    return [*_approval_answered(scene), f"\r\nApprover: {who}\r\nComment: {given.comment}"]


def _started(scene: Scene) -> Sentence:
    release, stage = scene.release_link(), scene.stage_link()
    return ["Deployment of release ", release, " to environment ", stage, " started."]


def _start_details(scene: Scene) -> Sentence:
    reason = word(scene.attempt.reason) if scene.attempt else "manual"
    return [*_started(scene), f"\r\nTrigger: {reason[:1].upper()}{reason[1:]}"]


def _completed(scene: Scene) -> Sentence:
    release, stage = scene.release_link(), scene.stage_link()
    result = RESULT_WORDS.get(StageStatus(scene.fact.status), scene.fact.status)
    return ["Deployment of release ", release, " on environment ", stage, f" {result}."]


def _completion_details(scene: Scene) -> Sentence:
    attempt = scene.attempt
    if attempt is None or attempt.started_at is None or attempt.completed_at is None:
        return _completed(scene)
    minutes = max((attempt.completed_at - attempt.started_at).total_seconds(), 0) / 60
    return [*_completed(scene), f" Time to deploy: {minutes:.2f} minutes."]


Writer = Callable[[Scene], Sentence]
MESSAGES: dict[Happening, Writer] = {
    Happening.RELEASE_CREATED: _created,
    Happening.RELEASE_ABANDONED: _abandoned,
    Happening.APPROVAL_PENDING: _approval_asked,
    Happening.APPROVAL_COMPLETED: _approval_answered,
    Happening.DEPLOYMENT_STARTED: _started,
    Happening.DEPLOYMENT_COMPLETED: _completed,
}
DETAILS: dict[Happening, Writer] = {
    Happening.RELEASE_CREATED: lambda scene: _release_details(scene, "created"),
    Happening.RELEASE_ABANDONED: lambda scene: _release_details(scene, "abandoned"),
    Happening.APPROVAL_PENDING: _approval_details,
    Happening.APPROVAL_COMPLETED: _answer_details,
    Happening.DEPLOYMENT_STARTED: _start_details,
    Happening.DEPLOYMENT_COMPLETED: _completion_details,
}

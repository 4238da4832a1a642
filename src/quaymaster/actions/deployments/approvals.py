"""Answering approvals (SEMANTICS 9.12, 9.13)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import deciding, happen_within
from quaymaster.actions.people.people import grants_of
from quaymaster.domain.access import Permission, permissions_at, stage_token
from quaymaster.domain.changes import (
    ApprovalGiven,
    ApprovalReassigned,
    ApprovalRefused,
    DeploymentDeferred,
    Event,
)
from quaymaster.domain.errors import Conflict, Invalid, NotFound, Refused
from quaymaster.domain.finding import found_approval
from quaymaster.domain.release import ApprovalId, Person, Release, ReleaseId, StageId
from quaymaster.store.deployments import places
from quaymaster.store.people import people
from quaymaster.store.postgres.database import Connection


class Verdict(StrEnum):
    APPROVED = "approved"
    REJECTED = "rejected"
    REASSIGNED = "reassigned"


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody says to one approval.

    `revision` 0 does not check whether the approval changed in between; `approver` is who it is
    reassigned to (an id, a unique name or a display name); `defer_until` holds the work back.
    """

    approval: ApprovalId
    verdict: Verdict
    comment: str = ""
    approver: str = ""
    revision: int = 0
    defer_until: datetime | None = None


async def answer(call: Call, given: Answer) -> ReleaseId:
    """Approve, reject or reassign one approval; the release that it belongs to.

    Raises NotFound for an approval outside of the project, Forbidden for somebody who may not
    decide, Refused when it is no longer pending, Conflict when its revision has moved on.
    """
    async with deciding(call) as connection:
        place = await places.of_approval(connection, call.project_id, given.approval)
        if place is None or place.is_deleted:
            raise NotFound("approval", given.approval)
        token = stage_token(
            str(place.project_id), place.path, place.definition_id, place.definition_stage_id
        )
        call.require(Permission.VIEW_RELEASES, token, f"release {place.release_name}")
        person = call.person(token)
        release_id = ReleaseId(place.release_id)
        if given.defer_until:
            deferral = DeploymentDeferred(StageId(place.stage_id), given.defer_until, person.id)
            await happen_within(connection, call, release_id, deferral)
        event = await _event(connection, given, person, token)
        await happen_within(connection, call, release_id, event, _at_revision(given))
        return release_id


async def _event(connection: Connection, given: Answer, person: Person, token: str) -> Event:
    match given.verdict:
        case Verdict.APPROVED:
            return ApprovalGiven(given.approval, person, given.comment)
        case Verdict.REJECTED:
            return ApprovalRefused(given.approval, person, given.comment)
        case Verdict.REASSIGNED:
            to = await _new_approver(connection, given.approver, token)
            return ApprovalReassigned(given.approval, person, to, given.comment)


async def _new_approver(connection: Connection, named: str, token: str) -> str:
    """Who is asked from now on. Raises Invalid for somebody who could not answer (9.12)."""
    if not named:
        raise Invalid("Name the person or group the approval is reassigned to.")
    found = await people.find(connection, named)
    if found is None:
        raise Invalid(f"There is nobody known as {named!r} to reassign the approval to.")
    grants = await grants_of(connection, found)
    if not found.is_active or Permission.VIEW_RELEASES not in permissions_at(grants, token):
        raise Invalid(
            f"{found.display_name} may not see this release and could not answer. Reassign the "
            "approval to somebody else, or let them view releases first."
        )
    return found.id


def _at_revision(given: Answer) -> Callable[[Release], None]:
    """Refuse an answer to a question that has been changed since it was read."""

    def check(release: Release) -> None:
        try:
            _, _, approval = found_approval(release, given.approval)
        except NotFound as error:
            raise Refused(
                f"Approval {given.approval} belongs to an earlier attempt and can no longer "
                "be changed."
            ) from error
        if given.revision and given.revision != approval.revision:
            raise Conflict(
                f"Approval {given.approval} was changed since revision {given.revision}; "
                f"it is now at revision {approval.revision}. Read it again and decide anew."
            )

    return check

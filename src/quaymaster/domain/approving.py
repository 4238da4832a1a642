"""Who may answer an approval, and when it can still be answered (SEMANTICS 9.5-9.7, 9.12)."""

from quaymaster.domain.errors import Forbidden, Invalid, Refused
from quaymaster.domain.events import ApprovalGiven, ApprovalReassigned, ApprovalRefused
from quaymaster.domain.finding import found_approval
from quaymaster.domain.release import Approval, Deployment, Person, Release, Side, Stage
from quaymaster.domain.status import policy
from quaymaster.domain.statuses import ApprovalStatus


def answerable(
    release: Release, event: ApprovalGiven | ApprovalRefused | ApprovalReassigned
) -> ApprovalGiven | ApprovalRefused | ApprovalReassigned:
    """The event, when its approval is still open and this person may answer it.

    Raises NotFound, Refused, Forbidden, Invalid for a new approver who cannot be one.
    """
    stage, deployment, approval = found_approval(release, event.approval)
    if approval.status is not ApprovalStatus.PENDING or deployment.is_ended:
        raise Refused(
            f"Approval {approval.id} of stage {stage.name} is already {approval.status} "
            "and can no longer be changed."
        )
    check_may_decide(release, stage, deployment, approval, event.by)
    if isinstance(event, ApprovalReassigned):
        _check_new_approver(release, stage, deployment, approval, event.to)
    return event


def check_may_decide(
    release: Release, stage: Stage, deployment: Deployment, approval: Approval, person: Person
) -> None:
    """Raise Forbidden unless this person may answer this approval (SEMANTICS 9.5-9.7)."""
    if not person.may_override_approvals and not (
        approval.approver and person.is_or_belongs_to(approval.approver)
    ):
        raise Forbidden(
            f"You are not an approver of stage {stage.name}. "
            "Ask its approver, or a release administrator, to decide or to reassign it to you.",
            "ManageReleaseApprovers",
        )
    if is_excluded_requester(release, stage, deployment, approval.side, person.id):
        raise Forbidden(
            f"Stage {stage.name} does not let the person who created the release or requested "
            "the deployment approve it. Somebody else has to decide.",
        )


def is_excluded_requester(
    release: Release, stage: Stage, deployment: Deployment, side: Side, person: str
) -> bool:
    """Whether the requester rule keeps this person from deciding (SEMANTICS 9.6).

    Also of whoever made the release for somebody else: that must be no way around the rule.
    """
    if policy(stage, side).requester_may_approve:
        return False
    makers = (release.created_by, release.created_for)
    return person in (*makers, deployment.requested_by, deployment.requested_for)


def _check_new_approver(
    release: Release, stage: Stage, deployment: Deployment, approval: Approval, to: str
) -> None:
    if not to:
        raise Invalid("Name the person or group the approval is reassigned to.")
    if is_excluded_requester(release, stage, deployment, approval.side, to):
        raise Invalid(
            f"The approval of stage {stage.name} cannot be reassigned to the person who created "
            "the release or requested the deployment."
        )

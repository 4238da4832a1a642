"""Compiles who is asked before and after a deployment (SEMANTICS 9)."""

from datetime import timedelta

from quaymaster.domain.plan import (
    DEFAULT_APPROVAL_TIMEOUT,
    LONGEST_APPROVAL_TIMEOUT,
    ApprovalOrder,
    ApprovalPolicy,
    Approver,
)
from quaymaster.plans.azure_words import APPROVAL_ORDER
from quaymaster.plans.reading import Node

LONGEST_MINUTES = int(LONGEST_APPROVAL_TIMEOUT / timedelta(minutes=1))


def pre_approvals(stage: Node) -> ApprovalPolicy:
    """The side before the deployment; only it may skip those who approved before (9.9)."""
    return _policy(stage.object("preDeployApprovals"), ApprovalOrder.BEFORE_GATES, may_skip=True)


def post_approvals(stage: Node) -> ApprovalPolicy:
    """The side after the deployment."""
    return _policy(
        stage.object("postDeployApprovals"), ApprovalOrder.AFTER_SUCCESSFUL_GATES, may_skip=False
    )


def _policy(side: Node, order: ApprovalOrder, *, may_skip: bool) -> ApprovalPolicy:
    approvers = tuple(
        _approver(step) for step in side.objects("approvals") if not step.flag("isAutomated")
    )
    options = side.object("approvalOptions")
    skips = options.flag("autoTriggeredAndPreviousEnvironmentApprovedCanBeSkipped")
    word = options.word("executionOrder", APPROVAL_ORDER, order)
    return ApprovalPolicy(
        approvers=approvers,
        required_count=_required_count(options, len(approvers)),
        requester_may_approve=options.flag("releaseCreatorCanBeApprover", True),
        skip_if_approved_before=skips and may_skip,
        revalidate_identity=options.flag("enforceIdentityRevalidation"),
        timeout=_timeout(options),
        order=ApprovalOrder(word) if word else order,
    )


def _approver(step: Node) -> Approver:
    who = step.object("approver")
    identity = next(
        (name for key in ("id", "uniqueName", "displayName") if (name := who.text(key))), ""
    )
    if not identity:
        step.complain(
            "approver",
            "nobody is named to approve; name a person or group by id, or set isAutomated to true",
        )
    return Approver(identity, step.whole("rank", 1) or 1, step.flag("isNotificationOn"))


def _required_count(options: Node, asked: int) -> int:
    """0 and null ask for all (9.3); more than are asked could never be reached."""
    count = options.whole("requiredApproverCount")
    if asked and count > asked:
        options.complain(
            "requiredApproverCount",
            f"asks for {count} approvals while {asked} can be given; lower it or add approvers",
        )
    return count


def _timeout(options: Node) -> timedelta:
    minutes = options.whole("timeoutInMinutes", most=LONGEST_MINUTES)
    return timedelta(minutes=minutes) if minutes else DEFAULT_APPROVAL_TIMEOUT

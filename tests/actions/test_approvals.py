"""Who may answer an approval, and what an answer leaves behind."""

import asyncio

import pytest

from quaymaster.actions.deployments import approvals
from quaymaster.actions.deployments.approvals import Answer, Verdict
from quaymaster.actions.releases import reading
from quaymaster.domain.errors import Conflict, DomainError, Forbidden, Invalid, NotFound, Refused
from quaymaster.domain.release import ApprovalId, ReleaseId
from quaymaster.domain.statuses import StageStatus
from quaymaster.store.deployments.approvals import ApprovalFilter, ApprovalLine
from quaymaster.store.people import people as rows
from quaymaster.store.postgres.paging import Paging
from tests.actions.office import Office


async def waiting(office: Office, who: str) -> list[ApprovalLine]:
    """The approvals that wait for this person."""
    page, _ = await reading.approvals(
        await office.call(who), ApprovalFilter(()), Paging(), assigned_to=office.ids[who]
    )
    return list(page.rows)


async def asked(office: Office, name: str = "Shop") -> tuple[ReleaseId, ApprovalId]:
    """A release of a new definition whose only stage waits for Bob."""
    approvers = {"Prod": [office.ids["bob"]]}
    definition = await office.define("ann", "Prod", approvals=approvers, name=name)
    release = await office.release("dora", definition)
    [line] = await waiting(office, "bob")
    return release, line.approval.id


async def answer(office: Office, who: str, approval: ApprovalId, **given: object) -> None:
    verdict = Verdict(str(given.pop("verdict", "approved")))
    await approvals.answer(await office.call(who), Answer(approval, verdict, **given))


async def test_the_person_asked_lets_the_stage_go_on(office: Office):
    release, approval = await asked(office)
    await answer(office, "bob", approval, comment="fine")
    found = await office.seen("ann", release)
    [given] = [a for a in found.view.stages[0].attempts[0].approvals if a.id == approval]
    assert (given.status, given.approved_by, given.comment) == (
        "approved",
        office.ids["bob"],
        "fine",
    )
    assert found.view.stages[0].attempts[0].phases, "the work was not started"


async def test_somebody_else_may_not_and_nothing_changes(office: Office):
    _, approval = await asked(office)
    history = await office.rows("history")
    with pytest.raises(Forbidden, match="not an approver"):
        await answer(office, "carol", approval)
    assert await office.rows("history") == history
    assert await waiting(office, "bob")


async def test_a_release_administrator_may_answer_for_others(office: Office):
    release, approval = await asked(office)
    await answer(office, "ann", approval)
    found = await office.seen("ann", release)
    given = next(a for a in found.view.stages[0].attempts[0].approvals if a.id == approval)
    assert (given.approver, given.approved_by) == (office.ids["bob"], office.ids["ann"])


async def test_a_rejection_ends_the_attempt(office: Office):
    release, approval = await asked(office)
    await answer(office, "bob", approval, verdict="rejected", comment="not today")
    found = await office.seen("ann", release)
    assert found.view.stages[0].status is StageStatus.REJECTED


async def test_a_second_answer_is_refused(office: Office):
    _, approval = await asked(office)
    await answer(office, "bob", approval)
    with pytest.raises(Refused, match="already approved"):
        await answer(office, "bob", approval, verdict="rejected")


async def test_an_answer_to_an_older_revision_is_a_conflict(office: Office):
    _, approval = await asked(office)
    await answer(office, "bob", approval, verdict="reassigned", approver="bob")
    with pytest.raises(Conflict, match="revision"):
        await answer(office, "bob", approval, revision=1)
    assert len(await waiting(office, "bob")) == 1


async def test_a_reassigned_question_waits_for_the_other_person(office: Office):
    _, approval = await asked(office)
    await answer(office, "bob", approval, verdict="reassigned", approver="carol", comment="ill")
    [line] = await waiting(office, "carol")
    assert line.approval.id == approval
    assert [earlier.approver for earlier in line.approval.earlier] == [office.ids["bob"]]
    with pytest.raises(Forbidden):
        await answer(office, "bob", approval)


async def test_nobody_unknown_can_be_asked(office: Office):
    _, approval = await asked(office)
    with pytest.raises(Invalid, match="nobody known as 'zoe'"):
        await answer(office, "bob", approval, verdict="reassigned", approver="zoe")


async def test_nobody_who_could_not_answer_can_be_asked(office: Office):
    _, approval = await asked(office)
    await office.hire("eve")
    with pytest.raises(Invalid, match="Eve may not see this release"):
        await answer(office, "bob", approval, verdict="reassigned", approver="eve")
    await office.hire("finn", "Readers")
    async with office.installation.database.transaction() as connection:
        await rows.set_active(connection, office.ids["finn"], active=False)
    with pytest.raises(Invalid, match="Finn may not see this release"):
        await answer(office, "bob", approval, verdict="reassigned", approver="finn")
    await answer(office, "bob", approval, verdict="reassigned", approver="[Default]\\Readers")


async def test_an_approval_of_another_project_does_not_exist(office: Office):
    from quaymaster.actions.people import people, projects  # noqa: PLC0415 - only this test needs them

    _, approval = await asked(office)
    await projects.create(office.installation.database, "Other")
    await people.add_to_group(office.installation.database, "Readers", "bob", "Other")
    call = await office.call("bob", "Other")
    with pytest.raises(NotFound):
        await approvals.answer(call, Answer(approval, Verdict.APPROVED))


async def test_two_answers_at_once_have_one_outcome(office: Office):
    """R-09: approve against reject, started together; one wins, the other is told."""
    for round_number in range(5):
        release, approval = await asked(office, f"Shop {round_number}")
        outcomes = await asyncio.gather(
            answer(office, "bob", approval),
            answer(office, "ann", approval, verdict="rejected"),
            return_exceptions=True,
        )
        failures = [outcome for outcome in outcomes if outcome is not None]
        assert len(failures) == 1
        assert isinstance(failures[0], DomainError)
        found = await office.seen("ann", release)
        decided = {a.status for a in found.view.stages[0].attempts[0].approvals if a.id == approval}
        assert decided in ({"approved"}, {"rejected"})

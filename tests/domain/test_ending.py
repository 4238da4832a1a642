"""How an attempt ends, and what a release as a whole can be told (SEMANTICS 6, 7.2)."""

from quaymaster.domain.changes import DetailsChanged
from quaymaster.domain.errors import Invalid, NotFound, Refused
from quaymaster.domain.record import entries
from quaymaster.domain.release import ArtifactVersion, PersonId, StageId
from quaymaster.domain.statuses import JobStatus, ReleaseStatus
from tests import make
from tests.story import canceled, deployed, fails, phase_ends, started, story, works


def test_the_attempt_ends_when_the_post_approval_is_given_not_before():
    told = story(make.plan("Dev → QA", Dev={"post_approvals": make.asks("bob")}))
    told.when(started(), works("Dev")).then(Dev="inProgress inProgress pending", QA="notStarted")


def test_why_it_failed_is_kept():
    two = make.phases(2)
    told = story(make.plan("Dev", Dev={"phases": two})).when(started(), fails("Dev", "exit 3"))
    ended = entries(told.release, [change for _, change in told.happened])[-1]
    assert (ended.kind, ended.details) == (
        "DeploymentEnded",
        {"outcome": "phaseFailed", "reason": "exit 3"},
    )


def test_an_ended_stage_can_be_deployed_again_as_the_next_attempt():
    told = story().when(started(), fails("Dev"), deployed("Dev", by="carol", comment="again"))
    deployment = told.deployment("Dev")
    assert (deployment.attempt, deployment.requested_by) == (2, "carol")
    assert (deployment.comment, len(deployment.phases)) == ("again", 1)
    told.when(works("Dev")).then(Dev="approved")


def test_a_stage_under_way_cannot_be_deployed_again():
    told = story().when(started())
    told.refuses(deployed("Dev"), Refused, "cannot be started while its deployment is queued")


def test_a_draft_deploys_nothing():
    story().refuses(deployed("Dev"), Refused, "Release-1 is draft").refuses(
        canceled("Dev"), Refused, "Release-1 is draft"
    )


def test_starting_twice_changes_nothing():
    told = story().when(started()).ignores(started())
    assert told.release.status is ReleaseStatus.ACTIVE


def test_a_draft_starts_only_with_a_version_of_every_artifact():
    told = story(artifacts=(ArtifactVersion("_Web", is_chosen=False), ArtifactVersion("_Api")))
    told.refuses(started(), Invalid, "No version is chosen for artifact _Web")


def test_an_unknown_stage_is_not_found():
    told = story().when(started())
    asked = [next(iter(deployed("Dev")(told)))]
    elsewhere = [type(asked[0])(StageId(9), None, None, asked[0].reason)]
    told.refuses(lambda _: elsewhere, NotFound, "There is no stage 9")


def test_words_about_a_release_change_at_any_time():
    told = story().when(started(), works("Dev"))
    changed = DetailsChanged(PersonId("carol"), name="Spring", keep_forever=True)
    told.when(lambda _: [changed])
    assert (told.release.name, told.release.keep_forever) == ("Spring", True)
    assert (told.release.description, told.release.modified_by) == ("", "carol")
    told.when(lambda _: [DetailsChanged(PersonId("carol"), description="news")])
    assert (told.release.name, told.release.description) == ("Spring", "news")


def test_a_stage_that_is_told_to_be_manual_waits_to_be_started():
    told = story(make.plan("Dev → QA"))
    told.refuses(
        lambda _: [DetailsChanged(None, manual_stages=("Prod",))], Invalid, "no stage called Prod"
    )
    told.when(lambda _: [DetailsChanged(None, manual_stages=("qa",))])
    told.when(started(), works("Dev")).then(Dev="approved", QA="notStarted")
    told.when(deployed("QA"), works("QA")).then(QA="approved")


def test_a_failure_weighs_more_than_issues():
    plan = make.plan("Dev", Dev={"phases": (make.phase(1), make.phase(2))})
    told = story(plan).when(started(), phase_ends("Dev", JobStatus.WITH_ISSUES), fails("Dev"))
    told.then(Dev="rejected failed phaseFailed")

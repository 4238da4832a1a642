"""When a stage starts by itself (SEMANTICS 2.5-2.8, 8.5, 8.6)."""

from quaymaster.domain.changes import StageTriggered
from quaymaster.domain.plan import ArtifactFilter, ArtifactMatches, ReleaseStarts, StageReached
from quaymaster.domain.release import ArtifactVersion
from quaymaster.domain.statuses import JobStatus, ReleaseReason, StageStatus
from tests import make
from tests.story import canceled, deployed, fails, phase_ends, started, story, works

DONE = frozenset({StageStatus.SUCCEEDED, StageStatus.PARTIALLY_SUCCEEDED})


def test_a_draft_starts_nothing():
    story("Dev → QA").later(days=1).then(Dev="notStarted", QA="notStarted")


def test_a_release_starts_the_stages_that_wait_for_it():
    told = story("Dev → QA; Lab").when(started())
    told.then(Dev="queuedForAgent", Lab="queuedForAgent", QA="notStarted")
    assert told.stage("Dev").trigger_reason == "ReleaseStarted"
    assert told.deployment("Dev").requested_for == make.CREATOR
    assert told.deployment("Dev").requested_by is None


def test_a_stage_follows_the_success_of_another():
    told = story("Dev → QA").when(started(), works("Dev"))
    told.then(Dev="succeeded succeeded approved", QA="queuedForAgent")
    assert told.stage("QA").trigger_reason == "After successful deployment of Dev"


def test_a_stage_does_not_follow_a_failure_or_a_cancellation():
    story("Dev → QA").when(started(), fails("Dev")).then(QA="notStarted")
    story("Dev → QA").when(started(), canceled("Dev")).then(Dev="canceled", QA="notStarted")


def test_a_join_waits_for_all_whichever_comes_last():
    outline = "Dev → QA; Dev → Load; QA → Prod; Load → Prod"
    told = story(outline).when(started(), works("Dev"), works("QA")).then(Prod="notStarted")
    told.when(works("Load")).then(Prod="queuedForAgent")
    assert told.stage("Prod").trigger_reason == "After successful deployment of QA,Load"
    other = story(outline).when(started(), works("Dev"), works("Load")).then(Prod="notStarted")
    other.when(works("QA")).then(Prod="queuedForAgent")


def test_a_join_is_met_once_the_failed_side_is_repaired():
    told = story("Dev → Prod; QA → Prod").when(started(), works("Dev"), fails("QA"))
    told.then(Prod="notStarted").when(deployed("QA"), works("QA")).then(Prod="queuedForAgent")


def test_redeploying_a_stage_starts_the_ones_after_it_again():
    told = story("Dev → QA").when(started(), works("Dev"), works("QA"))
    told.when(deployed("Dev"), works("Dev")).then(QA="queuedForAgent")
    assert told.deployment("QA").attempt == 2


def test_a_completion_does_not_disturb_an_attempt_under_way_and_is_answered_only_once():
    told = story("Dev → QA").when(started(), works("Dev")).then(QA="queuedForAgent")
    told.when(deployed("Dev"), works("Dev"), works("QA")).then(QA="approved")
    assert told.deployment("QA").attempt == 1
    assert len(told.changes(StageTriggered)) == 2


def test_a_stage_may_also_follow_partial_success_and_failure():
    either = StageReached("Dev", DONE | {StageStatus.REJECTED})
    plan = make.plan("Dev → QA", QA={"conditions": (either,)})
    story(plan).when(started(), fails("Dev")).then(Dev="phaseFailed", QA="queuedForAgent")


def test_success_alone_is_not_met_by_partial_success():
    told = story("Dev → QA").when(started(), phase_ends("Dev", JobStatus.WITH_ISSUES))
    told.then(Dev="partiallySucceeded partiallySucceeded approved", QA="notStarted")


def test_stage_names_in_conditions_ignore_case():
    reached = StageReached("DEV", frozenset({StageStatus.SUCCEEDED}))
    plan = make.plan("Dev → QA", QA={"conditions": (reached,)})
    story(plan).when(started(), works("Dev")).then(QA="queuedForAgent")


def test_a_stage_without_conditions_starts_by_hand_only():
    plan = make.plan("Dev → QA", QA={"conditions": ()})
    told = story(plan).when(started(), works("Dev")).then(QA="notStarted")
    told.when(deployed("QA")).then(QA="queuedForAgent")


def test_a_stage_named_manual_waits_for_a_hand_and_so_do_those_after_it():
    told = story("Dev → QA", manual=("Dev",)).when(started())
    told.then(Dev="notStarted", QA="notStarted")
    told.when(deployed("Dev"), works("Dev")).then(QA="queuedForAgent")


def test_stages_that_wait_for_each_other_start_by_hand_only():
    first = {"conditions": (StageReached("B", DONE),)}
    second = {"conditions": (StageReached("A", DONE),)}
    told = story(make.plan("A; B", A=first, B=second)).when(started())
    told.then(A="notStarted", B="notStarted")
    told.when(deployed("A"), works("A")).then(A="approved", B="notStarted")


def test_a_stage_that_follows_itself_does_not_start_for_ever():
    itself = {"conditions": (StageReached("A", DONE),), "phases": ()}
    told = story(make.plan("A", A=itself)).when(started(), deployed("A")).then(A="approved")
    assert told.deployment("A").attempt == 1


def test_a_pull_request_reaches_only_stages_that_allow_it():
    plan = make.plan("Dev; QA", QA={"pull_request_deployment": True})
    told = story(plan, reason=ReleaseReason.PULL_REQUEST).when(started())
    told.then(Dev="notStarted", QA="queuedForAgent")


def test_artifact_conditions_choose_by_branch():
    wants = (ReleaseStarts(), ArtifactMatches("_Web", ArtifactFilter(branch="main")))
    plan = make.plan("Dev", Dev={"conditions": wants})
    main = story(plan, artifacts=(ArtifactVersion("_Web", branch="main"),))
    main.when(started()).then(Dev="queuedForAgent")
    topic = story(plan, artifacts=(ArtifactVersion("_Web", branch="topic/x"),))
    topic.when(started()).then(Dev="notStarted")

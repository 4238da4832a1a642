"""What makes a release by itself, and only once (SEMANTICS 8.1-8.4, 8.9, 8.11, 8.13)."""

from dataclasses import replace

import pytest

from quaymaster.domain.plan import (
    ArtifactFilter,
    ArtifactPlan,
    ArtifactTrigger,
    Schedule,
    StageTrigger,
    StageTriggerKind,
    TriggerKind,
)
from quaymaster.domain.statuses import DeploymentReason, ReleaseReason
from quaymaster.domain.triggers import (
    ArtifactEvent,
    Occasion,
    firings,
    rollbacks,
    schedule_key,
)
from tests import make
from tests.story import canceled, deployed, fails, refused, started, story, works

BUILD = ArtifactEvent("Build", "p:7", "101", "refs/heads/main", ("ok",), result="succeeded")


def of(*triggers):
    artifacts = (ArtifactPlan("_Web", "Build", source_id="p:7"), ArtifactPlan("_Api", "Git"))
    return replace(make.plan(), artifacts=artifacts, triggers=triggers)


def fires(event, *filters, **trigger):
    plan = of(ArtifactTrigger(**{"alias": "_Web", "filters": filters, **trigger}))
    return firings(plan, event, {"Line": "main"}, lambda pattern, tag: pattern in tag)


def test_every_good_build_makes_a_release_where_nothing_is_filtered():
    (firing,) = fires(BUILD)
    assert (firing.alias, firing.reason) == ("_Web", ReleaseReason.CONTINUOUS_INTEGRATION)
    assert fires(replace(BUILD, result="partiallySucceeded"))


@pytest.mark.parametrize("result", ["failed", "canceled"])
def test_a_bad_build_makes_none(result):
    assert fires(replace(BUILD, result=result)) == ()


def test_sources_without_results_fire_as_well():
    plan = replace(
        of(ArtifactTrigger("_Api", TriggerKind.PUSH)),
        artifacts=(ArtifactPlan("_Api", "Git", source_id="r"),),
    )
    assert firings(plan, ArtifactEvent("git", "R", "c0ffee", "refs/heads/main"), {})


def test_only_its_own_source():
    assert fires(replace(BUILD, source_id="p:8")) == ()
    assert fires(replace(BUILD, type="Jenkins")) == ()
    assert fires(BUILD, alias="_Api") == ()


def test_filters_are_alternatives_and_exclusions_win():
    assert fires(BUILD, ArtifactFilter("release/*"), ArtifactFilter("main"))
    assert fires(BUILD, ArtifactFilter("release/*")) == ()
    assert fires(BUILD, ArtifactFilter("*"), ArtifactFilter("-main")) == ()


def test_all_tags_of_a_filter_and_patterns():
    assert fires(BUILD, ArtifactFilter(tags=("OK",)))
    assert fires(BUILD, ArtifactFilter(tags=("ok", "signed"))) == ()
    assert fires(BUILD, ArtifactFilter(tag_pattern="k"))


def test_a_filter_may_name_a_variable():
    assert fires(BUILD, ArtifactFilter("$(line)"))
    assert fires(BUILD, ArtifactFilter("$(other)")) == ()


def test_tags_added_later_count_only_where_asked_for():
    tagged = replace(BUILD, occasion=Occasion.TAGGED)
    assert fires(tagged) == ()
    assert fires(tagged, on_tagging=True)


def test_however_often_it_is_delivered_the_key_is_the_same():
    first, again = fires(BUILD)[0].key, fires(BUILD)[0].key
    tagged = fires(replace(BUILD, occasion=Occasion.TAGGED), on_tagging=True)[0].key
    assert first == again == tagged
    assert fires(replace(BUILD, version_id="102"))[0].key != first


def test_two_triggers_of_one_artifact_make_one_release():
    twice = (ArtifactTrigger("_Web"), ArtifactTrigger("_Web", filters=(ArtifactFilter("main"),)))
    assert len(firings(of(*twice), BUILD, {})) == 1


def test_a_pull_request_has_triggers_of_its_own_and_matches_what_it_targets():
    asked = replace(
        BUILD, branch="refs/pull/3/merge", is_pull_request=True, target_branch="refs/heads/main"
    )
    assert fires(asked) == ()
    assert fires(BUILD, kind=TriggerKind.PULL_REQUEST) == ()
    (firing,) = fires(asked, ArtifactFilter("main"), kind=TriggerKind.PULL_REQUEST)
    assert firing.reason is ReleaseReason.PULL_REQUEST
    assert fires(asked, ArtifactFilter("release"), kind=TriggerKind.PULL_REQUEST) == ()


def test_each_occurrence_of_a_schedule_has_one_key():
    nightly = Schedule((0,), 3, 0)
    assert schedule_key(nightly, "2026-03-03T03:00:00+00:00") == (
        "schedule:0 03:00 UTC:2026-03-03T03:00:00+00:00"
    )
    assert schedule_key(nightly, "a") != schedule_key(replace(nightly, hour=4), "a")


# ---- redeploying what worked ----------------------------------------------------------------

ROLLBACK = {"triggers": (StageTrigger(StageTriggerKind.ROLLBACK),)}


def rolled_back(told, step):
    before = told.release
    return rollbacks(before, told.when(step).release)


def test_a_rejected_stage_wants_its_last_success_back_once():
    told = story(make.plan("Dev", Dev=ROLLBACK)).when(started())
    assert rolled_back(told, fails("Dev")) == (told.stage("Dev").id,)
    assert rollbacks(told.release, told.release) == ()


def test_a_rejection_by_a_person_counts_as_well():
    told = story(make.plan("Dev", Dev=ROLLBACK | {"post_approvals": make.asks("bob")}))
    told.when(started(), works("Dev"))
    assert rolled_back(told, refused("Dev"))


def test_neither_success_nor_cancellation_does_and_no_stage_without_the_trigger():
    told = story(make.plan("Dev; QA; Lab", Dev=ROLLBACK, QA=ROLLBACK)).when(started())
    assert rolled_back(told, works("Dev")) == ()
    assert rolled_back(told, canceled("QA")) == ()
    assert rolled_back(told, fails("Lab")) == ()


def test_a_failed_rollback_starts_no_other():
    told = story(make.plan("Dev", Dev=ROLLBACK), manual=("Dev",)).when(started())
    told.when(deployed("Dev", reason=DeploymentReason.REDEPLOY_TRIGGER))
    assert rolled_back(told, fails("Dev")) == ()

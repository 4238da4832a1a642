"""Stopping an attempt and a whole release (SEMANTICS 7.6, 6.3)."""

from datetime import timedelta

from quaymaster.domain.changes import JobFinished
from quaymaster.domain.errors import Conflict, Refused
from quaymaster.domain.plan import QueuePolicy
from quaymaster.domain.release import Side
from quaymaster.domain.statuses import JobStatus, ReleaseStatus
from tests import make
from tests.story import (
    abandoned,
    canceled,
    claimed,
    deployed,
    phase_ends,
    started,
    story,
    works,
)

ASKS = {"pre_approvals": make.asks("bob")}


def test_nothing_has_run_yet():
    told = story(make.plan("Dev", Dev=ASKS)).when(started(), canceled("Dev"))
    told.then(Dev="canceled notDeployed canceled").asked("Dev", bob="canceled")


def test_a_job_that_no_worker_has_taken_will_not_run():
    told = story().when(started())
    claim = list(claimed("Dev")(told))
    told.when(canceled("Dev")).then(Dev="canceled notDeployed canceled")
    told.refuses(lambda _: claim, Conflict, "is canceled and cannot be claimed")


def test_a_running_job_is_waited_for():
    told = story().when(started(), claimed("Dev"), canceled("Dev"))
    told.then(Dev="inProgress inProgress cancelling")
    told.when(phase_ends("Dev", JobStatus.CANCELED)).then(Dev="canceled failed phaseCanceled")


def test_a_job_that_ends_well_in_spite_of_it_is_still_canceled():
    told = story("Dev → QA").when(started(), claimed("Dev"), canceled("Dev"), phase_ends("Dev"))
    told.then(Dev="canceled failed phaseCanceled", QA="notStarted")


def test_a_silent_worker_is_not_waited_for_for_ever():
    slow = make.phase(cancel_timeout=timedelta(minutes=5))
    told = story(make.plan("Dev", Dev={"phases": (slow,)}))
    told.when(started(), claimed("Dev"), canceled("Dev"))
    job = told.jobs("Dev")[0]
    told.later(minutes=5).then(Dev="cancelling")
    told.later(minutes=1).then(Dev="canceled failed phaseCanceled")
    assert "did not confirm in time" in told.deployment("Dev").jobs[0].error
    told.ignores(lambda _: [JobFinished(job.id, job.token, JobStatus.SUCCEEDED)])


def test_no_further_phase_starts():
    plan = make.plan("Dev", Dev={"phases": (make.phase(1), make.phase(2, condition="always()"))})
    told = story(plan).when(started(), claimed("Dev"), canceled("Dev"), phase_ends("Dev"))
    told.then(Dev="canceled failed phaseCanceled")


def test_a_post_approval_that_waits_is_canceled():
    told = story(make.plan("Dev", Dev={"post_approvals": make.asks("bob")}))
    told.when(started(), works("Dev"), canceled("Dev"))
    told.then(Dev="canceled failed phaseCanceled").asked("Dev", Side.POST, bob="canceled")


def test_an_ended_attempt_and_one_that_is_stopping_cannot_be_canceled():
    told = story().when(started(), claimed("Dev"), canceled("Dev"))
    told.refuses(canceled("Dev"), Refused, "cannot be canceled while its deployment is cancelling")
    told.when(phase_ends("Dev"))
    told.refuses(canceled("Dev"), Refused, "cannot be canceled while")


def test_a_canceled_stage_can_be_deployed_again():
    told = story("Dev → QA").when(started(), canceled("Dev"), deployed("Dev"), works("Dev"))
    told.then(Dev="approved", QA="queuedForAgent")


def test_abandoning_cancels_whatever_only_waits():
    stages = {"QA": ASKS, "Lab": {"queue": QueuePolicy(concurrency=1)}}
    told = story(make.plan("Dev; QA; Lab", **stages), manual=("Dev",))
    night = make.NOW + timedelta(hours=18)
    told.when(started(), deployed("Dev", scheduled_for=night), abandoned())
    assert told.release.status is ReleaseStatus.ABANDONED
    told.then(Dev="canceled", QA="canceled", Lab="canceled").asked("QA", bob="canceled")


def test_a_release_at_work_cannot_be_abandoned():
    told = story("Dev").when(started(), claimed("Dev"))
    told.refuses(abandoned(), Refused, r"in progress \(Dev\)")
    assert told.release.status is ReleaseStatus.ACTIVE


def test_an_abandoned_release_stays_abandoned():
    told = story("Dev").when(started(), works("Dev"), abandoned()).ignores(abandoned())
    told.refuses(started(), Refused, "cannot become active again")
    told.refuses(deployed("Dev"), Refused, "is abandoned")
    told.refuses(canceled("Dev"), Refused, "is abandoned")

"""Why a stage is not deploying: every reason, in order (issue 4, part 7)."""

from datetime import timedelta

from quaymaster.domain.explain import explain
from quaymaster.domain.freezes import Standing, Standstill
from quaymaster.domain.plan import (
    ApprovalOrder,
    ArtifactFilter,
    ArtifactMatches,
    Demand,
    QueuePolicy,
    ReleaseStarts,
    Schedule,
    StageReached,
)
from quaymaster.domain.reasons import Freeze, Offer, ReasonKind, Surroundings
from quaymaster.domain.release import ArtifactVersion
from quaymaster.domain.statuses import ReleaseReason, StageStatus
from tests import make
from tests.story import (
    abandoned,
    approved,
    canceled,
    claimed,
    deferred,
    deployed,
    fails,
    gates_say,
    ignoring,
    quarantine_lifted,
    quarantined,
    refused,
    started,
    story,
    superseded,
    works,
)
from tests.world import World

NIGHT = make.NOW + timedelta(hours=18)
NOTHING = Surroundings()


def reasons(told, stage="Dev", around=NOTHING):
    return explain(told.release, told.stage(stage), around, told.now)


def texts(told, stage="Dev", around=NOTHING):
    return [reason.text for reason in reasons(told, stage, around)]


def only(told, stage="Dev", around=NOTHING):
    (reason,) = reasons(told, stage, around)
    return reason


# ---- before it starts -----------------------------------------------------------------------


def test_a_draft_says_so_and_what_it_lacks():
    told = story(artifacts=(ArtifactVersion("_Web", is_chosen=False),))
    assert texts(told)[:2] == [
        "Release Release-1 is a draft: nothing of it starts before it is active.",
        "No version is chosen for artifact _Web.",
    ]


def test_every_unmet_condition_is_named():
    wants = (
        StageReached("Dev", frozenset({StageStatus.SUCCEEDED, StageStatus.PARTIALLY_SUCCEEDED})),
        StageReached("Gone", frozenset({StageStatus.SUCCEEDED})),
        ArtifactMatches("_Web", ArtifactFilter("release/*")),
    )
    plan = make.plan("Dev → QA", QA={"conditions": wants})
    told = story(plan, artifacts=(ArtifactVersion("_Web", "main", ("a", "b")),)).when(started())
    assert texts(told, "QA") == [
        "It waits for Dev to be partiallySucceeded or succeeded; it is inProgress.",
        "It waits for stage Gone, which this release does not have.",
        "The version of _Web (main a b) does not pass the filter.",
    ]


def test_a_status_in_which_no_stage_ends_starts_nothing():
    wants = {"conditions": (StageReached("Dev", frozenset({StageStatus.IN_PROGRESS})),)}
    told = story(make.plan("Dev → QA", QA=wants)).when(started(), works("Dev"))
    reason = only(told, "QA")
    assert reason.text.endswith("only an end starts it: it never starts by itself.")
    assert reason.cleared_by == ("whoever may deploy this stage, by hand",)


def test_stages_that_start_by_hand_only():
    plan = make.plan("Dev; QA", QA={"conditions": ()})
    told = story(plan, manual=("Dev",)).when(started())
    assert texts(told, "Dev") == [
        "Dev was named manual when the release was made; it starts by hand only."
    ]
    assert texts(told, "QA") == ["QA has no condition that starts it; it starts by hand only."]


def test_pull_requests_circles_and_schedules_that_never_fire():
    told = story("Dev", reason=ReleaseReason.PULL_REQUEST).when(started())
    assert "does not take releases of pull requests" in only(told).text
    itself = StageReached("Dev", frozenset(StageStatus))
    told = story(make.plan("Dev", Dev={"conditions": (itself,)})).when(started())
    assert "follows its own end" in texts(told)[0]
    never = {"schedules": (Schedule((), 3, 0),)}
    told = story(make.plan("Dev", Dev=never)).when(started())
    assert texts(told) == ["No schedule of Dev ever fires."]


def test_a_freeze_says_until_when_and_who_lifts_it():
    around = Surroundings(freezes=(Freeze("Christmas", NIGHT, ("ops",)), Freeze("Incident")))
    first, second, _ = reasons(story().when(started()), around=around)
    assert first.text == "Dev takes no deployments until 2026-03-03 03:00 UTC: Christmas."
    assert (first.kind, first.cleared_by, first.clears_at) == (ReasonKind.FREEZE, ("ops",), NIGHT)
    assert second.text == "Dev takes no deployments: Incident."


def test_a_freeze_is_told_once_and_a_time_to_come_beside_it():
    told = story("Dev", standing={1: Standing((Standstill("Christmas"),))})
    assert texts(told.when(started())) == ["Dev takes no deployments: Christmas."]
    told = story("Dev", manual=("Dev",), standing={1: Standing((Standstill("Christmas"),))})
    told.when(started(), deployed("Dev", scheduled_for=NIGHT))
    assert [reason.kind for reason in reasons(told)] == [ReasonKind.FREEZE, ReasonKind.SCHEDULE]


def test_a_worker_is_called_by_its_name():
    told = story().when(started(), claimed("Dev", "6f9619ff"))
    reason = only(told, around=Surroundings(names={"6f9619ff": "builder-3"}))
    assert reason.text == "'Phase 1' runs on builder-3."
    assert (reason.cleared_by[0], reason.details["worker"]) == ("builder-3", "builder-3")


def test_a_missing_permission_is_named():
    around = Surroundings(missing_permission="manage deployments")
    told = story(manual=("Dev",)).when(started())
    assert texts(told, around=around)[-1] == (
        "You may not start Dev by hand: you lack manage deployments."
    )


def test_how_the_last_attempt_ended():
    told = story().when(started(), fails("Dev"))
    assert texts(told) == ["Attempt 1 failed: Bash exited with code '3'."]
    told.when(deployed("Dev"), canceled("Dev"))
    assert texts(told) == ["Attempt 2 was canceled."]
    asked = story(make.plan("Dev", Dev={"pre_approvals": make.asks("bob")})).when(started())
    assert texts(asked.when(refused("Dev"))) == ["Attempt 1 was rejected."]
    limited = story(make.plan("Dev", Dev={"queue": QueuePolicy(1, 1)})).when(started())
    assert texts(limited.when(superseded("Dev"))) == [
        "Attempt 1 gave way to a newer release: Superseded by Release-2."
    ]


def test_nothing_keeps_what_has_succeeded():
    assert reasons(story().when(started(), works("Dev"))) == ()


def test_a_stage_whose_conditions_hold_but_whose_moment_has_gone_by():
    told = story("Dev → QA").when(started(), quarantined(), works("Dev"), quarantine_lifted())
    reason = only(told, "QA")
    assert reason.text == "All that QA waits for holds; it starts by itself when Dev ends next."
    assert reason.cleared_by[0] == "the next deployment to Dev"
    told.when(deployed("QA"), works("QA"))
    assert reasons(told, "QA") == ()


def test_an_abandoned_release_is_final():
    told = story("Dev → QA", manual=("Dev",)).when(started(), abandoned())
    for stage in ("Dev", "QA"):
        assert texts(told, stage) == [
            "Release Release-1 was abandoned; nothing of it is deployed any more."
        ]


# ---- waiting --------------------------------------------------------------------------------


def test_its_time():
    told = story(manual=("Dev",)).when(started(), deployed("Dev", scheduled_for=NIGHT))
    reason = reasons(told)[0]
    assert (reason.kind, reason.clears_at) == (ReasonKind.SCHEDULE, NIGHT)


def test_its_place_in_the_queue_who_holds_it_and_what_comes_after():
    qa = {"queue": QueuePolicy(concurrency=1), "pre_approvals": make.asks("bob")}
    world = World("QA")
    for name in ("R1", "R2", "R3"):
        world.release(name, make.plan("QA", QA=qa))
        world.when(name, started()).later(seconds=1)
    around = Surroundings(standings=tuple(world.standings()), names={"bob": "Bob B."})
    queue, approval = reasons(world.stories["R3"], "QA", around)
    assert queue.text == (
        "It waits in place 2 of 2 in the queue of QA, which takes 1 at once, "
        "held by R1 (attempt 1)."
    )
    assert queue.details["place"] == "2"
    assert (approval.text, approval.is_ahead) == (
        "Bob B. has to approve before the deployment to QA.",
        True,
    )


def test_who_has_to_approve_until_when_and_who_comes_later():
    told = story(make.plan("Dev", Dev={"pre_approvals": make.asks_in_turn("bob", "carol")}))
    bob, carol = reasons(told.when(started()))
    assert bob.cleared_by == ("bob", "release administrators")
    assert bob.clears_at == make.NOW + timedelta(days=30)
    assert bob.details["approval"] == str(told.approvals("Dev")[0].id)
    assert (bob.is_ahead, carol.is_ahead) == (False, True)
    told.when(approved("Dev", by="bob"))
    assert [reason.cleared_by[0] for reason in reasons(told)] == ["carol"]


def test_an_approver_who_may_not_answer_is_not_told_to():
    told = story(
        make.plan("Dev", Dev={"pre_approvals": make.asks("alice", requester_may_approve=False)})
    )
    reason = only(told.when(started("alice")))
    assert reason.text == (
        "alice has to approve before the deployment to Dev, but may not, having created the "
        "release or requested this deployment."
    )
    assert reason.cleared_by == ("release administrators",)


def test_each_gate_with_its_last_word():
    told = story(make.plan("Dev", Dev={"pre_gates": make.gates("alerts", "bugs", "load")}))
    told.when(started(), ignoring("Dev", "load"))
    assert "asked for the first time at 2026-03-02 09:05" in texts(told)[0]
    told.later(minutes=5)
    assert texts(told)[0] == "Gate alerts of Dev is being asked."
    told.when(gates_say("Dev", "alerts", bugs="3 open"))
    agreed, failed = texts(told)
    assert agreed.startswith("Gate alerts of Dev agreed when last asked, and has to go on")
    assert failed == ("Gate bugs of Dev did not agree when last asked: 3 open.")
    assert reasons(told)[1].clears_at == make.NOW + timedelta(minutes=10)


def test_gates_and_people_in_their_order():
    asks = make.asks("bob", order=ApprovalOrder.AFTER_SUCCESSFUL_GATES)
    dev = {"pre_approvals": asks, "pre_gates": make.gates("g"), "post_approvals": make.asks("eve")}
    told = story(make.plan("Dev", Dev=dev)).when(started())
    kinds = [(reason.kind, reason.is_ahead) for reason in reasons(told)]
    assert kinds == [
        (ReasonKind.GATE, False),
        (ReasonKind.APPROVAL, True),
        (ReasonKind.APPROVAL, True),
    ]


def test_a_deferral():
    told = story(make.plan("Dev", Dev={"pre_approvals": make.asks("bob")})).when(started())
    told.when(deferred("Dev", NIGHT))
    assert [reason.is_ahead for reason in reasons(told)] == [False, True]
    told.when(approved("Dev"))
    assert (only(told).kind, only(told).clears_at) == (ReasonKind.DEFERRED, NIGHT)


# ---- work -----------------------------------------------------------------------------------


def demanding(*offers):
    phase = make.phase(queue_id=4, demands=(Demand("docker"), Demand("os", "linux")))
    told = story(make.plan("Dev", Dev={"phases": (phase,)})).when(started())
    return told, Surroundings(offers={4: offers})


def test_no_worker_with_that_demand():
    told, around = demanding(Offer("w1", {"os": "Linux"}), Offer("w2", {}))
    assert only(told, around=around).text == (
        "No worker of the pool of phase Phase 1 offers docker."
    )


def test_no_worker_at_all_and_workers_that_are_offline_or_busy():
    told, around = demanding()
    assert only(told, around=around).text == "No worker of the pool of phase Phase 1 is online."
    able = {"docker": "", "os": "linux"}
    told, around = demanding(Offer("w1", able, is_online=False))
    assert "w1 are offline" in only(told, around=around).text
    told, around = demanding(Offer("w1", able, is_busy=True))
    assert "all are busy: w1" in only(told, around=around).text
    told, around = demanding(Offer("w1", able))
    assert only(told, around=around).text == "'Phase 1' waits for a worker to take it."


def test_a_phase_to_come_that_no_worker_could_run_is_said_early():
    phases = (make.phase(1), make.phase(2, queue_id=4, demands=(Demand("docker"),)))
    told = story(make.plan("Dev", Dev={"phases": phases})).when(started(), claimed("Dev"))
    running, ahead = reasons(told, around=Surroundings(offers={4: (Offer("w", {}),)}))
    assert running.text == "'Phase 1' runs on worker-1."
    assert (ahead.kind, ahead.is_ahead) == (ReasonKind.WORKER, True)


def test_a_person_a_delay_a_job_that_stops():
    tasks = (make.delay("10"), make.intervention("Look"))
    told = story(make.plan("Dev", Dev={"phases": (make.server_phase(*tasks),)})).when(started())
    assert only(told).text == "'Wait' waits until 2026-03-02 09:10 UTC."
    told.later(minutes=10)
    assert only(told).text == "Somebody has to resume or reject 'Look' of Dev."
    assert only(told).details["intervention"] == str(told.deployment("Dev").interventions[0].id)
    stopping = story().when(started(), claimed("Dev"), canceled("Dev"))
    assert only(stopping).text == "It is being canceled; Phase 1 has yet to stop."
    assert only(stopping).clears_at == make.NOW + timedelta(minutes=2)


def test_the_start_of_the_release_is_a_condition():
    told = story(make.plan("Dev", Dev={"conditions": (ReleaseStarts(),)}))
    assert texts(told)[-1] == "Dev waits for the release to start."


def test_an_approver_whom_nobody_knows_is_said_and_who_can_help():
    told = story(make.plan("Dev", Dev={"pre_approvals": make.asks("ghost")})).when(started())
    reason = only(told, around=Surroundings(nobody=frozenset({"ghost"})))
    assert reason.text.startswith("ghost, whom nobody knows here, has to approve before")
    assert "ghost" not in reason.cleared_by

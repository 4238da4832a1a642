"""What a release would do, with nothing written (issue 4, part 7)."""

from dataclasses import replace
from datetime import timedelta

from quaymaster.domain.plan import (
    Demand,
    Parallelism,
    PhaseKind,
    QueuePolicy,
    Schedule,
    Spread,
    StageReached,
)
from quaymaster.domain.preview import Known, foresee
from quaymaster.domain.reasons import Freeze, Offer, Surroundings
from quaymaster.domain.release import ArtifactVersion
from quaymaster.domain.statuses import ReleaseStatus, StageStatus
from tests import make


def seen(plan, known=None, **release):
    return foresee(make.release(plan, **release), known or Known(), make.NOW)


def stage(foresight, name):
    return next(found for found in foresight.stages if found.name == name)


def test_stages_come_in_the_order_in_which_they_would_start():
    found = seen("Dev → QA; Dev → Load; QA → Prod; Load → Prod")
    assert [one.name for one in found.stages] == ["Dev", "QA", "Load", "Prod"]
    assert [one.order for one in found.stages] == [1, 2, 3, 4]
    assert found.never == ()


def test_the_draft_is_left_as_it_was_and_an_active_release_can_be_foreseen_too():
    draft = make.release("Dev")
    assert foresee(draft, Known(), make.NOW) == foresee(
        replace(draft, status=ReleaseStatus.ACTIVE), Known(), make.NOW
    )
    assert draft.stages[0].newest is None


def test_times_add_up_over_delays_gates_and_schedules():
    stages = {
        "Dev": {"pre_gates": make.gates("g"), "phases": (make.server_phase(make.delay("10")),)},
        "QA": {"schedules": (Schedule(tuple(range(7)), 3, 0),)},
    }
    found = seen(make.plan("Dev → QA", **stages))
    assert stage(found, "Dev").ends_at == make.NOW + timedelta(minutes=15)
    assert stage(found, "QA").starts_at == make.NOW + timedelta(minutes=15)
    assert stage(found, "QA").ends_at == make.NOW + timedelta(hours=18)


def test_people_gates_queue_and_freezes_are_named():
    dev = {
        "pre_approvals": make.asks("bob", "carol", required_count=1),
        "post_gates": make.gates("smoke"),
        "queue": QueuePolicy(concurrency=2),
    }
    freeze = Freeze("Christmas")
    around = Surroundings(freezes=(freeze,), names={"bob": "Bob B."})
    found = seen(make.plan("Dev", Dev=dev), Known(around={"Dev": around}))
    dev = stage(found, "Dev")
    assert [approver.identity for approver in dev.before.approvers] == ["bob", "carol"]
    assert dev.before.names == ("Bob B.", "carol")
    assert (dev.before.required_count, dev.after.gates, dev.limit) == (1, ("smoke",), 2)
    assert dev.freezes == (freeze,)
    assert found.never == ()


def test_the_values_a_job_would_see_and_of_secrets_only_whether_they_are_set():
    known = Known(secrets={"Key": True, "Token": False})
    found = seen("Dev", known, variables={"Region": "west"})
    assert stage(found, "Dev").variables == {
        "Region": "west",
        "Key": "(set)",
        "Token": "(unset)",
    }


def test_the_jobs_of_each_phase_and_the_workers_that_could_take_them():
    phase = make.phase(
        queue_id=4,
        demands=(Demand("docker"),),
        parallelism=Parallelism(Spread.CONFIGURATIONS, ("r",), 2),
    )
    offers = {4: (Offer("w1", {"docker": ""}), Offer("w2"), Offer("w3", {"docker": ""}, False))}
    found = seen(
        make.plan("Dev", Dev={"phases": (phase,)}),
        Known(around={"Dev": Surroundings(offers=offers)}),
        variables={"r": "a,b"},
    )
    (only,) = stage(found, "Dev").phases
    assert (only.jobs, only.workers) == (("Phase 1 (a)", "Phase 1 (b)"), ("w1",))


def test_stages_by_hand_are_listed_last_and_say_so():
    plan = make.plan("Lab; Dev", Lab={"conditions": ()})
    found = seen(plan)
    assert [one.name for one in found.stages] == ["Dev", "Lab"]
    assert stage(found, "Lab").needs == (
        "Lab has no condition that starts it; it starts by hand only.",
    )
    assert found.never == ()


# ---- what can never finish ------------------------------------------------------------------


def test_nothing_starts():
    assert seen("Dev", manual=("Dev",)).never == (
        "No stage starts with the release; each has to be started by hand.",
    )


def test_a_version_that_was_not_chosen():
    found = seen("Dev", artifacts=(ArtifactVersion("_Web", is_chosen=False),))
    assert found.never == ("No version is chosen for artifact _Web.",)
    assert stage(found, "Dev").order == 1


def test_a_circle_and_a_stage_that_is_not_there():
    done = frozenset({StageStatus.SUCCEEDED})
    stages = {
        "A": {"conditions": (StageReached("B", done),)},
        "B": {"conditions": (StageReached("A", done),)},
        "C": {"conditions": (StageReached("Gone", done),)},
    }
    never = seen(make.plan("Dev; A; B; C", **stages)).never
    assert "A: A follows its own end over other stages, so that it never starts." in never
    assert "C: It waits for stage Gone, which this release does not have." in never


def test_a_schedule_that_never_fires():
    never = seen(make.plan("Dev", Dev={"schedules": (Schedule((), 3, 0),)})).never
    assert "Dev: No schedule of Dev ever fires." in never


def test_phases_that_cannot_run():
    phases = (
        make.phase(1, condition="eq(1,"),
        make.phase(2, condition="always()", kind=PhaseKind.DEPLOYMENT_GROUP, queue_id=7),
        make.server_phase(make.delay("soon"), rank=3, condition="always()"),
    )
    never = " ".join(seen(make.plan("Dev", Dev={"phases": phases})).never)
    assert "Condition of phase Phase 1" in never
    assert "there is no target in deployment group 7" in never
    assert "'soon' is not a number of minutes" in never


def test_demands_that_no_worker_meets_and_an_empty_pool():
    plan = make.plan("Dev", Dev={"phases": (make.phase(queue_id=4, demands=(Demand("gpu"),)),)})
    nobody = Known(around={"Dev": Surroundings(offers={4: (Offer("w1"),)})})
    assert seen(plan, nobody).never == (
        "Dev: No worker offers gpu, so that phase Phase 1 would wait for ever.",
    )
    empty = Known(around={"Dev": Surroundings(offers={4: ()})})
    assert "No worker is in its pool" in seen(plan, empty).never[0]


def test_gates_that_must_agree_for_longer_than_they_are_asked():
    gates = make.gates("g", minimum_success=60, timeout=30)
    never = seen(make.plan("Dev", Dev={"pre_gates": gates})).never
    assert "must agree for 1:00:00 but time out after 0:30:00" in never[0]


def test_the_creator_is_the_only_approver_and_may_not_approve():
    alone = make.asks("alice", requester_may_approve=False)
    never = seen(make.plan("Dev", Dev={"pre_approvals": alone})).never
    assert "not enough approvers are left" in never[0]
    enough = make.asks("alice", "bob", required_count=1, requester_may_approve=False)
    assert seen(make.plan("Dev", Dev={"pre_approvals": enough})).never == ()


def test_approvers_who_do_not_exist():
    ghost = Known(around={"Dev": Surroundings(nobody=frozenset({"ghost"}))})
    never = seen(make.plan("Dev", Dev={"pre_approvals": make.asks("bob", "ghost")}), ghost).never
    assert never == ("Dev: nobody is known as ghost, who would have to approve; name another.",)
    enough = make.asks("bob", "ghost", required_count=1)
    assert seen(make.plan("Dev", Dev={"pre_approvals": enough}), ghost).never == ()


def test_a_failure_that_its_task_allows_is_told_and_is_no_dead_end():
    wait = make.delay("soon", continue_on_error=True)
    found = seen(make.plan("Dev", Dev={"phases": (make.server_phase(wait),)}))
    assert "'soon' is not a number of minutes" in stage(found, "Dev").phases[0].problems[0]
    assert found.never == ()


def test_the_nearer_value_wins_whatever_its_case_and_secrets_stay_with_their_stage():
    draft = make.release("Dev; QA", variables={"Region": "west", "Url": "https://$(region)/$(Key)"})
    dev, qa = draft.stages
    draft = replace(draft, stages=(replace(dev, variables={"REGION": "north"}), qa))
    known = Known(stage_secrets={1: {"key": True}})
    found = foresee(draft, known, make.NOW)
    told = stage(found, "Dev").variables
    assert told == {"REGION": "north", "Url": "https://north/(set)", "key": "(set)"}
    assert stage(found, "QA").variables == {"Region": "west", "Url": "https://west/$(Key)"}

"""A build says what it waits for: a person, a worker, its turn, other jobs (SEMANTICS 22.4)."""

from dataclasses import replace

from quaymaster.domain.build_events import BuildCanceled
from quaymaster.domain.explain_build import QUEUERS, BuildSurroundings, explain_build
from quaymaster.domain.plan import Demand, Spread
from quaymaster.domain.reasons import Offer, ReasonKind
from quaymaster.domain.statuses import JobStatus
from tests.domain.test_build_phases import (
    CALL,
    MINUTE,
    delay,
    parallel,
    question,
    started,
    task,
    without_agent,
)
from tests.domain.test_building import NOW, ends, job, queued, runs, told

FREE, BUSY = Offer("one", {"git": "1"}), Offer("two", {"git": "1"}, is_busy=True)
AWAY = Offer("three", is_online=False)


def said(build, *offers, ahead=0, **around):
    waiting = [one.id for one in build.jobs if one.status is JobStatus.WAITING]
    surroundings = BuildSurroundings(
        "Web",
        pools=dict.fromkeys(waiting, offers),
        ahead=dict.fromkeys(waiting, ahead),
        **around,
    )
    return explain_build(build, surroundings)


def texts(*args, **more):
    return [one.text for one in said(*args, **more)]


def test_a_paused_or_disabled_pipeline_holds_its_builds():
    build = queued(job("Make"), is_held=True)
    [reason] = said(build, queue_status="paused")
    assert reason.kind is ReasonKind.MANUAL
    assert reason.text == "The build pipeline Web is paused: no build starts until it is enabled."
    assert "is disabled" in texts(build, queue_status="disabled")[0]


def test_a_job_waits_for_a_worker_with_what_it_demands():
    build = queued(job("Make"))
    assert texts(build) == ["No worker of the pool of 'Make' is online."]
    assert texts(build, AWAY) == ["No worker of the pool of 'Make' is online; three are offline."]
    assert texts(build, BUSY) == ["'Make' waits for a worker; all are busy: two."]
    assert texts(build, BUSY, FREE) == ["'Make' waits for a worker to take it."]
    plan = job("Make")
    demanding = replace(plan, work=replace(plan.work, demands=(Demand("docker"),)))
    assert texts(queued(demanding), FREE) == ["No worker of the pool of 'Make' offers docker."]


def test_a_job_tells_its_place_in_the_queue():
    [reason] = said(queued(job("Make")), FREE, ahead=2)
    assert reason.kind is ReasonKind.QUEUE
    assert reason.text == "'Make' waits in the queue of its pool; 2 other jobs go first."


def test_a_job_tells_after_which_others_it_starts():
    build = runs(queued(job("Make"), job("Test", "Make")), "Make")
    running, later = said(build)
    assert (running.kind, running.details) == (ReasonKind.RUNNING, {"worker": "worker"})
    assert (later.is_ahead, later.text) == (True, "'Test' starts after 'Make'.")


def test_what_stops_and_what_has_ended_is_said():
    build = runs(queued(job("Make")), "Make")
    [stopping] = said(told(build, BuildCanceled()))
    assert stopping.kind is ReasonKind.STOPPING
    assert stopping.text == "It is being canceled; 'Make' has yet to stop."
    assert stopping.clears_at is not None
    [ended] = said(ends(build, "Make", JobStatus.FAILED))
    assert (ended.kind, ended.text) == (ReasonKind.ENDED, "The build is completed: failed.")


def test_phases_without_an_agent_and_jobs_that_take_turns_say_for_what_they_wait():
    plain = BuildSurroundings("Web")
    asking = started(without_agent("S", question(), delay()))
    person, turn = explain_build(asking, plain)
    assert (person.kind, person.cleared_by) == (ReasonKind.INTERVENTION, QUEUERS)
    assert "'S - Look' waits for somebody to resume or reject it." in person.text
    assert "starts when another job of its phase ends; 1 run at once" in turn.text
    [clock] = explain_build(started(without_agent("S", delay("5"))), plain)
    assert (clock.text, clock.clears_at) == ("'S' waits for the clock.", NOW + 5 * MINUTE)
    calling = started(without_agent("S", task(CALL)))
    assert "any worker" in explain_build(calling, plain)[0].text
    [first, second] = explain_build(
        started(parallel("A", Spread.CONFIGURATIONS, "os"), os="a,b"), plain
    )
    assert first.kind is ReasonKind.WORKER
    assert second.kind is ReasonKind.QUEUE

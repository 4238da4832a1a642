"""Jobs and steps that are ended from outside (SEMANTICS 12.8, 13.9, 13.10)."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from quaymaster.protocol.job import JobResult, RunJob
from quaymaster.runner import descendants
from quaymaster.runner.pool import HostPool
from tests.runner.make import DELAY, Watched, job, run, script, task, variable

FIRM = [variable("PROCESS_SIGINT_TIMEOUT", "200"), variable("PROCESS_SIGTERM_TIMEOUT", "200")]


def nothing_left(message: RunJob) -> bool:
    """No process on this machine carries the job's marker any more."""
    return not descendants.marked(descendants.marker_of(message))


async def test_a_canceled_job_ends_its_step_and_skips_the_rest(pool: HostPool) -> None:
    message = job(script("echo ready; sleep 1000"), script("echo no"))
    watched = Watched(pool, message)
    await watched.until_printed("ready")
    watched.cancelled.set_result("Ann canceled the deployment.")
    outcome = await watched.end()
    assert outcome.results() == ["Canceled", "Skipped"]
    assert outcome.result is JobResult.CANCELED
    assert [issue.message for issue in outcome.end.issues] == ["Ann canceled the deployment."]
    assert nothing_left(message)


async def test_steps_whose_condition_holds_when_canceled_still_run(pool: HostPool) -> None:
    steps = (
        script("echo ready; sleep 1000"),
        script("echo clean up", condition="always()"),
        script("echo $AGENT_JOBSTATUS", condition="canceled()"),
        script("echo no", condition="succeededOrFailed()"),
    )
    watched = Watched(pool, job(*steps))
    await watched.until_printed("ready")
    watched.cancelled.set_result("")
    outcome = await watched.end()
    assert outcome.results() == ["Canceled", "Succeeded", "Succeeded", "Skipped"]
    assert "Canceled" in outcome.log(2).split("\n")
    assert outcome.result is JobResult.CANCELED


async def test_a_running_step_whose_condition_still_holds_goes_on(pool: HostPool) -> None:
    step = script("echo ready; read -t 1 < /dev/zero; echo finished", condition="always()")
    watched = Watched(pool, job(script("true"), step))
    await watched.until_printed("ready", step=1)
    watched.cancelled.set_result("")
    outcome = await watched.end()
    assert outcome.results() == ["Succeeded", "Succeeded"]
    assert outcome.result is JobResult.CANCELED


async def test_after_the_time_for_cleaning_up_everything_is_killed(pool: HostPool) -> None:
    message = job(
        script("trap '' INT TERM; echo ready; while :; do sleep 1; done", condition="always()"),
        script("echo no", condition="always()"),
        cancel_timeout_seconds=0.3,
        variables=FIRM,
    )
    watched = Watched(pool, message)
    await watched.until_printed("ready")
    watched.cancelled.set_result("")
    outcome = await watched.end()
    assert outcome.results() == ["Canceled", "Canceled"]
    assert nothing_left(message)


async def test_a_script_may_clean_up_when_it_is_interrupted(pool: HostPool) -> None:
    step = script("trap 'echo cleaning; exit 0' INT; echo ready; while :; do sleep 0.1; done")
    watched = Watched(pool, job(step))
    await watched.until_printed("ready")
    watched.cancelled.set_result("")
    outcome = await watched.end()
    assert "cleaning" in outcome.log().split("\n")
    assert outcome.results() == ["Canceled"]


async def test_signals_that_are_ignored_lead_to_the_last_one(pool: HostPool) -> None:
    message = job(
        script("trap '' INT TERM; echo ready; while :; do sleep 0.1; done"), variables=FIRM
    )
    watched = Watched(pool, message)
    await watched.until_printed("ready")
    watched.cancelled.set_result("")
    assert (await watched.end()).results() == ["Canceled"]
    assert nothing_left(message)


async def test_a_step_that_takes_too_long_fails(pool: HostPool) -> None:
    steps = (
        script("sleep 1000", timeout_seconds=0.3, continue_on_error=True),
        script("echo on"),
    )
    message = job(*steps)
    outcome = await run(pool, message)
    assert outcome.results() == ["SucceededWithIssues", "Succeeded"]
    assert outcome.errors() == ["The task has timed out after 0.3 seconds."]
    assert nothing_left(message)


async def test_a_job_that_takes_too_long_fails_and_its_step_is_canceled(pool: HostPool) -> None:
    steps = script("sleep 1000"), script("echo bye", condition="always()")
    outcome = await run(pool, job(*steps, timeout_seconds=0.4))
    assert outcome.results() == ["Canceled", "Succeeded"]
    assert outcome.result is JobResult.FAILED
    assert "exceeded the maximum execution time of 0.4 seconds" in outcome.end.issues[0].message


async def test_a_cancel_ends_the_wait_for_another_try(pool: HostPool) -> None:
    watched = Watched(pool, job(script("echo failed; exit 1", retry_count=10)))
    await watched.until(lambda outcome: "tried again in 4 seconds" in outcome.log())
    watched.cancelled.set_result("")
    assert (await watched.end()).results() == ["Canceled"]


async def test_a_delay_is_canceled_at_once(pool: HostPool) -> None:
    watched = Watched(
        pool, job(task(DELAY, "1.*", {"delayForMinutes": "$(m)"}), variables=[variable("m", "90")])
    )
    await watched.until(lambda outcome: "Waiting for 90 minutes." in outcome.log())
    watched.cancelled.set_result("")
    assert (await watched.end()).results() == ["Canceled"]


@pytest.mark.parametrize("minutes", ["-1", "1.5", "86401", "soon", ""])
async def test_a_delay_is_a_whole_number_of_minutes(pool: HostPool, minutes: str) -> None:
    outcome = await run(pool, job(task(DELAY, "1.*", {"delayForMinutes": minutes})))
    assert outcome.results() == ["Failed"]
    assert "delayForMinutes" in outcome.errors()[0]


LONG = f"{os.getpid()}77"  # how long they sleep, in seconds: a number that nobody else uses

HIDERS: dict[str, str] = {
    "background": f"sleep {LONG} &",
    "new session": f"setsid sleep {LONG} > /dev/null 2>&1 &",
    "double fork": f"( setsid sh -c 'sleep {LONG} & exec sleep {LONG}' & ) > /dev/null 2>&1",
    "without marker": f"env -i setsid sh -c 'sleep {LONG} & sleep {LONG} &'",
    "ignoring signals": f"( trap '' INT TERM HUP; exec setsid sleep {LONG} ) &",
    "restarting": f"( while :; do sleep {LONG}; done ) &",
}


def sleeping() -> list[str]:
    """The command lines of this machine that sleep for LONG."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += [line] if LONG in (line := entry.read_text(errors="replace")) else []
    return found


@pytest.mark.parametrize("hiding", HIDERS.values(), ids=HIDERS.keys())
async def test_nothing_that_hides_outlives_its_job(pool: HostPool, hiding: str) -> None:
    outcome = await run(pool, job(script(f"{hiding}\necho started")))
    assert outcome.results() == ["Succeeded"]
    assert "left by a task" in outcome.log_of(3)
    assert sleeping() == []


async def test_a_background_process_serves_the_following_steps(pool: HostPool) -> None:
    steps = (
        script("( while :; do echo tick; sleep 0.01; done ) &\necho $! > pid"),
        script("kill -0 $(cat pid) && echo alive".replace("$(cat pid)", "`cat pid`")),
    )
    message = job(*steps)
    outcome = await run(pool, message)
    assert "alive" in outcome.log(1).split("\n")
    assert nothing_left(message)


async def test_a_timed_out_step_does_not_take_others_background_processes_along(
    pool: HostPool,
) -> None:
    steps = (
        script("sleep 1000 > /dev/null 2>&1 &\necho $! > pid"),
        script("setsid sleep 1000 & sleep 1000", timeout_seconds=0.3, continue_on_error=True),
        script("kill -0 `cat pid` && echo alive"),
    )
    outcome = await run(pool, job(*steps))
    assert "alive" in outcome.log(2).split("\n")


async def test_process_clean_false_leaves_processes_running(
    pool: HostPool, end_later: Callable[[int], None]
) -> None:
    step = script("setsid sleep 1000 > /dev/null 2>&1 &\necho $!")
    message = job(step, variables=[variable("Process.clean", "false")])
    outcome = await run(pool, message)
    pid = int(outcome.log().split("\n")[-2])
    end_later(pid)
    assert descendants.is_alive(pid)
    next_job = await run(pool, job(script("sleep 1000 &\ntrue"), plan_id="other"))
    assert next_job.results() == ["Succeeded"]
    assert descendants.is_alive(pid)

"""Which steps of a job run, and what their results make of it (SEMANTICS 13)."""

import pytest

from quaymaster.protocol.job import JobResult, Step, StepStarted
from quaymaster.runner.pool import HostPool
from tests.runner.make import CMD_LINE, job, run, script, task, variable


async def test_every_step_reports_its_start_and_its_end_in_order(pool: HostPool) -> None:
    outcome = await run(pool, job(script("echo one"), script("echo two")))
    assert [m.step_id for m in outcome.of(StepStarted)] == [1, 2, 100, 101, 3]
    assert outcome.results() == ["Succeeded", "Succeeded"]
    assert outcome.result is JobResult.SUCCEEDED
    assert "two" in outcome.log(1).split("\n")


async def test_after_a_failure_only_steps_that_ask_for_it_run(pool: HostPool) -> None:
    outcome = await run(
        pool,
        job(
            script("exit 3"),
            script("echo no"),
            script("echo yes", condition="failed()"),
            script("echo also", always_run=True),
            script("echo $AGENT_JOBSTATUS", condition="always()"),
        ),
    )
    assert outcome.results() == ["Failed", "Skipped", "Succeeded", "Succeeded", "Succeeded"]
    assert outcome.errors() == ["Bash exited with code '3'."]
    assert "Skipping step due to condition evaluation." in outcome.log(1)
    assert "Failed" in outcome.log(4).split("\n")
    assert outcome.result is JobResult.FAILED


async def test_a_condition_wins_over_always_run(pool: HostPool) -> None:
    steps = script("exit 1"), script("echo x", always_run=True, condition="succeeded()")
    assert (await run(pool, job(*steps))).results() == ["Failed", "Skipped"]


async def test_continue_on_error_softens_a_failure(pool: HostPool) -> None:
    outcome = await run(pool, job(script("exit 1", continue_on_error=True), script("echo on")))
    assert outcome.results() == ["SucceededWithIssues", "Succeeded"]
    assert outcome.result is JobResult.SUCCEEDED_WITH_ISSUES


async def test_a_disabled_step_is_skipped_even_when_nobody_knows_its_task(pool: HostPool) -> None:
    unknown = task("11111111-1111-1111-1111-111111111111", "1.*", {}, enabled=False)
    outcome = await run(pool, job(unknown, script("echo x")))
    assert outcome.results() == ["Skipped", "Succeeded"]


async def test_an_unknown_task_fails_the_job_before_any_step(pool: HostPool) -> None:
    unknown = task("11111111-1111-1111-1111-111111111111", "4.*", {}, task_name="Rocket")
    outcome = await run(pool, job(script("echo first"), unknown))
    assert outcome.results() == ["Skipped", "Skipped"]
    assert outcome.result is JobResult.FAILED
    [issue] = outcome.ended_of(1).issues
    assert "Rocket (11111111-1111-1111-1111-111111111111), version 4.*" in issue.message
    assert "replace it by a script" in issue.message
    assert outcome.ended_of(3).result is JobResult.SUCCEEDED  # Finalize still runs


async def test_an_unavailable_version_names_the_one_there_is(pool: HostPool) -> None:
    outcome = await run(pool, job(task(CMD_LINE, "9.*", {"script": "true"})))
    assert "this runner has 2.*" in outcome.ended_of(1).issues[0].message


async def test_a_condition_that_cannot_be_read_fails_the_job_at_its_start(pool: HostPool) -> None:
    outcome = await run(pool, job(script("echo x", condition="eq(1", display_name="Deploy")))
    assert "The condition of 'Deploy' cannot be read" in outcome.ended_of(1).issues[0].message
    assert outcome.results() == ["Skipped"]


async def test_a_condition_that_cannot_be_evaluated_fails_its_step(pool: HostPool) -> None:
    steps = script("echo x", condition="gt('a', 1) "), script("echo y", condition="gt(1, 'a')")
    outcome = await run(pool, job(*steps))
    assert outcome.results()[1] == "Failed"


@pytest.mark.parametrize(("value", "expected"), [("prod", "Succeeded"), ("test", "Skipped")])
async def test_conditions_see_the_jobs_variables(pool: HostPool, value: str, expected: str) -> None:
    step = script("true", condition="eq(variables['Target'], 'prod')")
    outcome = await run(pool, job(step, variables=[variable("target", value)]))
    assert outcome.results() == [expected]


async def test_a_failed_task_is_tried_again(pool: HostPool) -> None:
    flaky = "if [ -e seen ]; then echo better; else touch seen; exit 1; fi"
    outcome = await run(pool, job(script(flaky, retry_count=2)))
    assert outcome.results() == ["Succeeded"]
    assert "better" in outcome.log().split("\n")
    assert "tried again in 1 second" in outcome.warnings()[0]


async def test_more_than_ten_retries_are_capped_with_a_warning(pool: HostPool) -> None:
    outcome = await run(pool, job(script("true", retry_count=50)))
    assert outcome.warnings() == ["The task asks for 50 retries; 10 is the most."]


async def test_display_names_have_their_macros_replaced(pool: HostPool) -> None:
    message = job(script("true", display_name="To $(where)"), variables=[variable("where", "QA")])
    outcome = await run(pool, message)
    assert outcome.of(StepStarted)[2].display_name == "To QA"
    assert "##[section]Starting: To QA" in outcome.log()


async def test_a_job_without_the_usual_steps_around_fails_cleanly(pool: HostPool) -> None:
    message = job(steps=[Step(id=1, kind="finalize", display_name="Finalize job")])
    assert (await run(pool, message)).result is JobResult.SUCCEEDED

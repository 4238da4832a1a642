"""What logging commands do to the job they are printed in (SEMANTICS 15)."""

from pathlib import Path

from quaymaster.protocol.job import (
    Attachment,
    Detail,
    JobResult,
    OutputVariable,
    ReleaseRenamed,
    StepProgress,
)
from quaymaster.runner.pool import HostPool
from tests.runner.make import COPY_FILES, job, run, script, secret, task, variable


async def test_a_variable_is_set_for_the_following_steps(pool: HostPool) -> None:
    setter = script("echo '##vso[task.setvariable variable=colour]blue'; echo \"now:$COLOUR\"")
    reader = script('echo "then:$COLOUR:$(colour)"', condition="eq(variables.colour, 'blue')")
    outcome = await run(pool, job(setter, reader))
    assert "now:" in outcome.log(0).split("\n")
    assert "then:blue:blue" in outcome.log(1).split("\n")
    assert "##vso" not in outcome.log(0).split("Starting Command Output")[1]


async def test_an_output_is_known_by_the_name_of_its_step(pool: HostPool) -> None:
    setter = script(
        "echo '##vso[task.setvariable variable=o;isoutput=true]v'", reference_name="build1"
    )
    outcome = await run(pool, job(setter, script("echo $(build1.o) $BUILD1_O '[$(o)]'")))
    assert "v v [$(o)]" in outcome.log(1).split("\n")
    [sent] = outcome.of(OutputVariable)
    assert (sent.name, sent.value, sent.is_secret) == ("build1.o", "v", False)


async def test_a_secret_output_is_announced_without_its_value(pool: HostPool) -> None:
    setter = script(
        "echo '##vso[task.setvariable variable=o;isoutput=true;issecret=true]'hush-hush",
        reference_name="s",
    )
    outcome = await run(pool, job(setter, script("echo $(s.o)")))
    [sent] = outcome.of(OutputVariable)
    assert (sent.value, sent.is_secret) == ("", True)
    assert "***" in outcome.log(1).split("\n")


async def test_no_secret_is_shown_in_the_name_of_anything(pool: HostPool) -> None:
    lines = (
        "##vso[task.setvariable variable=x$(token);isoutput=true]v",
        "##vso[task.logissue type=error;y$(token)=1]broken",
    )
    told = script("\n".join(f"echo '{line}'" for line in lines), reference_name="s")
    outcome = await run(pool, job(told, variables=[secret("token", "hush-hush")]))
    assert [sent.name for sent in outcome.of(OutputVariable)] == ["s.x***"]
    [issue] = outcome.ended().issues
    assert "y***" in issue.data
    assert "hush-hush" not in outcome.everything()


async def test_setting_a_read_only_variable_warns(pool: HostPool) -> None:
    setter = script("echo '##vso[task.setvariable variable=Agent.Name]me'")
    outcome = await run(pool, job(setter))
    assert "read-only" in outcome.warnings()[0]


async def test_a_failed_try_is_printed_with_a_warning(pool: HostPool) -> None:
    tries = "##vso[task.debug", "##vso", "##vso(task.debug)x"
    outcome = await run(pool, job(script("\n".join(f"echo '{one}'" for one in tries))))
    assert set(tries) <= set(outcome.log(0).split("\n"))
    assert ["could not be read" in one for one in outcome.warnings()] == [True] * 3


async def test_what_is_for_builds_is_warned_of_in_a_release(pool: HostPool) -> None:
    share = "artifact.associate artifactname=drop]\\\\server\\share"
    lines = ("build.addbuildtag]shipped", "build.updatebuildnumber]7", share)
    told = "; ".join(f"echo '##vso[{line}'" for line in lines)
    outcome = await run(pool, job(script(told)))
    assert outcome.results() == ["Succeeded"]
    assert outcome.warnings() == [
        f"{what} is for builds; nothing was kept."
        for what in ("AddBuildTag", "UpdateBuildNumber", "ArtifactAssociate")
    ]


async def test_a_directory_is_put_in_front_of_the_path(pool: HostPool, tmp_path: Path) -> None:
    (tmp_path / "greet").write_text("#!/bin/sh\necho hello from the path\n")
    (tmp_path / "greet").chmod(0o755)
    steps = script(f"echo '##vso[task.prependpath]{tmp_path}'"), script("greet")
    outcome = await run(pool, job(*steps))
    assert "hello from the path" in outcome.log(1).split("\n")


async def test_an_error_issue_alone_does_not_fail_the_step(pool: HostPool) -> None:
    line = "##vso[task.logissue type=error;sourcepath=a.py;linenumber=3]broken"
    outcome = await run(pool, job(script(f"echo '{line}'")))
    assert outcome.results() == ["Succeeded"]
    [issue] = outcome.ended().issues
    assert issue.message == "broken"
    assert issue.data["sourcepath"] == "a.py"
    assert int(issue.data["logFileLineNumber"]) > 0


async def test_at_most_ten_issues_are_kept_and_all_are_counted(pool: HostPool) -> None:
    line = "##vso[task.logissue type=warning]w"
    outcome = await run(pool, job(script(f"for i in $(seq 25); do echo '{line}'; done")))
    assert len(outcome.ended().issues) == 10
    assert outcome.ended().warning_count == 25


async def test_a_task_decides_its_own_result(pool: HostPool) -> None:
    steps = [
        script(f"echo '##vso[task.complete result={result}]'; exit 0", condition="always()")
        for result in ("SucceededWithIssues", "Failed", "Skipped")
    ]
    outcome = await run(pool, job(*steps))
    assert outcome.results() == ["SucceededWithIssues", "Failed", "Skipped"]
    assert outcome.result is JobResult.FAILED


async def test_done_ends_a_step_whose_process_lives_on(pool: HostPool) -> None:
    outcome = await run(
        pool, job(script("echo '##vso[task.complete result=Succeeded;done=true]'; sleep 1000"))
    )
    assert outcome.results() == ["Succeeded"]


async def test_a_broken_command_fails_the_step_and_shows_why(pool: HostPool) -> None:
    outcome = await run(pool, job(script("echo '##vso[task.complete]x'")))
    assert outcome.results() == ["Failed"]
    assert "result" in outcome.errors()[0]


async def test_what_only_looks_like_a_command_is_printed_with_a_warning(pool: HostPool) -> None:
    outcome = await run(pool, job(script("echo '##vso[task]x'; echo '##vso[nothing'")))
    assert outcome.results() == ["Succeeded"]
    assert "##vso[task]x" in outcome.log().split("\n")
    assert len(outcome.warnings()) == 2


async def test_progress_details_and_release_names_are_passed_on(pool: HostPool) -> None:
    detail = "id=3a3a2a60-14c7-570b-14a4-fa42ad92f52a;name=part;type=build"
    text = (
        "echo '##vso[task.setprogress value=40]copying'\n"
        "echo '##vso[release.updatereleasename]Night run'\n"
        f"echo '##vso[task.logdetail {detail}]'\n"
    )
    outcome = await run(pool, job(script(text), script('echo "$RELEASE_RELEASENAME"')))
    progress = outcome.of(StepProgress)[0]
    assert (progress.percent, progress.operation) == (40, "copying")
    assert [renamed.name for renamed in outcome.of(ReleaseRenamed)] == ["Night run"]
    assert outcome.of(Detail)[0].fields["name"] == "part"
    assert "Night run" in outcome.log(1).split("\n")


async def test_files_can_be_attached_when_they_exist(pool: HostPool, tmp_path: Path) -> None:
    (tmp_path / "s.md").write_text("# Summary")
    steps = (
        script(f"echo '##vso[task.uploadsummary]{tmp_path}/s.md'"),
        script(f"echo '##vso[task.addattachment type=t;name=n]{tmp_path}/missing'"),
    )
    outcome = await run(pool, job(*steps))
    [attachment] = outcome.of(Attachment)
    assert (attachment.attachment_type, attachment.name) == ("DistributedTask.Core.Summary", "s.md")
    assert outcome.results() == ["Succeeded", "Failed"]


async def test_debug_lines_show_only_when_debugging(pool: HostPool) -> None:
    step = script("echo '##vso[task.debug]inner'; echo '##vso[task.setvariable variable=a]b'")
    quiet = await run(pool, job(step))
    loud = await run(pool, job(step, variables=[variable("System.Debug", "true")]))
    assert "##[debug]inner" not in quiet.log()
    assert "##[debug]inner" in loud.log().split("\n")
    assert "##[debug]Processed: ##vso[task.setvariable variable=a]b" in loud.log().split("\n")


async def test_a_restricted_task_prints_commands_as_text(pool: HostPool, tmp_path: Path) -> None:
    evil = tmp_path / "##vso[task.setvariable variable=x]pwned"
    evil.write_text("")
    inputs = {"SourceFolder": str(tmp_path), "TargetFolder": str(tmp_path / "out")}
    outcome = await run(pool, job(task(COPY_FILES, "2.*", inputs), script('echo "[$X]"')))
    assert "[]" in outcome.log(1).split("\n")


async def test_a_broken_setendpoint_names_the_missing_connection(pool: HostPool) -> None:
    line = (
        "##vso[task.setendpoint id=3a3a2a60-14c7-570b-14a4-fa42ad92f52a;"
        "field=authParameter;key=k]topsecretvalue"
    )
    outcome = await run(pool, job(script(f"echo '{line}'; echo topsecretvalue")))
    assert "has no connection" in outcome.errors()[0]
    assert outcome.log().split("\n")[-2] == "***"


async def test_loops_between_variables_warn_and_end(pool: HostPool) -> None:
    loop = [variable("a", "$(b)"), variable("b", "$(a)"), secret("pw", "p4ssw0rd")]
    outcome = await run(pool, job(script("echo ok"), variables=loop, artifacts=[]))
    assert outcome.results() == ["Succeeded"]
    assert any("'a'" in warning for warning in outcome.warnings())

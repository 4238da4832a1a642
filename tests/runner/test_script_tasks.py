"""What scripts are given and how they fail (SEMANTICS 16, 18.13)."""

import shutil
from pathlib import Path

import pytest

from quaymaster.protocol.job import RunJob
from quaymaster.runner.pool import HostPool
from tests.runner.make import BASH, POWERSHELL, PYTHON, job, run, script, secret, task, variable


async def test_a_command_line_runs_in_the_artifacts_directory(
    pool: HostPool, tmp_path: Path
) -> None:
    outcome = await run(pool, job(script("pwd\necho $0"), work_directory=str(tmp_path)))
    lines = outcome.log().split("\n")
    assert str(tmp_path / "r1" / "a") in lines
    assert any(line.startswith(str(tmp_path / "_temp")) for line in lines)


async def test_a_one_line_script_is_shown_and_a_longer_one_is_not(pool: HostPool) -> None:
    outcome = await run(pool, job(script("echo one"), script("echo a\necho b")))
    assert "Script contents:" in outcome.log(0)
    assert "Script contents:" not in outcome.log(1)


async def test_a_script_that_is_a_path_is_executed(pool: HostPool, tmp_path: Path) -> None:
    program = tmp_path / "it's a program"
    program.write_text("#!/bin/sh\necho from the file\n")
    program.chmod(0o755)
    outcome = await run(pool, job(script(str(program))))
    assert "from the file" in outcome.log().split("\n")


async def test_windows_line_ends_do_not_disturb_bash(pool: HostPool) -> None:
    outcome = await run(pool, job(script("echo a\r\necho b\r\n")))
    assert outcome.log().split("\n")[-3:-1] == ["a", "b"]


async def test_a_missing_working_directory_is_named(pool: HostPool) -> None:
    step = script("true", inputs={"workingDirectory": "not/there"})
    outcome = await run(pool, job(step))
    [error] = outcome.errors()
    assert error.endswith("/a/not/there does not exist.")


async def test_standard_error_fails_only_steps_that_ask_for_it(pool: HostPool) -> None:
    noisy = "echo out; echo problem >&2"
    steps = script(noisy), script(noisy, inputs={"failOnStderr": "true"})
    outcome = await run(pool, job(*steps))
    assert outcome.results() == ["Succeeded", "Failed"]
    assert outcome.errors(1) == [
        "The script wrote one or more lines to the standard error stream.",
        "problem",
    ]
    assert "problem" in outcome.log(0).split("\n")


async def test_a_script_that_kills_its_parent_fails_its_own_task_only(pool: HostPool) -> None:
    steps = (
        script("kill -9 $PPID; sleep 100", continue_on_error=True),
        script("echo still here"),
    )
    outcome = await run(pool, job(*steps))
    assert outcome.results() == ["SucceededWithIssues", "Succeeded"]
    assert outcome.errors() == ["Bash was ended by signal 9: it, or its parent, was killed."]


async def test_a_script_killed_by_a_signal_says_so(pool: HostPool) -> None:
    outcome = await run(pool, job(script("kill -9 $$")))
    assert outcome.errors() == ["Bash exited with code '137'."]


async def test_variables_and_the_environment_map_reach_the_script(pool: HostPool) -> None:
    step = script(
        'echo "$MY_VAR|$FROM_MAP|$(my.var)|$(HOME)"', environment={"FROM_MAP": "<$(my.var)>"}
    )
    outcome = await run(
        pool, job(step, variables=[variable("my.var", "v$(x)"), variable("x", "1")])
    )
    home = str(Path.home())
    assert f"v1|<v1>|v1|{home}" in outcome.log().split("\n")


async def test_a_secret_reaches_a_script_only_by_input_or_environment_map(pool: HostPool) -> None:
    step = script(
        '[ -z "$PW" ] && [ -z "$SECRET_PW" ] && [ "$MAPPED" = "$(pw)" ] && echo "as it should"',
        environment={"MAPPED": "$(pw)"},
    )
    outcome = await run(pool, job(step, variables=[secret("pw", "hunter2hunter2")]))
    assert "as it should" in outcome.log().split("\n")


SIGNS_IN = (
    *("QUAYMASTER_ADMIN_TOKEN", "PGPASSWORD", "SERVICE_ACCOUNT", "IDENTITY_HEADER"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_CLIENT_SECRET", "GOOGLE_APPLICATION_CREDENTIALS"),
)


async def test_the_products_own_settings_are_hidden_from_scripts(
    pool: HostPool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in SIGNS_IN:
        monkeypatch.setenv(name, "very-secret")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    fresh = HostPool(1, tmp_path)
    step = script("env | grep -c very-[s]ecret; echo \"$https_proxy\" '$(AWS_SECRET_ACCESS_KEY)'")
    outcome = await run(fresh, job(step))
    await fresh.close()
    assert outcome.log().split("\n")[-3] == "0"
    assert "http://proxy.example:3128" in outcome.log().split("\n")[-2]
    assert "very-secret" not in outcome.log()


async def test_predefined_variables_tell_where_the_job_runs(pool: HostPool, tmp_path: Path) -> None:
    step = script("echo $AGENT_RELEASEDIRECTORY; echo $AGENT_TEMPDIRECTORY; echo $AGENT_OS")
    outcome = await run(pool, job(step, work_directory=str(tmp_path)))
    lines = outcome.log().split("\n")
    assert str(tmp_path / "r1" / "a") in lines
    assert str(tmp_path / "_temp") in lines


async def test_a_value_too_large_for_a_process_is_left_out_with_a_warning(pool: HostPool) -> None:
    outcome = await run(pool, job(script("true"), variables=[variable("big", "x" * 200_000)]))
    assert outcome.results() == ["Succeeded"]
    assert "BIG cannot be put into the environment" in outcome.warnings()[0]


async def test_strange_variable_names_do_not_break_a_task(pool: HostPool) -> None:
    strange = [variable("a=b", "1"), variable("nul", "a\0b"), variable("ok", "fine")]
    outcome = await run(pool, job(script("echo $OK"), variables=strange))
    assert outcome.results() == ["Succeeded"]
    assert len(outcome.warnings()) == 2


async def test_bash_runs_a_file_with_arguments(pool: HostPool, tmp_path: Path) -> None:
    file = tmp_path / "say it.sh"
    file.write_text('echo "$1-$2"\n')
    inputs = {"targetType": "filePath", "filePath": str(file), "arguments": "'a b' c"}
    outcome = await run(pool, job(task(BASH, "3.*", inputs)))
    assert "a b-c" in outcome.log().split("\n")


async def test_bash_names_a_file_that_is_not_there(pool: HostPool) -> None:
    outcome = await run(pool, job(task(BASH, "3.*", {"filePath": "/no/such.sh"})))
    assert outcome.errors() == [
        "Invalid file path '/no/such.sh': input filePath must name an existing file."
    ]


async def test_python_runs_inline_and_with_arguments(pool: HostPool, tmp_path: Path) -> None:
    file = tmp_path / "s.py"
    file.write_text("import sys; print(sys.argv[1:])")
    inline = {"scriptSource": "inline", "script": "print(6 * 7)"}
    from_file = {"scriptPath": str(file), "arguments": '--x "a b"'}
    outcome = await run(pool, job(task(PYTHON, "0.*", inline), task(PYTHON, "0.*", from_file)))
    assert "42" in outcome.log(0).split("\n")
    assert "['--x', 'a b']" in outcome.log(1).split("\n")


async def test_a_python_error_fails_the_task(pool: HostPool) -> None:
    step = task(PYTHON, "0.*", {"scriptSource": "inline", "script": "raise SystemExit(4)"})
    assert (await run(pool, job(step))).errors() == ["Python exited with code '4'."]


@pytest.mark.skipif(shutil.which("pwsh") is not None, reason="pwsh is installed here")
async def test_without_pwsh_the_powershell_task_says_so_in_one_sentence(pool: HostPool) -> None:
    step = task(POWERSHELL, "2.*", {"targetType": "inline", "script": "Write-Host hello"})
    [error] = (await run(pool, job(step))).errors()
    assert error.startswith("pwsh was not found on this machine")


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="pwsh is not installed here")
async def test_powershell_runs_inline(pool: HostPool) -> None:
    step = task(POWERSHELL, "2.*", {"targetType": "inline", "script": "Write-Host (6*7)"})
    assert "42" in (await run(pool, job(step))).log().split("\n")


# What PowerShell itself does is Microsoft's; what it is told is ours: a stand-in shows it.
STAND_IN = """#!/bin/sh
for argument in "$@"; do echo "argument: $argument"; done
file=$(echo "$5" | sed "s/^. '//; s/'$//")
tail -c +4 "$file"
exit ${STAND_IN_EXIT:-0}
"""


def with_stand_in(folder: Path, inputs: dict[str, str], exits: int = 0) -> RunJob:
    """A job that runs the PowerShell task where the stand-in is the first pwsh of the PATH."""
    pwsh = folder / "programs" / "pwsh"
    pwsh.parent.mkdir()
    pwsh.write_text(STAND_IN)
    pwsh.chmod(0o755)
    step = task(POWERSHELL, "2.*", inputs)
    exit_code = variable("Stand.In.Exit", str(exits))
    return job(script(f"echo '##vso[task.prependpath]{pwsh.parent}'"), step, variables=[exit_code])


async def test_powershell_is_told_the_script_with_its_preferences(
    pool: HostPool, tmp_path: Path
) -> None:
    inputs = {"targetType": "inline", "script": "Write-Host hello", "warningPreference": "stop"}
    outcome = await run(pool, with_stand_in(tmp_path, inputs))
    lines = outcome.log(1).split("\n")
    assert [line for line in lines if line.startswith("argument: -")] == [
        "argument: -NoLogo",
        "argument: -NoProfile",
        "argument: -NonInteractive",
        "argument: -Command",
    ]
    body = lines[lines.index("$ErrorActionPreference = 'stop'") :]
    assert body[:4] == [
        "$ErrorActionPreference = 'stop'",
        "$WarningPreference = 'stop'",
        "$ProgressPreference = 'silentlyContinue'",
        "Write-Host hello",
    ]
    assert "else { exit $LASTEXITCODE }" in body


async def test_powershell_runs_a_file_with_arguments_and_ignores_an_exit_code(
    pool: HostPool, tmp_path: Path
) -> None:
    file = tmp_path / "it's.ps1"
    file.write_text("exit 3")
    inputs = {"filePath": str(file), "arguments": "-Name x", "ignoreLASTEXITCODE": "true"}
    outcome = await run(pool, with_stand_in(tmp_path, inputs))
    assert f". '{tmp_path}/it''s.ps1' -Name x" in outcome.log(1).split("\n")
    assert "LASTEXITCODE" not in outcome.log(1)


async def test_a_failing_powershell_fails_its_task(pool: HostPool, tmp_path: Path) -> None:
    inputs = {"targetType": "inline", "script": "throw 'no'"}
    outcome = await run(pool, with_stand_in(tmp_path, inputs, exits=5))
    assert outcome.errors(1) == ["PowerShell exited with code '5'."]


async def test_a_powershell_script_that_is_no_ps1_is_refused(
    pool: HostPool, tmp_path: Path
) -> None:
    file = tmp_path / "run.sh"
    file.write_text("true")
    outcome = await run(pool, with_stand_in(tmp_path, {"filePath": str(file)}))
    assert "must name a .ps1 file" in outcome.errors(1)[0]

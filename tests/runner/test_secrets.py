"""No secret leaves a host in any form (RELIABILITY R-17 to R-19, invariant I8)."""

import base64
import json
from urllib.parse import quote

import pytest

from quaymaster.protocol.job import ArtifactFiles, ArtifactNamed, Endpoint
from quaymaster.runner.pool import HostPool
from tests.runner.make import job, run, script, secret, variable

CANARY = 'k4nar/y&"quoted" pa$$;w%rd'
PEM = "-----BEGIN KEY-----\nMIIabcdefgh\nijklmnopqr\n-----END KEY-----"

FORMS = {
    "raw": CANARY,
    "json": json.dumps(CANARY),
    "url": quote(CANARY, safe=""),
    "base64": base64.b64encode(CANARY.encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
async def test_a_printed_secret_is_masked(pool: HostPool, form: str) -> None:
    step = script(
        "printf '%s\\n' \"$SHOWN\"; printf '%s\\n' \"$SHOWN\" >&2; exit 1",
        environment={"SHOWN": form},
        display_name=f"Deploy with {form}",
    )
    outcome = await run(pool, job(step, variables=[secret("canary", CANARY)]))
    assert outcome.log().count("***") >= 3
    assert form not in outcome.everything()
    assert CANARY not in outcome.everything()


async def test_a_secret_split_over_two_writes_is_masked(pool: HostPool) -> None:
    step = script("printf 'ab-first'; sleep 0.5; printf 'second-yz\\n'; true")
    outcome = await run(pool, job(step, variables=[secret("s", "first" + "second")]))
    assert "ab-***-yz" in outcome.log().split("\n")


async def test_a_secret_of_several_lines_is_masked_line_by_line(pool: HostPool) -> None:
    step = script('echo "$PEM"; echo ijklmnopqr', environment={"PEM": "$(pem)"})
    outcome = await run(pool, job(step, variables=[secret("pem", PEM)]))
    for line in PEM.split("\n"):
        assert line not in outcome.everything()


async def test_a_variable_that_takes_a_secret_in_is_secret_itself(pool: HostPool) -> None:
    variables = [secret("pw", "hunter2hunter2"), variable("url", "db://app/$(pw)/x")]
    outcome = await run(pool, job(script('echo "[$URL]"; echo $(url)'), variables=variables))
    assert "[]" in outcome.log().split("\n")
    assert "hunter2" not in outcome.everything()


@pytest.mark.parametrize(
    "text",
    [
        "##vso[task.logissue type=error]hunter2hunter2",
        "##vso[task.setprogress value=5]hunter2hunter2",
        "##vso[release.updatereleasename]hunter2hunter2",
        "##vso[task.setvariable variable=o;isoutput=true]x hunter2hunter2",
        "##vso[task.complete result=Failed]hunter2hunter2",
        "##vso[task.nothing]hunter2hunter2",
        "##vso[broken hunter2hunter2",
    ],
)
async def test_no_command_carries_a_secret_out(pool: HostPool, text: str) -> None:
    step = script('printf "%s\\n" "$SHOWN"', environment={"SHOWN": text}, reference_name="r")
    variables = [secret("pw", "hunter2hunter2"), variable("System.Debug", "true")]
    outcome = await run(pool, job(step, variables=variables))
    assert "hunter2" not in outcome.everything()


@pytest.mark.parametrize(
    "command",
    [
        "##vso[task.setsecret]",
        "##vso[task.setvariable variable=a;issecret=true]",
        "##vso[task.setvariable variable=a;issecret=true]first%0A",
        "##vso[task.setendpoint id=none;field=authParameter;key=k]",
        "##vso[no.such issecret=true]",
    ],
)
async def test_the_echo_of_a_command_does_not_show_its_secret(pool: HostPool, command: str) -> None:
    step = script(f"echo '{command}'hunter'2-canary'")
    outcome = await run(pool, job(step, variables=[variable("System.Debug", "true")]))
    assert "Processed: ##vso[" in outcome.log()
    assert "hunter2-canary" not in outcome.everything()


async def test_errors_about_conditions_and_skips_are_masked(pool: HostPool) -> None:
    steps = (
        script("true", condition="eq(variables.pw, 'x')"),
        script("true", condition="gt(1, variables.pw)"),
        script("true", inputs={"workingDirectory": "/no/hunter2hunter2"}),
    )
    outcome = await run(pool, job(*steps, variables=[secret("pw", "hunter2hunter2")]))
    assert outcome.results() == ["Skipped", "Failed", "Skipped"]
    assert "hunter2" not in outcome.everything()


async def test_what_signs_in_to_a_connection_is_masked(pool: HostPool) -> None:
    endpoint = Endpoint(
        "id", "prod", "generic", parameters={"username": "deployer", "password": "t0psecret!"}
    )
    outcome = await run(pool, job(script("echo deployer t0psecret!"), endpoints=[endpoint]))
    assert "deployer ***" in outcome.log().split("\n")


def test_records_do_not_show_secrets_when_printed() -> None:
    message = job(script("true"), variables=[secret("pw", "hunter2hunter2")], token="fence-9")
    assert "hunter2" not in repr(message.variables)
    assert "fence-9" not in repr(message)
    assert "hunter2" not in repr(message)


async def test_a_short_secret_is_masked_and_warned_of(pool: HostPool) -> None:
    variables = [secret("pin", "xq9"), secret("empty", "")]
    outcome = await run(pool, job(script("echo axq9b"), variables=variables))
    assert "a***b" in outcome.log().split("\n")
    [warning] = outcome.ended_of(1).issues
    assert "fewer than 4 characters: pin." in warning.message


async def test_the_shortest_secret_to_mask_can_be_set(pool: HostPool) -> None:
    variables = [secret("pin", "xq9"), variable("AZP_IGNORE_SECRETS_SHORTER_THAN", "5")]
    outcome = await run(pool, job(script("echo axq9b"), variables=variables))
    assert "axq9b" in outcome.log().split("\n")


async def test_what_a_step_publishes_names_no_secret_but_reads_its_file(pool: HostPool) -> None:
    lines = (
        "artifact.upload artifactname=hunter2hunter2]/builds/hunter2hunter2/out",
        "artifact.upload artifactname=drop;containerfolder=drop/hunter2hunter2]/builds/out",
        "artifact.associate artifactname=a;type=hunter2hunter2;hunter2hunter2=x]/docs",
    )
    step = script("\n".join(f"echo '##vso[{line}'" for line in lines))
    variables = [secret("pw", "hunter2hunter2")]
    outcome = await run(pool, job(step, variables=variables, host_type="build"))
    named, placed = outcome.of(ArtifactFiles)
    assert (named.name, named.folder, named.shown_path) == ("***", "***", "/builds/***/out")
    assert named.path == "/builds/hunter2hunter2/out"
    assert (placed.name, placed.folder) == ("drop", "drop/***")
    [elsewhere] = outcome.of(ArtifactNamed)
    assert (elsewhere.artifact_type, dict(elsewhere.properties)) == ("***", {"***": "x"})

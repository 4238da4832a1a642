"""Unmodified tasks for Node run with the published task library (SEMANTICS 13, 16, 18)."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from quaymaster.protocol.job import Endpoint, JobResult, OutputVariable, ReleaseRenamed, Step
from quaymaster.runner.pool import HostPool
from quaymaster.runner.tasks.installed.directory import TaskDirectory
from tests.runner.installed_tasks import PUBLISH, SESSION, TOOLBOX, install_all, libraries
from tests.runner.make import (
    Outcome,
    Watched,
    job,
    run,
    script,
    secret,
    task,
    variable,
)

KEY = "k3y-of-the-api/+=;%]"
PASSWORD = "pass;word]with%signs"
SITE = Endpoint(
    id="7F3C3A0E-0000-4000-8000-00000000000A",
    name="Site",
    type="generic",
    url="https://site.example.com",
    scheme="UsernamePassword",
    parameters={"username": "deployer", "password": PASSWORD},
    data={"site.region": "north"},
)
SYSTEM = Endpoint(
    id="SYSTEMVSSCONNECTION",
    name="SystemVssConnection",
    type="System",
    url="http://127.0.0.1/default/",
    scheme="OAuth",
    parameters={"AccessToken": ""},
)


@pytest.fixture(scope="session")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> TaskDirectory:
    modules = libraries()
    root = tmp_path_factory.mktemp("installed")
    return install_all(root / "tasks", modules, root)


async def played(pool: HostPool, tasks: TaskDirectory, *steps: Step, **fields: Any) -> Outcome:
    """The outcome of a job that has these tasks, a site and a secret."""
    given = {"connections": [SITE, SYSTEM], "variables": [secret("Api.Key", KEY)], **fields}
    message = job(
        *steps,
        variables=given["variables"],
        endpoints=given["connections"],
        tasks_directory=str(tasks.path),
    )
    return await run(pool, message)


def publish(**inputs: str) -> Step:
    return task(PUBLISH, "2.*", {"connection": SITE.id, **inputs}, reference_name="site")


def told(outcome: Outcome, step: int = 0) -> dict[str, Any]:
    [line] = [line for line in outcome.log(step).split("\n") if line.startswith("told ")]
    answer: dict[str, Any] = json.loads(line.removeprefix("told "))
    return answer


async def test_a_task_gets_its_inputs_and_their_defaults(
    pool: HostPool, tasks: TaskDirectory
) -> None:
    outcome = await played(
        pool, tasks, publish(tags=" a,,b ", folder="site", mode="full"), script("mkdir site")
    )
    assert outcome.results()[0] == "Failed"  # there is no such folder yet
    assert "Not found folder" in outcome.errors()[0]
    made = script("mkdir -p site")
    outcome = await played(pool, tasks, made, publish(tags=" a,,b ", folder="site", verify="no"))
    answer = told(outcome, 1)
    assert (answer["mode"], answer["retries"], answer["verify"]) == ("quick", "3", False)
    assert answer["tags"] == ["a", "b"]
    assert answer["folderSupplied"] is True
    assert answer["folder"].endswith("/a/site")
    assert answer["workingDirectory"] == answer["folder"].removesuffix("/site")
    assert outcome.ended(1).task_version == "2.4.1"


async def test_an_empty_path_is_the_artifacts_directory(
    pool: HostPool, tasks: TaskDirectory
) -> None:
    answer = told(await played(pool, tasks, publish()))
    assert answer["folder"] == answer["workingDirectory"]
    assert (answer["folderSupplied"], answer["verify"], answer["assertsAgent"]) == (
        False,
        True,
        True,
    )


async def test_a_task_gets_the_connections_that_its_inputs_name(
    pool: HostPool, tasks: TaskDirectory
) -> None:
    answer = told(await played(pool, tasks, publish()))
    assert answer["url"] == SITE.url
    assert (answer["scheme"], answer["user"]) == ("UsernamePassword", "deployer")
    assert answer["passwordLength"] == len(PASSWORD)
    assert answer["region"] == "north"
    assert answer["systemToken"] == ""
    assert answer["jobStatus"] == ["Succeeded", "Succeeded"]  # SEMANTICS 17.5 has both names


async def test_an_input_may_go_by_its_alias(pool: HostPool, tasks: TaskDirectory) -> None:
    step = task(PUBLISH, "2.4.1", {"siteConnection": SITE.id})
    assert told(await played(pool, tasks, step))["url"] == SITE.url


async def test_a_connection_may_be_named_instead_of_its_id(
    pool: HostPool, tasks: TaskDirectory
) -> None:
    answer = told(await played(pool, tasks, publish(connection="site")))
    assert (answer["url"], answer["passwordLength"]) == (SITE.url, len(PASSWORD))


async def test_a_connection_that_is_not_there_fails_the_task_and_others_stay_unknown(
    pool: HostPool, tasks: TaskDirectory
) -> None:
    other = msgspec.structs.replace(SITE, id="7f3c3a0e-0000-4000-8000-00000000000b")
    outcome = await played(pool, tasks, publish(), connections=[other])
    assert outcome.results() == ["Failed"]
    assert f"no service connection {SITE.id}" in outcome.errors()[0]
    seen = "env | grep -c ENDPOINT_ || true"
    outcome = await played(pool, tasks, script(seen))
    assert "0" in outcome.log().split("\n")


async def test_the_library_finds_secrets_and_hides_them_from_child_processes(
    pool: HostPool, tasks: TaskDirectory
) -> None:
    answer = told(await played(pool, tasks, publish()))
    assert answer["secretLength"] == len(KEY)
    assert answer["secretsInEnvironment"] == []


async def test_what_the_library_echoes_of_secrets_is_masked(
    pool: HostPool, tasks: TaskDirectory
) -> None:
    debug = variable("System.Debug", "true")
    outcome = await played(pool, tasks, publish(), variables=[secret("Api.Key", KEY), debug])
    assert "the key is ***" in outcome.log().split("\n")
    assert "##[debug]Api.Key=***" in outcome.log().split("\n")
    assert "##[debug]verify=true" in outcome.log().split("\n")
    assert KEY not in outcome.everything()
    assert PASSWORD not in outcome.everything()


@pytest.mark.parametrize(
    ("outcome", "result", "issues"),
    [
        ("Succeeded", "Succeeded", [("warning", "An old certificate")]),
        ("Issues", "SucceededWithIssues", [("warning", "Two pages are slow")]),
        ("Failed", "Failed", [("error", "The site did not answer")]),
    ],
)
async def test_the_result_is_the_one_the_task_sets(
    pool: HostPool, tasks: TaskDirectory, outcome: str, result: str, issues: list[tuple[str, str]]
) -> None:
    found = await played(pool, tasks, publish(outcome=outcome))
    assert found.results() == [result]
    assert [(i.type, i.message) for i in found.ended().issues] == issues


async def test_a_result_that_agents_do_not_know_fails_the_step(
    pool: HostPool, tasks: TaskDirectory
) -> None:
    outcome = await played(pool, tasks, publish(outcome="Cancelled"))
    assert outcome.results() == ["Failed"]
    assert "must be one of" in outcome.errors()[-1]


async def test_an_exit_code_fails_the_step(pool: HostPool, tasks: TaskDirectory) -> None:
    outcome = await played(pool, tasks, publish(outcome="Exits"))
    assert outcome.errors() == [
        "node ended with exit code 3 while it ran index.js of Task PublishSite 2.4.1."
    ]


async def test_a_task_that_is_done_is_ended_although_it_lingers(
    pool: HostPool, tasks: TaskDirectory
) -> None:
    outcome = await played(pool, tasks, publish(outcome="Lingers"), script("echo next"))
    assert outcome.results() == ["Succeeded", "Succeeded"]
    assert "still here" in outcome.log().split("\n")


async def test_outputs_and_variables_reach_the_following_steps(
    pool: HostPool, tasks: TaskDirectory
) -> None:
    reader = script("echo $(site.siteUrl) $SITE_SITEURL '[$(siteUrl)]' $PLAIN")
    outcome = await played(pool, tasks, publish(), reader)
    url = f"{SITE.url}/live"
    assert f"{url} {url} [$(siteUrl)] seen by later steps" in outcome.log(1).split("\n")
    assert [(sent.name, sent.value) for sent in outcome.of(OutputVariable)] == [
        ("site.siteUrl", url)
    ]


async def test_messages_of_the_task_are_found(pool: HostPool, tasks: TaskDirectory) -> None:
    outcome = await played(pool, tasks, publish())
    assert f"The site is {SITE.url} in mode quick" in outcome.log().split("\n")


async def test_a_tool_is_cached_for_the_jobs_to_come(pool: HostPool, tasks: TaskDirectory) -> None:
    tool = task(TOOLBOX, "1.*", {"tool": f"greeter-{tasks.path.parent.name}"})
    first = await played(pool, tasks, tool, script(f"greeter-{tasks.path.parent.name}"))
    assert first.results() == ["Succeeded", "Succeeded"]
    assert "made anew" in first.log().split("\n")
    assert "hello from" in first.log(1)
    assert f"runs in {tasks.path}/Toolbox_{TOOLBOX}/1.0.7" in first.log().split("\n")
    both = [msgspec.structs.replace(tool), msgspec.structs.replace(tool)]
    again = await played(pool, tasks, *both)
    assert "from the cache" in again.log(1).split("\n")


def session(name: str, section: Any, number: int, **step: Any) -> Step:
    condition = "always()" if section == "post" else ""
    return task(
        SESSION,
        "1.2.0",
        {"name": name},
        section=section,
        task_number=number,
        condition=condition,
        **step,
    )


async def test_the_sections_of_a_task_share_its_variables(
    pool: HostPool, tasks: TaskDirectory
) -> None:
    steps = [
        session("a", "pre", 1),
        session("bb", "pre", 2),
        session("a", "main", 1),
        session("bb", "main", 2),
        script("exit 1"),
        session("bb", "post", 2),
        session("a", "post", 1),
    ]
    outcome = await played(pool, tasks, *steps)
    assert "used a 11 ***" in outcome.log(2).split("\n")
    assert "used bb 12 ***" in outcome.log(3).split("\n")
    assert "closed bb 12 while Failed" in outcome.log(5).split("\n")
    assert "closed a 11 while Failed" in outcome.log(6).split("\n")
    assert "handle-of-a" not in outcome.everything()
    assert outcome.result is JobResult.FAILED


async def test_a_restricted_task_sets_only_what_it_may(
    pool: HostPool, tasks: TaskDirectory
) -> None:
    reader = script("echo $SESSIONNAME '$(other)'")
    outcome = await played(pool, tasks, session("a", "pre", 1), reader)
    assert outcome.results() == ["Succeeded", "Succeeded"]
    assert "a $(other)" in outcome.log(1).split("\n")
    variable_refused, rename_refused = outcome.warnings()
    assert "may not set 'other'" in variable_refused
    assert "updatereleasename" in rename_refused
    assert not outcome.of(ReleaseRenamed)


async def test_a_task_that_is_not_installed_fails_the_job_before_any_step(
    pool: HostPool, tasks: TaskDirectory
) -> None:
    outcome = await played(pool, tasks, script("echo started"), task(PUBLISH, "3.*", {}))
    assert outcome.results() == ["Skipped", "Skipped"]
    [issue] = outcome.ended_of(1).issues
    assert PUBLISH in issue.message
    assert "quaymaster task install" in issue.message


async def test_a_node_that_is_too_old_fails_the_job_before_any_step(
    pool: HostPool, tasks: TaskDirectory, tmp_path: Path
) -> None:
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v16.20.2\n")
    old.chmod(0o755)
    message = job(publish(), tasks_directory=str(tasks.path), node=str(old))
    outcome = await run(pool, message)
    assert outcome.results() == ["Skipped"]
    assert "v16.20.2" in outcome.ended_of(1).issues[0].message
    missing = msgspec.structs.replace(message, node=str(tmp_path / "none"))
    outcome = await run(pool, missing)
    assert "QUAYMASTER_NODE" in outcome.ended_of(1).issues[0].message


async def test_the_node_of_the_setting_is_the_one_that_runs(
    pool: HostPool, tasks: TaskDirectory, tmp_path: Path
) -> None:
    own = tmp_path / "node"
    own.write_text(f'#!/usr/bin/env bash\necho mine >&2\nexec {shutil.which("node")} "$@"\n')
    own.chmod(0o755)
    message = job(publish(), endpoints=[SITE], tasks_directory=str(tasks.path), node=str(own))
    outcome = await run(pool, message)
    assert outcome.results() == ["Succeeded"]
    assert "mine" in outcome.log().split("\n")


async def test_a_canceled_task_is_ended(pool: HostPool, tasks: TaskDirectory) -> None:
    message = job(publish(outcome="Lingers"), endpoints=[SITE], tasks_directory=str(tasks.path))
    watched = Watched(pool, message)
    await watched.until_printed("still here")
    watched.cancelled.set_result("Enough.")
    outcome = await watched.end()
    assert outcome.result is JobResult.CANCELED

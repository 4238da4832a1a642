"""Builds that really run: jobs, logs, artifacts, cancel, retry (SEMANTICS 23)."""

import io
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

from tests.apis.azure.build.asking import step
from tests.builds.conftest import Yard
from tests.repositories import made as repository_made
from tests.server.waiting import eventually
from tests.worker.world import SHORT_LEASE_SECONDS


def at(place: Path) -> dict[str, str]:
    """A definition's repository on this machine."""
    return {"type": "Git", "id": str(place), "name": "web", "url": str(place)}


async def test_a_build_checks_out_runs_and_publishes(yard: Yard, tmp_path: Path):
    commit = repository_made(tmp_path / "web")
    await yard.world.worker()
    script = """
cat page.txt; echo
mkdir -p out/deep && echo one > out/a.txt && echo two > out/deep/b.txt
echo "##vso[artifact.upload artifactname=drop]$PWD/out"
echo "##vso[build.addbuildtag]shipped"
echo "##vso[build.updatebuildnumber]Web-$BUILD_BUILDID"
echo "reason $BUILD_REASON on $BUILD_SOURCEBRANCH of $BUILD_DEFINITIONNAME"
"""
    definition = await yard.define("Web", step(script), repository=at(tmp_path / "web"))
    queued = await yard.queue(definition, sourceBranch="main")
    assert queued["status"] == "notStarted"
    build = await yard.ended(queued)
    log = await yard.log(build, "Script")
    assert build["result"] == "succeeded", log
    assert build["buildNumber"] == f"Web-{build['id']}"
    assert build["tags"] == ["shipped"]
    assert "reason Manual on refs/heads/main of Web" in log
    assert "version" in log
    assert commit
    [artifact] = (await yard.ask("GET", f"builds/{build['id']}/artifacts"))["value"]
    assert artifact["name"] == "drop"
    content = await yard.ask("GET", f"builds/{build['id']}/artifacts?artifactName=drop&$format=zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert sorted(archive.namelist()) == ["drop/a.txt", "drop/deep/b.txt"]
        assert archive.read("drop/deep/b.txt") == b"two\n"
    records = await yard.records(build)
    assert [one["name"] for one in records] == [
        "Initialize job",
        "Checkout web to s",
        "Script",
        "Finalize job",
    ]
    assert {one["result"] for one in records} == {"succeeded"}
    [job] = await yard.records(build, "Job")
    assert (job["state"], job["result"]) == ("completed", "succeeded")


async def test_a_build_fails_when_what_its_last_step_publishes_cannot_be_kept(yard: Yard):
    await yard.world.worker()
    script = """mkdir out; touch out/$'two\\nlines'
echo "##vso[artifact.upload artifactname=drop]$PWD/out"
"""
    definition = await yard.define("Web", step(script), repository=None)
    build = await yard.ended(await yard.queue(definition))
    assert build["result"] == "failed"
    [record] = [one for one in await yard.records(build) if one["name"] == "Script"]
    assert (record["result"], record["errorCount"]) == ("failed", 1)
    assert "holds control characters" in record["issues"][0]["message"]
    [job] = await yard.records(build, "Job")
    assert "holds control characters" in job["issues"][0]["message"]


async def test_what_cannot_be_published_fails_its_step_and_what_is_left_out_is_told(yard: Yard):
    await yard.world.worker()
    gone = step('echo "##vso[artifact.upload artifactname=drop]/not/there"', displayName="Gone")
    gone["continueOnError"] = True
    odd = """mkdir out; echo 1 > out/a.txt; ln -s a.txt out/link; mkfifo out/pipe
echo "##vso[artifact.upload artifactname=drop]$PWD/out"
echo "##vso[artifact.upload artifactname=pipe]$PWD/out/pipe"
mkdir two; touch two/Read.me two/README two/readme
echo "##vso[artifact.upload artifactname=two]$PWD/two"
"""
    definition = await yard.define("Web", gone, step(odd, displayName="Odd"), repository=None)
    build = await yard.ended(await yard.queue(definition))
    assert build["result"] == "failed"
    records = {one["name"]: one for one in await yard.records(build)}
    assert records["Gone"]["result"] == "succeededWithIssues"
    assert "Path does not exist: /not/there" in records["Gone"]["issues"][0]["message"]
    assert records["Odd"]["result"] == "failed"
    left_out, not_a_file, alike = (one["message"] for one in records["Odd"]["issues"])
    assert "Left out of drop: 2 ('link', a symbolic link, 'pipe', a named pipe)" in left_out
    assert "out/pipe is a named pipe, neither a file nor a folder" in not_a_file
    assert "'two/README' and 'two/readme' differ only in upper and lower case" in alike
    assert left_out in await yard.log(build, "Odd")
    [artifact] = (await yard.ask("GET", f"builds/{build['id']}/artifacts"))["value"]
    assert artifact["name"] == "drop"


async def test_publishing_waits_for_a_storage_that_fails_until_the_build_is_canceled(yard: Yard):
    await yard.world.worker()
    script = 'echo 1 > a; echo "##vso[artifact.upload artifactname=drop]$PWD/a"'
    storage = Path(urlsplit(yard.server.installation.files.url).path)
    storage.mkdir(exist_ok=True)
    (storage / "builds").write_text("in the way")
    build = await yard.queue(await yard.define("Web", step(script), repository=None))

    async def waits() -> bool:
        told = [one["currentOperation"] or "" for one in await yard.records(build)]
        return any("Waits to publish: A file could not be written" in one for one in told)

    await eventually(waits, "the step tells what it waits for")
    await yard.ask("PATCH", f"builds/{build['id']}", json={"status": "cancelling"})
    assert (await yard.ended(build))["result"] == "canceled"
    [record] = [one for one in await yard.records(build) if one["name"] == "Script"]
    assert any("could not be written to the storage" in one["message"] for one in record["issues"])
    [job] = await yard.records(build, "Job")
    assert any("The build was canceled." in one["message"] for one in job["issues"])
    assert (await yard.ask("GET", f"builds/{build['id']}/artifacts"))["value"] == []


async def test_a_failing_step_fails_the_build_and_a_retry_runs_it_again(yard: Yard, tmp_path: Path):
    await yard.world.worker()
    mark = tmp_path / "mark"
    definition = await yard.define("Web", step(f"test -e {mark}"), repository=None)
    build = await yard.ended(await yard.queue(definition))
    assert build["result"] == "failed"
    mark.touch()
    again = await yard.ask("PATCH", f"builds/{build['id']}?retry=true", json={})
    assert again["status"] != "completed"
    build = await yard.ended(build)
    assert build["result"] == "succeeded"
    [job] = await yard.records(build, "Job")
    assert (job["attempt"], len(job["previousAttempts"])) == (2, 1)


async def test_a_running_build_shows_its_log_and_is_canceled(yard: Yard):
    await yard.world.worker()
    definition = await yard.define("Web", step("echo be''gun; sleep 600"), repository=None)
    build = await yard.when(await yard.queue(definition), lambda b: b["status"] == "inProgress")

    async def is_read() -> bool:
        known = [one["log"] for one in await yard.records(build) if one["name"] == "Script"]
        return any(known) and " begun" in await yard.log(build, "Script")

    await eventually(is_read, "what the step that still runs has printed")
    assert (await yard.ask("GET", f"builds/{build['id']}"))["status"] == "inProgress"
    canceling = await yard.ask("PATCH", f"builds/{build['id']}", json={"status": "cancelling"})
    assert canceling["status"] in ("cancelling", "completed")
    build = await yard.ended(build)
    assert build["result"] == "canceled"
    refused = await yard.ask("PATCH", f"builds/{build['id']}", 400, json={"status": 4})
    assert "completed" in refused["message"]


async def test_a_build_of_a_killed_worker_fails_and_says_so(yard: Yard):
    worker = await yard.world.worker()
    definition = await yard.define("Web", step("sleep 600"), repository=None)
    build = await yard.when(await yard.queue(definition), lambda b: b["status"] == "inProgress")
    worker.kill()
    await worker.process.wait()
    await yard.world.execute("UPDATE workers SET lease_until = now()")
    yard.world.lease_seconds = SHORT_LEASE_SECONDS
    await yard.world.worker()
    build = await yard.ended(build)
    assert build["result"] == "failed"
    [job] = await yard.records(build, "Job")
    assert "has not been heard of" in job["issues"][0]["message"]


async def test_variables_are_set_at_queue_time_only_where_that_is_allowed(yard: Yard):
    await yard.world.worker()
    variables = {
        "open": {"value": "a", "allowOverride": True},
        "shut": {"value": "b"},
        "secret": {"value": "hunter2", "isSecret": True, "allowOverride": True},
    }
    script = 'echo "$OPEN $SHUT"; echo "$(secret)"'
    definition = await yard.define("Web", step(script), variables=variables, repository=None)
    await yard.ask(
        "POST", "builds", 400, json={"definition": definition, "parameters": '{"shut": "x"}'}
    )
    build = await yard.queue(definition, parameters='{"open": "z", "secret": "tiger99"}')
    assert "tiger99" not in str(build)
    build = await yard.ended(build)
    log = await yard.log(build, "Script")
    assert "z b" in log
    assert "tiger99" not in log
    assert "***" in log


async def test_jobs_follow_their_dependencies(yard: Yard):
    await yard.world.worker()
    phases = [
        {"name": "First", "refName": "A", "steps": [step("exit 1")]},
        {
            "name": "Skipped",
            "refName": "B",
            "condition": "succeeded()",
            "dependencies": [{"scope": "A"}],
            "steps": [step()],
        },
        {
            "name": "Always",
            "refName": "C",
            "condition": "always()",
            "dependencies": [{"scope": "A"}],
            "steps": [step()],
        },
    ]
    process = {"type": 1, "phases": phases}
    definition = await yard.define("Web", process=process, repository=None)
    build = await yard.ended(await yard.queue(definition))
    results = {one["name"]: one["result"] for one in await yard.records(build, "Job")}
    assert results == {"First": "failed", "Skipped": "skipped", "Always": "succeeded"}
    assert build["result"] == "failed"

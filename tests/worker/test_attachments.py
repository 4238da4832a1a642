"""What a task attaches or tells of itself is kept with its step, by the worker that ran it."""

from quaymaster.domain.release import Outcome, ReleaseId
from quaymaster.store.jobs import attachments
from quaymaster.store.jobs.attachments import Attachment
from quaymaster.store.jobs.task_runs import StepOutput
from tests import make
from tests.worker.world import QUEUE, World, phase, shell

ID = "3a3a2a60-14c7-570b-14a4-fa42ad92f52a"


async def kept(world: World, release: ReleaseId) -> list[Attachment]:
    jobs = [step.job_id for step in await world.steps(release)]
    async with world.installation.database.read() as connection:
        return await attachments.of_jobs(connection, release, jobs)


async def content(world: World, file: Attachment) -> bytes:
    pieces = world.installation.files.stream(file.object_key)
    return b"".join([piece async for piece in pieces])


async def test_files_are_kept_as_they_were_when_the_task_attached_them(world: World) -> None:
    folder = world.home / "made"
    folder.mkdir()
    script = f"""
cd {folder}; printf 'first' > a.txt; head -c 3000000 /dev/urandom > big.bin
echo '##vso[task.addattachment type=report;name=one]{folder}/a.txt'
echo '##vso[task.addattachment type=report;name=big]{folder}/big.bin'
echo '# All good' > summary.md; echo '##vso[task.uploadsummary]{folder}/summary.md'
echo '##vso[task.uploadfile]{folder}/a.txt'
"""
    release = await world.release(make.plan("Dev", Dev=phase(script, "rm -r " + str(folder / "*"))))
    await world.worker()
    assert (await world.ended(release, "Dev")).outcome is Outcome.SUCCEEDED
    found = {(file.type, file.name): file for file in await kept(world, release)}
    assert set(found) == {
        ("report", "one"),
        ("report", "big"),
        ("DistributedTask.Core.Summary", "summary.md"),
        ("DistributedTask.Core.FileAttachment", "a.txt"),
    }
    assert await content(world, found["report", "one"]) == b"first"
    assert found["report", "big"].byte_count == 3_000_000
    assert len(await content(world, found["report", "big"])) == 3_000_000
    assert not list(world.home.rglob(".attachment-*"))


async def test_an_attachment_of_the_same_name_replaces_the_one_before(world: World) -> None:
    for name in ("1", "22"):
        (world.home / name).write_text(name)
    attach = "echo '##vso[task.addattachment type=t;name=n]"
    script = f"{attach}{world.home}/1'; {attach}{world.home}/22'"
    release = await world.release(make.plan("Dev", Dev=phase(script)))
    await world.worker()
    await world.ended(release, "Dev")
    [only] = await kept(world, release)
    assert await content(world, only) == b"22"
    stored = [path for path in (world.home / "storage").rglob("*") if "attachments" in path.parts]
    assert len([path for path in stored if path.is_file()]) == 1


async def test_no_secret_leaves_in_an_attached_text(world: World) -> None:
    file = world.home / "a.txt"
    script = f"""
yes 'the key is $(key) indeed' | head -n 60000 > {file}
echo '##vso[task.addattachment type=t;name=n]{file}'
"""
    plan = make.plan("Dev", Dev=phase(script))
    release = await world.release(plan, secrets={"key": "s3cret!"})
    await world.worker()
    await world.ended(release, "Dev")
    [only] = await kept(world, release)
    text = await content(world, only)
    assert b"s3cret" not in text
    assert text.count(b"the key is *** indeed\n") == 60_000


async def test_a_stale_token_keeps_nothing(world: World) -> None:
    file = world.home / "a.txt"
    file.write_text("x")
    release = await world.release(
        make.plan("Dev", Dev=phase(f"echo '##vso[task.uploadfile]{file}'"))
    )
    await world.worker()
    await world.ended(release, "Dev")
    [only] = await kept(world, release)
    step = (await world.steps(release))[1]
    new = attachments.NewAttachment(step.id, "t", "late", 1, "attachments/late")
    async with world.installation.database.transaction() as connection:
        job = (await world.loaded(release)).stages[0].newest
        assert job is not None
        result = await attachments.keep(
            connection, only.job, job.jobs[0].token, new, only.created_at
        )
    assert result == (False, None)
    assert len(await kept(world, release)) == 1


async def test_what_a_task_tells_of_its_parts_and_outputs_is_kept(world: World) -> None:
    script = f"""
echo '##vso[task.logdetail id={ID};name=part one;type=build;order=1]working'
echo '##vso[task.logdetail id={ID};progress=100;state=Completed;result=Succeeded]done'
echo '##vso[task.setvariable variable=url;isoutput=true]http://example.invalid/'
echo '##vso[task.setvariable variable=key;isoutput=true;issecret=true]hush-hush'
"""
    tasks = (shell(script, reference_name="made"),)
    made = make.phase(queue_id=QUEUE, tasks=tasks, skip_artifacts=True)
    release = await world.release(make.plan("Dev", Dev={"phases": (made,)}))
    await world.worker()
    await world.ended(release, "Dev")
    step = (await world.steps(release))[1]
    [detail] = step.details
    assert detail.id == ID
    assert detail.fields["name"] == "part one"
    assert (detail.fields["state"], detail.fields["result"]) == ("Completed", "Succeeded")
    assert step.outputs == (
        StepOutput("made.url", "http://example.invalid/"),
        StepOutput("made.key", "", is_secret=True),
    )

"""Predefined variables and tags, as the server reads them (SEMANTICS 8.5, 12.2, 21.1)."""

from quaymaster.actions.deployments import explaining
from quaymaster.domain.plan import ArtifactFilter, ArtifactMatches, ReleaseStarts
from quaymaster.domain.statuses import JobStatus
from quaymaster.store.releases.records import ReleaseArtifact
from tests import make
from tests.worker.world import World

MAIN = ReleaseArtifact(
    alias="_Web",
    type="Build",
    version_id="7",
    version_name="20260302.1",
    branch="refs/heads/main",
    tags=("v1.2", "nightly"),
    is_primary=True,
    reference={"sourceVersion": "c0ffee"},
)


async def test_conditions_and_questions_know_what_the_product_sets(world: World) -> None:
    asks = "$(Release.ReleaseName) to $(release.environmentname): $(Build.SourceBranchName)?"
    asks += " $(Release.Artifacts._Web.SourceVersion) $(Site) $(Release.DeployPhaseID)"
    phases = (
        make.server_phase(make.intervention("Ask for $(Build.BuildNumber)", instructions=asks)),
        make.phase(2, condition="eq(variables['Build.SourceBranch'], 'refs/heads/other')"),
    )
    plan = make.plan("Dev", Dev={"phases": phases})
    release = await world.release(plan, artifacts=(MAIN,), variables={"Site": "A"})
    dev = await world.deployment(release, "Dev")
    assert dev is not None
    [asked] = dev.interventions
    name = (await world.loaded(release)).name
    assert asked.name == "Ask for 20260302.1"
    assert asked.instructions == f"{name} to Dev: main? c0ffee A $(Release.DeployPhaseID)"


async def test_a_phase_is_chosen_by_what_the_release_carries(world: World) -> None:
    main = "and(succeeded(), eq(variables['Build.SourceBranch'], 'refs/heads/main'))"
    attempt = "eq(variables['Release.AttemptNumber'], '2')"
    phases = (make.phase(1, condition=attempt), make.phase(2, condition=main))
    release = await world.release(make.plan("Dev", Dev={"phases": phases}), artifacts=(MAIN,))
    dev = await world.deployment(release, "Dev")
    assert dev is not None
    assert [phase.is_skipped for phase in dev.phases] == [True, False]
    assert [job.status for job in dev.jobs] == [JobStatus.WAITING]


async def test_a_stage_may_want_a_tag_of_some_pattern(world: World) -> None:
    def wants(pattern: str) -> dict[str, object]:
        passing = ArtifactFilter(branch="$(Branch)", tag_pattern=pattern)
        return {"conditions": (ReleaseStarts(), ArtifactMatches("_Web", passing))}

    plan = make.plan("Dev; QA", Dev=wants(r"^v\d+\.\d+$"), QA=wants("^rc"))
    release = await world.release(plan, artifacts=(MAIN,), variables={"Branch": "main"})
    assert await world.deployment(release, "Dev") is not None
    assert await world.deployment(release, "QA") is None
    (reason,) = (await explaining.reasons_by_name(world.call(), release, "QA")).reasons
    assert reason.text.startswith(
        "The version of _Web (refs/heads/main v1.2 nightly) does not pass"
    )

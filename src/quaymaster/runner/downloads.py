"""The step that brings a release's artifacts into the workspace, before any task (SEMANTICS 19.1).

Each artifact is fetched by a program of its own (repositories/export.py, artifacts/fetch.py), which
can be ended at any moment, and again after an error that may pass.
"""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from quaymaster.protocol.job import ArtifactDownload, JobResult
from quaymaster.runner import descendants, workspace
from quaymaster.runner.artifacts import fetch, sources, stored
from quaymaster.runner.containment import contained
from quaymaster.runner.execution import Execution
from quaymaster.runner.programs import EXIT_FINAL
from quaymaster.runner.repositories import export
from quaymaster.runner.state import JobState, in_words
from quaymaster.runner.step import StepRun

DOWNLOAD_TRIES = 4


@dataclass(frozen=True, slots=True)
class Program:
    """A program that does one download; what it is to do stands in its environment."""

    module: str
    environment: Mapping[str, str] = field(repr=False)

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-I", "-m", self.module]


async def download(run: StepRun) -> None:
    """Bring each artifact into `<artifacts>/<alias>`; any failure fails the job."""
    for artifact in run.state.message.artifacts:
        if run.stop_wanted.done():
            break
        await supervised(run, artifact)
        if run.result is not None:
            return
    if run.stop_wanted.done():
        run.error("The operation was canceled.")
        run.result = JobResult.CANCELED


async def supervised(run: StepRun, artifact: ArtifactDownload) -> None:
    """One download, ended when the job is canceled."""
    working = asyncio.ensure_future(_download(run, artifact))
    await asyncio.wait((working, run.stop_wanted), return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        working.cancel()
        await asyncio.wait((working,))
    if not working.cancelled():
        working.result()


async def _download(run: StepRun, artifact: ArtifactDownload) -> None:
    target = contained(run.state.home.artifacts, artifact.alias)
    if target is None:
        run.fail(f"The alias {artifact.alias!r} cannot be the name of a directory.")
        return
    if sources.is_unconnected(artifact, run.state.message.source_endpoints):
        run.warning(
            f"The repository of {artifact.alias} is connected to nothing, so that no commit of it "
            "is checked out. Say where it is (source_url), and releases made then on bring it."
        )
        return
    try:
        program = _program(run.state, artifact, target)
    except sources.CannotDownload as error:
        run.fail(str(error))
        return
    version = artifact.reference["version"]
    run.print(f"Downloading artifact {artifact.alias}, version {version}, to {target}.")
    await _try_often(run, artifact, program, target)


def _program(state: JobState, artifact: ArtifactDownload, target: Path) -> Program:
    """What fetches this type of artifact; raises CannotDownload."""
    if artifact.files is not None:
        environment = sources.stored_environment(artifact, state.message, state.home, str(target))
        return Program(stored.__name__, environment)
    if sources.is_repository(artifact):
        repository = sources.find_repository(artifact, state.message.source_endpoints)
        state.masker.add(repository.password)
        environment = sources.checkout_environment(
            artifact, repository, state.message, (state.home, str(target))
        )
        return Program(export.__name__, environment)
    environment = sources.fetch_environment(artifact, state.message, state.home, str(target))
    return Program(fetch.__name__, environment)


async def _try_often(
    run: StepRun, artifact: ArtifactDownload, program: Program, target: Path
) -> None:
    """Fetch, again after an error that may pass, with longer pauses in between."""
    for attempt in range(1, DOWNLOAD_TRIES + 1):
        await asyncio.to_thread(workspace.empty, target)
        code = await run_program(run, program)
        if code == 0:
            return
        if code == EXIT_FINAL or attempt == DOWNLOAD_TRIES:
            run.fail(f"Artifact {artifact.alias} could not be downloaded; the log says why.")
            return
        pause = attempt**2
        run.warning(f"The download failed; it is tried again in {in_words(pause)}.")
        await asyncio.sleep(pause)


async def run_program(run: StepRun, program: Program) -> int:
    """Run a program of ours for a step; its exit code."""
    state = run.state
    environment = {**state.inherited, **program.environment, descendants.MARKER: state.marker}
    execution = Execution(run, None)
    return await execution.run(
        program.command, directory=str(state.home.root), environment=environment
    )

"""The step that brings the sources of a build into its workspace, before any task (issue 4.3)."""

import asyncio

import msgspec

from quaymaster.protocol.job import Checkout, JobResult
from quaymaster.runner.downloads import DOWNLOAD_TRIES, Program, run_program
from quaymaster.runner.programs import EXIT_FINAL
from quaymaster.runner.repositories import checkout as checkout_program
from quaymaster.runner.state import in_words
from quaymaster.runner.step import StepRun
from quaymaster.sources.asking import connection_named


async def checkout(run: StepRun) -> None:
    """Check the job's sources out into its default directory; a failure fails the job."""
    wanted = run.state.message.checkout
    if wanted is None:
        run.print("The job has no sources to check out.")
        return
    working = asyncio.ensure_future(_try_often(run, wanted))
    await asyncio.wait((working, run.stop_wanted), return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        working.cancel()
        await asyncio.wait((working,))
        run.error("The operation was canceled.")
        run.result = JobResult.CANCELED
    if not working.cancelled():
        working.result()


async def _try_often(run: StepRun, wanted: Checkout) -> None:
    """Check out, again after an error that may pass, with longer pauses in between."""
    program = _program(run, wanted)
    for attempt in range(1, DOWNLOAD_TRIES + 1):
        code = await run_program(run, program)
        if code == 0:
            return
        if code == EXIT_FINAL or attempt == DOWNLOAD_TRIES:
            run.fail("The sources could not be checked out; the log says why.")
            return
        pause = attempt**2
        run.warning(f"The checkout failed; it is tried again in {in_words(pause)}.")
        await asyncio.sleep(pause)


def _program(run: StepRun, wanted: Checkout) -> Program:
    state = run.state
    request = checkout_program.Request(
        checkout=wanted,
        target=str(state.home.artifacts),
        aside=str(state.home.root),
        connection=connection_named(state.message.source_endpoints, wanted.connection),
        allowed=state.message.allowed_addresses,
    )
    if request.connection is not None:
        state.masker.add(request.connection.data.get("PrivateKey", ""))
    environment = {checkout_program.REQUEST_VARIABLE: msgspec.json.encode(request).decode()}
    return Program(checkout_program.__name__, environment)

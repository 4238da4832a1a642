"""Finding the steps of a deployment: those of an attempt, of a phase, or of a timeline."""

from dataclasses import dataclass

from quaymaster.actions.call import Call
from quaymaster.actions.releases import reading
from quaymaster.actions.releases.reading import ReleaseFound
from quaymaster.domain.errors import NotFound
from quaymaster.domain.timelines import plan_of_phase
from quaymaster.store.releases.views import AttemptView, PhaseView, ReleaseView, StageView


@dataclass(frozen=True, slots=True)
class Timeline:
    """A timeline as clients name it: an attempt of a stage by its number, and the run plan of one
    of its phases (`System.PlanId`), which is its timeline as well."""

    release: int
    stage: int
    attempt: int
    plan: str


@dataclass(frozen=True, slots=True)
class Phases:
    """Phases of one stage, with the release they belong to."""

    found: ReleaseFound
    stage: StageView
    phases: tuple[PhaseView, ...]

    @property
    def release(self) -> ReleaseView:
        return self.found.view


async def of_attempt(call: Call, release_id: int, stage_id: int, attempt: int | None) -> Phases:
    """All phases of an attempt (None: the newest; none before the first).

    Raises NotFound, Forbidden (view releases).
    """
    found, stage = await _stage(call, release_id, stage_id)
    if attempt is None:
        return Phases(found, stage, stage.newest.phases if stage.newest else ())
    return Phases(found, stage, _attempt(stage, attempt).phases)


async def of_phase(call: Call, release_id: int, stage_id: int, phase_id: int) -> Phases:
    """The one phase of any attempt of the stage. Raises NotFound, Forbidden (view releases)."""
    found, stage = await _stage(call, release_id, stage_id)
    for attempt in stage.attempts:
        for phase in attempt.phases:
            if phase.id == phase_id:
                return Phases(found, stage, (phase,))
    raise NotFound("phase", phase_id, f"Stage {stage.name} has run no phase {phase_id}.")


async def of_timeline(call: Call, where: Timeline) -> Phases:
    """The one phase that a timeline belongs to. Raises NotFound, Forbidden (view releases)."""
    found, stage = await _stage(call, where.release, where.stage)
    for phase in _attempt(stage, where.attempt).phases:
        if plan_of_phase(phase.id) == where.plan.casefold():
            return Phases(found, stage, (phase,))
    raise NotFound(
        "plan", where.plan, f"Attempt {where.attempt} of this stage has no run plan {where.plan}."
    )


async def _stage(call: Call, release_id: int, stage_id: int) -> tuple[ReleaseFound, StageView]:
    found = await reading.release(call, release_id)
    for stage in found.view.stages:
        if stage.id == stage_id:
            return found, stage
    raise NotFound("stage", stage_id)


def _attempt(stage: StageView, number: int) -> AttemptView:
    for attempt in stage.attempts:
        if attempt.attempt == number:
            return attempt
    raise NotFound("attempt", number, f"Stage {stage.name} has no attempt {number}.")

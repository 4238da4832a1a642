"""Whatever a release's records can hold comes back from the database as it was saved."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster.domain.release import (
    UNSAVED,
    ApprovalId,
    Deployment,
    DeploymentId,
    InterventionId,
    JobId,
    Release,
)
from quaymaster.store.releases import releases, views
from tests import make
from tests.store import build
from tests.store.strategies import next_states

PLAN = make.plan("Dev → Prod; Load", Dev={"phases": make.phases(2)})


def _bare(release: Release) -> Release:
    """The release with every id of a record below its stages taken away."""
    return replace(
        release,
        stages=tuple(
            replace(stage, newest=_bare_attempt(stage.newest)) if stage.newest else stage
            for stage in release.stages
        ),
    )


def _bare_attempt(attempt: Deployment) -> Deployment:
    return replace(
        attempt,
        id=DeploymentId(UNSAVED),
        approvals=tuple(replace(a, id=ApprovalId(UNSAVED)) for a in attempt.approvals),
        gates=tuple(replace(gate, id=UNSAVED) for gate in attempt.gates),
        interventions=tuple(
            replace(asked, id=InterventionId(UNSAVED)) for asked in attempt.interventions
        ),
        phases=tuple(
            replace(p, id=UNSAVED, jobs=tuple(replace(j, id=JobId(UNSAVED)) for j in p.jobs))
            for p in attempt.phases
        ),
    )


@given(data=st.data())
@settings(max_examples=40)
async def test_what_is_saved_is_what_is_locked(database, data):
    async with database.read() as connection:
        example = connection.transaction()
        await example.start()
        try:
            definition_id = await build.definition(connection)
            state = await build.release(connection, definition_id, PLAN)
            for _ in range(3):
                wanted = data.draw(next_states(state))
                state = await releases.save(connection, state, wanted)
                assert _bare(state) == _bare(wanted)
                assert await releases.locked(connection, state.id) == state
            view = await views.get(connection, None, state.id)
        finally:
            await example.rollback()
    assert [stage.name for stage in view.stages] == [stage.plan.name for stage in state.stages]

"""Releases in any state that their records can hold, sensible or not."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from quaymaster.domain.plan import StagePlan
from quaymaster.domain.release import (
    Approval,
    ArtifactVersion,
    Deployment,
    GateResult,
    GateRun,
    GateSample,
    IgnoredGate,
    Intervention,
    Job,
    JobKind,
    Outcome,
    Phase,
    Reassignment,
    Release,
    Side,
    Stage,
)
from quaymaster.domain.statuses import (
    ApprovalStatus,
    DeploymentReason,
    GateStatus,
    InterventionStatus,
    JobStatus,
    ReleaseReason,
    ReleaseStatus,
)

# Every text that PostgreSQL can hold, with what is special to JSON, SQL, LIKE and format strings.
text = st.one_of(
    st.sampled_from(["", "'; DROP TABLE releases;--", '{"a": "%s"}', "a\\u0000b", "ß İ 💥\r\n\t"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
)
people = st.one_of(st.none(), text)
times = st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2300, 1, 1),  # noqa: DTZ001 - the same
    timezones=st.just(UTC),
)
maybe_times = st.one_of(st.none(), times)
variables = st.dictionaries(text, text, max_size=3)
numbers = st.integers(0, 2**31 - 1)

reassignments = st.builds(
    Reassignment,
    approver=text,
    changed_by=text,
    comment=text,
    revision=numbers,
    asked_at=times,
    changed_at=times,
)
approvals = st.builds(
    Approval,
    side=st.sampled_from(Side),
    position=numbers,
    rank=numbers,
    approver=people,
    status=st.sampled_from(ApprovalStatus),
    created_at=times,
    modified_at=times,
    due_at=maybe_times,
    is_automated=st.booleans(),
    approved_by=people,
    comment=text,
    revision=numbers,
    earlier=st.lists(reassignments, max_size=2).map(tuple),
)


gate_runs = st.builds(
    GateRun,
    side=st.sampled_from(Side),
    started_at=times,
    samples=st.lists(
        st.builds(
            GateSample,
            number=numbers,
            started_at=times,
            ended_at=maybe_times,
            results=st.lists(
                st.builds(GateResult, name=text, succeeded=st.booleans(), message=text, log=text),
                max_size=2,
            ).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    ignored=st.lists(
        st.builds(IgnoredGate, name=text, by=people, at=times, comment=text), max_size=2
    ).map(tuple),
    succeeding_since=maybe_times,
    ended_as=st.one_of(st.none(), st.sampled_from(GateStatus)),
    ended_at=maybe_times,
)


def jobs(position: int) -> st.SearchStrategy[Job]:
    return st.builds(
        Job,
        position=st.just(position),
        name=text,
        status=st.sampled_from(JobStatus),
        created_at=times,
        worker=text,
        token=text,
        started_at=maybe_times,
        ended_at=maybe_times,
        error=text,
        kind=st.sampled_from(JobKind),
        due_at=maybe_times,
        target=numbers,
        variables=variables,
    )


interventions = st.builds(
    Intervention,
    phase_rank=numbers,
    position=numbers,
    name=text,
    instructions=text,
    status=st.sampled_from(InterventionStatus),
    created_at=times,
    modified_at=times,
    due_at=times,
    resumes_on_timeout=st.booleans(),
    answered_by=people,
    comment=text,
)


def phases(rank: int) -> st.SearchStrategy[Phase]:
    return st.builds(
        Phase,
        rank=st.just(rank),
        started_at=times,
        jobs=st.integers(0, 2).flatmap(lambda n: st.tuples(*map(jobs, range(n)))),
        is_skipped=st.booleans(),
        problem=text,
        is_tolerant=st.booleans(),
    )


def deployments(plan: StagePlan, attempt: int) -> st.SearchStrategy[Deployment]:
    ranks = [phase.rank for phase in plan.phases]
    return st.builds(
        Deployment,
        attempt=st.just(attempt),
        reason=st.sampled_from(DeploymentReason),
        requested_by=people,
        requested_for=people,
        queued_at=times,
        modified_at=times,
        modified_by=people,
        after_stages=st.lists(text, max_size=2).map(tuple),
        scheduled_for=maybe_times,
        deferred_until=maybe_times,
        entered_queue_at=maybe_times,
        has_slot=st.booleans(),
        approvals=st.lists(approvals, max_size=3).map(tuple),
        gates=st.lists(gate_runs, max_size=2).map(tuple),
        interventions=st.lists(interventions, max_size=2).map(tuple),
        phases=st.integers(0, len(ranks)).flatmap(lambda n: st.tuples(*map(phases, ranks[:n]))),
        cancel_requested_at=maybe_times,
        outcome=st.one_of(st.none(), st.sampled_from(Outcome)),
        completed_at=maybe_times,
        comment=text,
        variables=variables,
    )


@st.composite
def next_states(draw: Any, before: Release) -> Release:
    """Any state that may be saved after this one: records that exist keep their ids."""
    return replace(
        before,
        status=draw(st.sampled_from(ReleaseStatus)),
        reason=draw(st.sampled_from(ReleaseReason)),
        name=before.name + draw(text),
        description=draw(text),
        modified_by=draw(people),
        modified_at=draw(times),
        keep_forever=draw(st.booleans()),
        variables=draw(variables),
        artifacts=draw(artifact_versions),
        stages=tuple(draw(st.one_of(st.just(s), next_stages(s))) for s in before.stages),
    )


artifact_versions = st.lists(
    st.builds(
        ArtifactVersion,
        alias=text,
        branch=text,
        tags=st.lists(text, max_size=2).map(tuple),
        default_branch=text,
        is_chosen=st.booleans(),
    ),
    max_size=2,
    unique_by=lambda version: version.alias,
).map(tuple)


@st.composite
def next_stages(draw: Any, before: Stage) -> Stage:
    return replace(
        before,
        modified_at=draw(times),
        is_manual=draw(st.booleans()),
        evaluated=draw(st.frozensets(st.tuples(text, numbers), max_size=3)),
        trigger_reason=draw(text),
        variables=draw(variables),
        plan=replace(before.plan, name=draw(text)),
        newest=draw(_next_attempt(before)),
    )


@st.composite
def _next_attempt(draw: Any, stage: Stage) -> Deployment | None:
    old = stage.newest
    if old is None:
        return draw(st.one_of(st.none(), deployments(stage.plan, 1)))
    if old.is_ended and draw(st.booleans()):
        return draw(deployments(stage.plan, old.attempt + 1))
    return _as_changed(old, draw(deployments(stage.plan, old.attempt)))


def _as_changed(old: Deployment, new: Deployment) -> Deployment:
    """The same records with other contents: each keeps its id, none disappears."""
    return replace(
        new,
        id=old.id,
        approvals=_kept(old.approvals, new.approvals),
        gates=_kept(old.gates, new.gates),
        interventions=_kept(old.interventions, new.interventions),
        phases=_phases(old, new),
    )


def _kept(old: tuple[Any, ...], new: tuple[Any, ...]) -> tuple[Any, ...]:
    """New contents for the records that are there already, and then the further ones."""
    changed = [replace(a, id=b.id) for a, b in zip(new, old, strict=False)]
    return (*changed, *old[len(changed) :], *new[len(changed) :])


def _phases(old: Deployment, new: Deployment) -> tuple[Phase, ...]:
    kept = [
        replace(
            told,
            id=phase.id,
            jobs=_kept(phase.jobs, told.jobs),
        )
        for told, phase in zip(new.phases, old.phases, strict=False)
    ]
    return (*kept, *old.phases[len(kept) :], *new.phases[len(kept) :])

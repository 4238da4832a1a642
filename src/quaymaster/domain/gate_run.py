"""What happens to the gates of one side: their samples, and how these are read (SEMANTICS 10)."""

from dataclasses import replace
from datetime import datetime, timedelta

from quaymaster.domain import changes as c
from quaymaster.domain.plan import GatePolicy, TaskPlan
from quaymaster.domain.release import Deployment, GateRun, GateSample, IgnoredGate

GateChange = (
    c.GatesStarted
    | c.GateSampleStarted
    | c.GateSampled
    | c.GateSampleGivenUp
    | c.GatesIgnored
    | c.GatesEnded
)


def gates_after(deployment: Deployment, change: GateChange, now: datetime) -> tuple[GateRun, ...]:
    """The gates of both sides after a change about those of one."""
    if isinstance(change, c.GatesStarted):
        return (*deployment.gates, GateRun(side=change.side, started_at=now))
    return tuple(
        _changed(run, change, now) if run.side is change.side else run for run in deployment.gates
    )


def _changed(run: GateRun, change: GateChange, now: datetime) -> GateRun:
    match change:
        case c.GateSampleStarted(number=number):
            return replace(run, samples=(*run.samples, GateSample(number, started_at=now)))
        case c.GateSampled(results=results):
            return _with_answers(run, replace(run.samples[-1], ended_at=now, results=results), now)
        case c.GateSampleGivenUp():
            return _with_answers(run, replace(run.samples[-1], ended_at=now), now)
        case c.GatesIgnored(names=names, by=by, comment=comment):
            ignored = tuple(IgnoredGate(name, by, now, comment) for name in names)
            return replace(run, ignored=(*run.ignored, *ignored))
        case c.GatesEnded(status=status):
            return replace(run, ended_as=status, ended_at=now)
        case _:
            raise TypeError(change)


def _with_answers(run: GateRun, sample: GateSample, now: datetime) -> GateRun:
    """A good sample starts or continues the time of success; a bad one starts it anew."""
    good = all(result.succeeded or result.name in run.ignored_names for result in sample.results)
    since = (run.succeeding_since or now) if good and sample.results else None
    return replace(run, samples=(*run.samples[:-1], sample), succeeding_since=since)


def enabled_gates(policy: GatePolicy) -> dict[str, TaskPlan]:
    """The gates that are asked, by name; disabled tasks are left out (SEMANTICS 10.5).

    Of tasks with the same name the second is called "name (2)", so that each answers for itself.
    """
    found: dict[str, TaskPlan] = {}
    for task in policy.tasks:
        if task.enabled:
            same = sum(other.display_name == task.display_name for other in found.values())
            found[f"{task.display_name} ({same + 1})" if same else task.display_name] = task
    return found


def has_succeeded(policy: GatePolicy, run: GateRun) -> bool:
    """Whether all gates agreed in the newest sample, and have for long enough (10.2)."""
    names = set(enabled_gates(policy)) - run.ignored_names
    if not names:
        return True
    newest = run.samples[-1] if run.samples else None
    if newest is None or newest.ended_at is None or run.succeeding_since is None:
        return False
    return newest.ended_at - run.succeeding_since >= policy.minimum_success


def first_sample_at(policy: GatePolicy, run: GateRun) -> datetime:
    """When the delay is over."""
    return run.started_at + policy.delay


def times_out_at(policy: GatePolicy, run: GateRun) -> datetime:
    return first_sample_at(policy, run) + policy.timeout


def next_sample_at(policy: GatePolicy, run: GateRun) -> datetime:
    """The next multiple of the interval after the newest sample began."""
    first = first_sample_at(policy, run)
    if not run.samples:
        return first
    interval = max(policy.interval, timedelta(seconds=1))
    turns = (run.samples[-1].started_at - first) // interval + 1
    return first + turns * interval


def sample_given_up_at(policy: GatePolicy, run: GateRun) -> datetime:
    """When a gate that has not answered counts as failed."""
    return min(next_sample_at(policy, run), times_out_at(policy, run))

"""What follows from a release's state: small rules in the order in which they are tried.

A rule looks at one stage and returns the first change that is due there, or None. `ALWAYS` rules
look at any stage, those of the `CHAPTERS` at one with an attempt under way; read top to bottom
they are the life of a deployment (SEMANTICS 7.3). A chapter says what an attempt must have for
any of its rules to have something to say: most attempts are passed over most chapters at a glance.
`REPORTED` is the life of an attempt that somebody outside does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from quaymaster.domain.changes import Change
from quaymaster.domain.release import Deployment, Release, Stage
from quaymaster.domain.rules.approvals import (
    ask_next_approvers,
    close_when_enough_agreed,
    expire_unanswered,
    has_questions,
    reject_when_one_says_no,
)
from quaymaster.domain.rules.canceling import (
    cancel_jobs_that_wait,
    cancel_when_abandoned,
    end_when_canceled,
    give_up_on_silent_job,
)
from quaymaster.domain.rules.ending import end_when_agreed, end_when_work_failed
from quaymaster.domain.rules.freezing import cancel_when_frozen, cancel_when_quarantined
from quaymaster.domain.rules.gates import (
    begin_gates,
    end_gates,
    end_when_gates_failed,
    give_up_on_sample,
    take_next_sample,
)
from quaymaster.domain.rules.jobs import (
    fail_overdue_job,
    let_held_jobs_go,
    newest_with_held_jobs,
)
from quaymaster.domain.rules.phases import start_next_phase
from quaymaster.domain.rules.queueing import (
    end_deferral,
    enter_queue_when_time_comes,
    take_slot_when_unlimited,
)
from quaymaster.domain.rules.reporting import (
    close_what_a_report_overtook,
    end_when_reported,
    give_up_on_silence,
)
from quaymaster.domain.rules.server_phases import (
    end_pauses,
    start_next_server_task,
    stop_pauses_when_canceled,
)
from quaymaster.domain.rules.starting import answer_completions
from quaymaster.domain.status import has_work_left
from quaymaster.domain.statuses import ReleaseStatus

ACTIVE = ReleaseStatus.ACTIVE

StageRule = Callable[[Release, Stage, datetime], Change | None]
DeploymentRule = Callable[[Release, Stage, Deployment, datetime], Change | None]


@dataclass(frozen=True, slots=True)
class Chapter:
    """Rules for attempts of which `concerns` is true; they do nothing to any other."""

    concerns: Callable[[Deployment], object]
    rules: tuple[DeploymentRule, ...]


def _is_between_jobs(attempt: Deployment) -> bool:
    """Whether people may be asked and phases may start: not while a job is under way."""
    return attempt.has_slot and not has_work_left(attempt)


ALWAYS: tuple[StageRule, ...] = (answer_completions,)

# Tried before all others where the release or an environment stands still.
STANDSTILL = Chapter(
    lambda attempt: not attempt.cancel_requested_at,
    (cancel_when_abandoned, cancel_when_quarantined, cancel_when_frozen),
)

CHAPTERS: tuple[Chapter, ...] = (
    Chapter(
        attrgetter("cancel_requested_at"),
        (
            cancel_jobs_that_wait,
            stop_pauses_when_canceled,
            give_up_on_silent_job,
            end_when_canceled,
        ),
    ),
    Chapter(
        lambda attempt: not attempt.has_slot,
        (enter_queue_when_time_comes, take_slot_when_unlimited),
    ),
    Chapter(
        has_questions,
        (expire_unanswered, reject_when_one_says_no, close_when_enough_agreed),
    ),
    Chapter(_is_between_jobs, (ask_next_approvers, begin_gates)),
    Chapter(
        attrgetter("gates"),
        (end_gates, give_up_on_sample, take_next_sample, end_when_gates_failed),
    ),
    Chapter(attrgetter("deferred_until"), (end_deferral,)),
    Chapter(
        attrgetter("phases"),
        (
            fail_overdue_job,
            give_up_on_silence,
            end_pauses,
        ),
    ),
    Chapter(newest_with_held_jobs, (start_next_server_task, let_held_jobs_go)),
    Chapter(
        _is_between_jobs,
        (start_next_phase, end_when_work_failed, end_when_agreed),
    ),
)

UNDER_WAY: tuple[DeploymentRule, ...] = tuple(
    rule for chapter in (STANDSTILL, *CHAPTERS) for rule in chapter.rules
)

# Once somebody outside has told of an attempt, reports alone move it.
REPORTED: tuple[DeploymentRule, ...] = (
    cancel_when_abandoned,
    close_what_a_report_overtook,
    cancel_jobs_that_wait,
    stop_pauses_when_canceled,
    end_when_reported,
    give_up_on_silent_job,
    end_when_canceled,
    give_up_on_silence,
)


def first_due(release: Release, stage: Stage, now: datetime) -> Change | None:
    """The first change that is due in this stage, or None when it is settled."""
    answer = first_answer(release, stage, now)
    if answer or stage.active is None:
        return answer
    return first_move(release, stage, stage.active, now)


def first_answer(release: Release, stage: Stage, now: datetime) -> Change | None:
    """The first change that what became of other stages asks of this one."""
    for rule in ALWAYS:
        if conclusion := rule(release, stage, now):
            return conclusion
    return None


def first_move(release: Release, stage: Stage, attempt: Deployment, now: datetime) -> Change | None:
    """The first change by which an attempt of this stage goes on; None when it has ended or
    waits. What other stages do plays no part in it, and `stage` is asked for its plan only."""
    if attempt.is_ended:
        return None
    if attempt.report:
        return _first_reported(release, stage, attempt, now)
    stands_still = release.status is not ACTIVE or release.quarantine or release.standing
    for chapter in (STANDSTILL, *CHAPTERS) if stands_still else CHAPTERS:
        if chapter.concerns(attempt):
            for rule in chapter.rules:
                if conclusion := rule(release, stage, attempt, now):
                    return conclusion
    return None


def _first_reported(
    release: Release, stage: Stage, attempt: Deployment, now: datetime
) -> Change | None:
    for rule in REPORTED:
        if conclusion := rule(release, stage, attempt, now):
            return conclusion
    return None

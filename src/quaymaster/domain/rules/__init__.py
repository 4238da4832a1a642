"""What follows from a release's state: small rules in the order in which they are tried.

A rule looks at one stage and returns the first change that is due there, or None. `ALWAYS` rules
look at any stage, `UNDER_WAY` rules at one with an attempt under way; read top to bottom
they are the life of a deployment (SEMANTICS 7.3).
"""

from collections.abc import Callable
from datetime import datetime

from quaymaster.domain.changes import Change
from quaymaster.domain.release import Deployment, Release, Stage
from quaymaster.domain.rules.approvals import (
    ask_next_approvers,
    close_when_enough_agreed,
    expire_unanswered,
    reject_when_one_says_no,
)
from quaymaster.domain.rules.canceling import (
    cancel_jobs_that_wait,
    cancel_when_abandoned,
    end_when_canceled,
    give_up_on_silent_job,
)
from quaymaster.domain.rules.ending import end_when_agreed, end_when_work_failed
from quaymaster.domain.rules.gates import (
    begin_gates,
    end_gates,
    end_when_gates_failed,
    give_up_on_sample,
    take_next_sample,
)
from quaymaster.domain.rules.jobs import fail_overdue_job, let_held_jobs_go
from quaymaster.domain.rules.phases import start_next_phase
from quaymaster.domain.rules.queueing import (
    end_deferral,
    enter_queue_when_time_comes,
    take_slot_when_unlimited,
)
from quaymaster.domain.rules.server_phases import (
    end_pauses,
    start_next_server_task,
    stop_pauses_when_canceled,
)
from quaymaster.domain.rules.starting import answer_completions

StageRule = Callable[[Release, Stage, datetime], Change | None]
DeploymentRule = Callable[[Release, Stage, Deployment, datetime], Change | None]

ALWAYS: tuple[StageRule, ...] = (answer_completions,)

UNDER_WAY: tuple[DeploymentRule, ...] = (
    cancel_when_abandoned,
    cancel_jobs_that_wait,
    stop_pauses_when_canceled,
    give_up_on_silent_job,
    end_when_canceled,
    enter_queue_when_time_comes,
    take_slot_when_unlimited,
    expire_unanswered,
    reject_when_one_says_no,
    close_when_enough_agreed,
    ask_next_approvers,
    begin_gates,
    end_gates,
    give_up_on_sample,
    take_next_sample,
    end_when_gates_failed,
    end_deferral,
    fail_overdue_job,
    end_pauses,
    start_next_server_task,
    let_held_jobs_go,
    start_next_phase,
    end_when_work_failed,
    end_when_agreed,
)


def first_due(release: Release, stage: Stage, now: datetime) -> Change | None:
    """The first change that is due in this stage, or None when it is settled."""
    for stage_rule in ALWAYS:
        if conclusion := stage_rule(release, stage, now):
            return conclusion
    deployment = stage.active
    if deployment is None:
        return None
    for rule in UNDER_WAY:
        if conclusion := rule(release, stage, deployment, now):
            return conclusion
    return None

"""What this contract shows: deployments, candidates, projects and environments (AVIATOR 3, 7)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from quaymaster.actions.candidates.version_lists import Version
from quaymaster.actions.repositories.repositories import (
    BUILD_METHOD,
    DEPLOYMENT_METHOD,
    method_of,
)
from quaymaster.actions.triggers import scheduled_cuts
from quaymaster.apis.aviator import methods, words
from quaymaster.apis.aviator.words import STATUS
from quaymaster.domain import release_versions
from quaymaster.domain.freezes import Freeze, Hold
from quaymaster.domain.reasons import Reason
from quaymaster.domain.release_versions import CandidateVersion, version_of
from quaymaster.domain.statuses import ReportedStatus
from quaymaster.store.candidates.cherry_picks import CherryPick
from quaymaster.store.candidates.pull_requests import CandidatePullRequest
from quaymaster.store.candidates.repositories import (
    RepositoryDefinition,
    RepositoryEnvironment,
)
from quaymaster.store.candidates.repository_views import CandidateLine
from quaymaster.store.candidates.workflow_runs import WorkflowRun
from quaymaster.store.deployments.environment_deployments import EnvironmentDeployment
from quaymaster.store.releases.history import HistoryLine
from quaymaster.store.triggers.cut_schedules import CutSchedule


def time(at: datetime | None) -> str | None:
    """ISO 8601 in UTC, with `+00:00`."""
    return at.astimezone(UTC).isoformat() if at else None


def deployment(environment: str, found: EnvironmentDeployment) -> dict[str, Any]:
    """Exactly the eleven documented keys."""
    return {
        "actor": found.email,
        "deploy_end_at": time(found.completed_at),
        "deploy_start_at": time(found.queued_at),
        "environment_name": environment,
        "error_message": found.problem or None,
        "from_release_candidate_version": found.from_name,
        "from_release_version": version_of(found.from_name) if found.from_name else None,
        "id": str(found.id),
        "release_candidate_version": found.release_name,
        "release_version": version_of(found.release_name),
        "status": words.status(found.outcome, found.operation_status),
    }


def candidate(
    number: int,
    version: CandidateVersion,
    commit: str,
    repo: str,
    actor: str | None,
    at: datetime,
    build_status: str = "success",
) -> dict[str, Any]:
    return {
        "release_version": version.version,
        "release_candidate_version": str(version),
        "rc_number": version.number,
        "commit": commit,
        "repo": repo,
        "build_status": build_status,
        "created_at": time(at),
        "actor": actor,
        "id": str(number),
    }


def candidate_line(found: CandidateLine, repo: str) -> dict[str, Any]:
    """A candidate as it stands now; without a version of this grammar it is its own release."""
    version = release_versions.read(found.name) or CandidateVersion(found.name, 1)
    shown = candidate(found.id, version, found.commit, repo, found.actor, found.created_at)
    built = STATUS[ReportedStatus(found.build)] if found.build else "success"
    return {**shown, "release_candidate_version": found.name, "build_status": built}


def build(found: CandidateLine) -> dict[str, Any]:
    """How the build of a candidate stands, and why it failed."""
    return {
        "status": STATUS[ReportedStatus(found.build)] if found.build else "success",
        "run_url": found.build_url or None,
        "error_message": found.build_problem or None,
    }


def release(found: Version, repo: str) -> dict[str, Any]:
    """A version with its candidates, oldest first; its head is the newest one's commit."""
    return {
        "release_version": found.name,
        "head_commit": found.candidates[-1].commit,
        "created_at": time(found.created_at),
        "candidates": [candidate_line(one, repo) for one in found.candidates],
    }


def project(found: RepositoryDefinition) -> dict[str, Any]:
    return {
        "id": str(found.definition_id),
        "name": found.definition_name,
        "repository": found.repository or None,
        "settings": _own(found.settings, BUILD_METHOD),
        BUILD_METHOD: methods.shown(method_of(found.settings, BUILD_METHOD), builds=True),
    }


def _own(settings: Mapping[str, Any], method: str) -> dict[str, Any]:
    """The settings without the method, which is shown in words of this contract."""
    return {name: value for name, value in settings.items() if name != method}


def next_cut(found: CutSchedule) -> dict[str, Any]:
    """When the clock cuts next; why it cut nothing the last time, or what went wrong."""
    is_skipped = scheduled_cuts.is_skipped(found)
    return {
        "at": time(found.look_at),
        "skipped": found.problem if is_skipped else None,
        "error_message": None if is_skipped else found.problem or None,
    }


def environment(
    found: RepositoryEnvironment,
    parent: str | None = None,
    freezes: list[Freeze] | None = None,
    *,
    is_frozen: bool = False,
    hold: Hold | None = None,
) -> dict[str, Any]:
    """An environment; `held` is null, or why nothing starts there by itself after a rollback."""
    return {
        "id": str(found.id),
        "name": found.name,
        "tier": found.tier,
        "parent": parent,
        "settings": _own(found.settings, DEPLOYMENT_METHOD),
        DEPLOYMENT_METHOD: methods.shown(
            method_of(found.settings, DEPLOYMENT_METHOD), builds=False
        ),
        "frozen": is_frozen,
        "freezes": [freeze(one) for one in freezes or ()],
        "held": _held(hold) if hold else None,
    }


def _held(found: Hold) -> dict[str, Any]:
    return {"reason": found.reason, "by": found.held_by, "at": time(found.held_at)}


def freeze(found: Freeze) -> dict[str, Any]:
    return {
        "id": found.id,
        "kind": found.kind,
        "reason": found.reason,
        "from": time(found.starts_at),
        "until": time(found.ends_at),
        "cron": found.cron or None,
        "duration_minutes": int(found.duration.total_seconds() // 60) or None,
        "time_zone": found.time_zone,
        "running": found.running,
        "by": found.created_by,
    }


def reason(one: Reason, names: Mapping[str, str]) -> dict[str, Any]:
    """Why a deployment waits, who can change that, and when it changes by itself."""
    return {
        "text": one.text,
        "cleared_by": [names.get(who, who) for who in one.cleared_by],
        "clears_at": time(one.clears_at),
    }


def refusal(found: HistoryLine) -> dict[str, Any]:
    """What did not happen to a candidate by itself, and why."""
    return {"at": time(found.at), "reason": found.comment}


def workflow(found: WorkflowRun) -> dict[str, Any]:
    """What is known of the run that does a deployment or a build."""
    return {
        "id": str(found.id),
        "state": found.state,
        "run_id": found.run_id or None,
        "run_url": found.url or None,
        "logs_url": found.logs_url or None,
        "problem": found.problem or None,
    }


def cherry_pick(found: CherryPick) -> dict[str, Any]:
    """A cherry-pick; `error_message` says what to do about a conflict."""
    return {
        "id": str(found.id),
        "release_version": found.version,
        "base": found.base_name,
        "commits": found.commits,
        "status": words.PICKS[found.status],
        "branch": found.branch.removeprefix("refs/heads/"),
        "commit": found.commit or None,
        "release_candidate_version": found.made_name,
        "conflicts": found.conflicts,
        "error_message": found.problem or None,
        "actor": found.asked_by,
        "created_at": time(found.asked_at),
        "ended_at": time(found.ended_at),
    }


def pull_request(found: CandidatePullRequest) -> dict[str, Any]:
    """A pull request of a candidate and whether somebody vouches for it."""
    return {
        "number": found.number,
        "title": found.title,
        "commit": found.commit,
        "verified": found.verified_at is not None,
        "verified_by": found.verified_by,
        "verified_at": time(found.verified_at),
    }

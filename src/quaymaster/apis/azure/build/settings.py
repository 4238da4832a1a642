"""Settings of the build area: retention, and what holds for all pipelines (CONTRACT B.1)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from litestar import Response, get, patch

from quaymaster.actions.builds.results import retention
from quaymaster.actions.builds.results.retention import LIMITS
from quaymaster.actions.definitions import pipeline_rules
from quaymaster.apis.azure.asked import AzureRequest, object_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import bool_in, date_out, number_in
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.build_retention import BuildRetentionSettings
from quaymaster.domain.pipeline_rules import PipelineRules

SETTINGS, RETENTION, GENERAL = "/build/settings", "/build/retention", "/build/generalsettings"
HIGHEST = 36_500
POLICIES = {
    "defaultRetentionPolicy": {"daysToKeep": "days", "minimumToKeep": "minimum"},
    "maximumRetentionPolicy": {"daysToKeep": "longest_days", "minimumToKeep": "most_minimum"},
}
DESTROYED = "daysToKeepDeletedBuildsBeforeDestroy"
KNOWN = (*POLICIES, DESTROYED, "daysToKeep", "minimumToKeep")
# As it is read and as it is written, two names each, in the published contract.
RULES = {
    "purgeRuns": ("runRetention", "days"),
    "purgePullRequestRuns": ("pullRequestRunRetention", "pull_request_days"),
    "purgeArtifacts": ("artifactsRetention", "artifact_days"),
    "retainRunsPerProtectedBranch": ("retainRunsPerProtectedBranch", "minimum"),
}
CHOSEN = {
    "enforceSettableVar": "limits_variables",
    "statusBadgesArePrivate": "badges_are_private",
    "disableClassicBuildPipelineCreation": "refuses_build_designer",
    "disableClassicReleasePipelineCreation": "refuses_release_designer",
}
CLASSIC = "disableClassicPipelineCreation"  # both of the two above
# What holds here and cannot be chosen: a job's token is limited to its project, builds of forks
# are not made.
FIXED = {
    "auditEnforceSettableVar": False,
    "buildsEnabledForForks": False,
    "enableShellTasksArgsSanitizing": False,
    "enableShellTasksArgsSanitizingAudit": False,
    "enforceJobAuthScope": True,
    "enforceJobAuthScopeForForks": True,
    "enforceJobAuthScopeForReleases": True,
    "enforceNoAccessToSecretsFromForks": True,
    "enforceReferencedRepoScopedToken": True,
    "forkProtectionEnabled": True,
    "isCommentRequiredForPullRequest": False,
    "publishPipelineMetadata": False,
    "requireCommentsForNonTeamMemberAndNonContributors": False,
    "requireCommentsForNonTeamMembersOnly": False,
}


@get(SETTINGS, opt=needs(Scope.BUILD))
async def get_build_settings(request: AzureRequest) -> Response[bytes]:
    """How long builds are kept that no rule of their definition speaks of, and at most."""
    request.in_project()
    return request.answer("buildSettings", _policies(await retention.settings(request.call)))


@patch(SETTINGS, opt=needs(Scope.BUILD_EXECUTE))
async def update_build_settings(request: AzureRequest) -> Response[bytes]:
    """Change them; what the body lacks stays as it is."""
    call = request.in_project()
    body = await request.properties("buildSettings", KNOWN)
    changes: dict[str, int] = {}
    for name, fields in POLICIES.items():
        given = json_reading.cased(dict(object_in(body.get(name), name)), KNOWN)
        changes |= {
            field: number_in(given[key], f"{name}.{key}", lowest=0, highest=HIGHEST)
            for key, field in fields.items()
            if given.get(key) is not None
        }
    if body.get(DESTROYED) is not None:
        destroyed = number_in(body[DESTROYED], DESTROYED, lowest=0, highest=HIGHEST)
        changes["days_to_keep_deleted"] = destroyed
    wanted = replace(await retention.settings(call), **changes)
    return request.answer("buildSettings", _policies(await retention.change_settings(call, wanted)))


@get(RETENTION, opt=needs(Scope.BUILD))
async def get_build_retention(request: AzureRequest) -> Response[bytes]:
    """The same numbers as the settings of runs, each with its limits."""
    request.in_project()
    return request.answer("projectRetentionSetting", _rules(await retention.settings(request.call)))


@patch(RETENTION, opt=needs(Scope.BUILD_EXECUTE))
async def update_build_retention(request: AzureRequest) -> Response[bytes]:
    """Change them; what the body lacks stays as it is."""
    call = request.in_project()
    body = await request.properties("retentionSettings", [name for name, _ in RULES.values()])
    changes: dict[str, int] = {}
    for name, field in RULES.values():
        given = json_reading.cased(dict(object_in(body.get(name), name)), ("value",))
        if given.get("value") is not None:
            changes[field] = number_in(given["value"], name, lowest=0, highest=HIGHEST)
    wanted = replace(await retention.settings(call), **changes)
    return request.answer(
        "projectRetentionSetting", _rules(await retention.change_settings(call, wanted))
    )


@get("/build/retention/history", opt=needs(Scope.BUILD))
async def get_build_retention_history(request: AzureRequest) -> Response[bytes]:
    """How many builds, files and definitions are kept now; samples of other days are not kept."""
    counted = await retention.kept_now(request.call)
    sample = {
        "sampleTime": date_out(request.call.now),
        "builds": str(counted.builds),
        "definitions": str(counted.definitions),
        "files": str(counted.files),
    }
    return request.answer("buildRetentionHistory", {"buildRetentionSamples": [sample]})


@get(GENERAL, opt=needs(Scope.BUILD))
async def get_general_settings(request: AzureRequest) -> Response[bytes]:
    """What holds for all pipelines of the project."""
    request.in_project()
    return request.answer(
        "pipelineGeneralSettings", _general(await pipeline_rules.get(request.call))
    )


@patch(GENERAL, opt=needs(Scope.BUILD_EXECUTE))
async def update_general_settings(request: AzureRequest) -> Response[bytes]:
    """Choose what can be chosen; asking for another value of the rest is refused by name."""
    call = request.in_project()
    body = await request.properties("newSettings", (*CHOSEN, *FIXED, CLASSIC))
    for name, value in FIXED.items():
        if body.get(name) is not None and bool_in(body[name], name) is not value:
            raise Problem(
                400,
                "InvalidRequestException",
                f"{name} is always {str(value).lower()} on this server. Leave it out.",
            )
    changes = {
        field: bool_in(body[name], name)
        for name, field in CHOSEN.items()
        if body.get(name) is not None
    }
    if body.get(CLASSIC) is not None:
        both = bool_in(body[CLASSIC], CLASSIC)
        changes = {"refuses_build_designer": both, "refuses_release_designer": both, **changes}
    wanted = replace(await pipeline_rules.get(call), **changes)
    return request.answer(
        "pipelineGeneralSettings", _general(await pipeline_rules.change(call, wanted))
    )


def _policies(found: BuildRetentionSettings) -> dict[str, Any]:
    shown: dict[str, Any] = {
        name: {
            "branches": ["+refs/heads/*"],
            "artifacts": [],
            "artifactTypesToDelete": [],
            **{key: getattr(found, field) for key, field in fields.items()},
            "deleteBuildRecord": True,
            "deleteTestResults": True,
        }
        for name, fields in POLICIES.items()
    }
    return {**shown, DESTROYED: found.days_to_keep_deleted}


def _rules(found: BuildRetentionSettings) -> dict[str, Mapping[str, int]]:
    highest = {"days": found.longest_days, "minimum": found.most_minimum}
    return {
        name: {
            "min": LIMITS[field][0],
            "max": highest.get(field, LIMITS[field][1]),
            "value": getattr(found, field),
        }
        for name, (_, field) in RULES.items()
    }


def _general(found: PipelineRules) -> dict[str, bool]:
    chosen = {name: getattr(found, field) for name, field in CHOSEN.items()}
    both = found.refuses_build_designer and found.refuses_release_designer
    return dict(sorted({**FIXED, **chosen, CLASSIC: both}.items()))


ROUTES = [
    get_build_settings,
    update_build_settings,
    get_build_retention,
    update_build_retention,
    get_build_retention_history,
    get_general_settings,
    update_general_settings,
]

"""Release settings of a project: how long releases are kept (CONTRACT B.4, C ReleaseSettings)."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, put

from quaymaster.actions.releases import retention
from quaymaster.apis.azure.asked import AzureRequest, object_in
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import bool_in, number_in
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.plan import RetentionPolicy
from quaymaster.domain.retention import RetentionSettings

PATH = "/release/releasesettings"
MOST_DAYS = 36_500
KNOWN = (
    "retentionSettings",
    "defaultEnvironmentRetentionPolicy",
    "maximumEnvironmentRetentionPolicy",
    "daysToKeepDeletedReleases",
    "daysToKeep",
    "releasesToKeep",
    "retainBuild",
)


@get(PATH, opt=needs(Scope.RELEASE))
async def get_settings(request: AzureRequest) -> Response[bytes]:
    """The project's own rules of retention."""
    found = await retention.settings(request.in_project())
    return request.answer("releaseSettings", _shown(found))


@put(PATH, opt=needs(Scope.RELEASE_MANAGE))
async def update_settings(request: AzureRequest) -> Response[bytes]:
    """Change them; what the body lacks stays as it is."""
    call = request.in_project()
    body = await request.properties("releaseSettings", KNOWN)
    before = await retention.settings(call)
    wanted = _read(_object(body.get("retentionSettings"), "retentionSettings"), before)
    await retention.change_settings(call, wanted)
    return request.answer("releaseSettings", _shown(wanted))


def _shown(found: RetentionSettings) -> dict[str, Any]:
    return {
        "retentionSettings": {
            "defaultEnvironmentRetentionPolicy": _policy(found.default),
            "maximumEnvironmentRetentionPolicy": _policy(found.longest),
            "daysToKeepDeletedReleases": found.days_to_keep_deleted,
        },
        "complianceSettings": None,
    }


def _policy(policy: RetentionPolicy) -> dict[str, Any]:
    return {
        "daysToKeep": policy.days,
        "releasesToKeep": policy.releases,
        "retainBuild": policy.retain_build,
    }


def _read(body: Mapping[str, Any], before: RetentionSettings) -> RetentionSettings:
    default = _object(body.get("defaultEnvironmentRetentionPolicy"), "default policy")
    longest = _object(body.get("maximumEnvironmentRetentionPolicy"), "maximum policy")
    return RetentionSettings(
        default=_read_policy(default, before.default),
        longest=_read_policy(longest, before.longest),
        days_to_keep_deleted=_days(body, "daysToKeepDeletedReleases", before.days_to_keep_deleted),
    )


def _read_policy(body: Mapping[str, Any], before: RetentionPolicy) -> RetentionPolicy:
    kept = body.get("retainBuild")
    return RetentionPolicy(
        days=_days(body, "daysToKeep", before.days),
        releases=_days(body, "releasesToKeep", before.releases),
        retain_build=before.retain_build if kept is None else bool_in(kept, "retainBuild"),
    )


def _days(body: Mapping[str, Any], name: str, before: int) -> int:
    given = body.get(name)
    return before if given is None else number_in(given, name, lowest=0, highest=MOST_DAYS)


def _object(value: Any, where: str) -> dict[str, Any]:
    return json_reading.cased(dict(object_in(value, where)), KNOWN)


ROUTES = [get_settings, update_settings]

"""How each type of the schema is read: plain values at once, everything else when asked for."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from graphql import GraphQLResolveInfo

from quaymaster.actions.repositories import repositories, views
from quaymaster.apis.aviator import present, words
from quaymaster.apis.aviator.errors import Problem, unauthorized
from quaymaster.apis.aviator.graphql.loaders import Loaders
from quaymaster.apis.aviator.words import STATUS
from quaymaster.domain import release_versions
from quaymaster.domain.errors import NotFound
from quaymaster.domain.numbers import digits
from quaymaster.domain.statuses import ReportedStatus
from quaymaster.store.candidates.repositories import RepositoryDefinition, RepositoryEnvironment
from quaymaster.store.candidates.repository_views import CandidateLine, VersionLine
from quaymaster.store.deployments.environment_deployments import EnvironmentDeployment

Info = GraphQLResolveInfo[Loaders]
Shown = dict[str, Any]
T = TypeVar("T")
INVALID_AFTER = "Invalid after"
PAGE = 20  # what the schema says of `first`; also for one that is told as null (AVIATOR 8)
PAGE_OF_DEPLOYMENTS = 10


# ---- the shapes -----------------------------------------------------------------------------


def project(info: Info, found: RepositoryDefinition) -> Shown:
    """A ReleaseProject."""
    info.context.definitions[found.definition_id] = found
    owner, _, name = found.repository.partition("/")
    return {
        "id": str(found.definition_id),
        "name": found.definition_name,
        "repository": {"owner": owner, "name": name},
        "filePaths": list(found.settings.get("file_paths") or []),
        "of": found.definition_id,
    }


def release(of: int, version: str, created_at: Any) -> Shown:
    """A Release: a version of a definition."""
    return {
        "id": f"{of}:{version}",
        "version": version,
        "createdAt": present.time(created_at),
        "of": of,
    }


def candidate(found: CandidateLine) -> Shown:
    """A ReleaseCandidate."""
    read = release_versions.read(found.name)
    built = ReportedStatus(found.build) if found.build else ReportedStatus.SUCCEEDED
    return {
        "id": str(found.id),
        "version": found.name,
        "number": read.number if read else 1,
        "commitSha": found.commit,
        "buildStatus": STATUS[built].upper(),
        "buildUrl": found.build_url or None,
        "buildError": found.build_problem or None,
        "quarantineReason": found.quarantine or None,
        "of": found.definition_id,
        "line": found,
    }


def environment(of: int, found: RepositoryEnvironment) -> Shown:
    """A ReleaseEnvironment."""
    return {
        "id": str(found.id),
        "name": found.name,
        "tier": found.tier.upper(),
        "of": of,
        "at": found,
    }


def deployment(found: EnvironmentDeployment) -> Shown:
    """A Deployment."""
    actor = {"fullName": found.display_name, "email": found.email} if found.email else None
    return {
        "id": str(found.id),
        "status": words.status(found.outcome, found.operation_status).upper(),
        "actor": actor,
        "startedAt": present.time(found.queued_at),
        "endedAt": present.time(found.completed_at),
        "errorMessage": found.problem or None,
        "isRollback": found.rolls_back,
        "url": found.run_url or None,
        "entry": found,
    }


# ---- pages ----------------------------------------------------------------------------------


def cursor(number: int) -> str:
    """An opaque place in a list."""
    return urlsafe_b64encode(f"id:{number}".encode()).decode()


def place(after: str | None) -> int | None:
    """Where a page begins. Raises Problem for a cursor that was never given."""
    if after is None:
        return None
    try:
        kind, _, number = urlsafe_b64decode(after.encode()).decode().partition(":")
    except (NotBase64, UnicodeError):
        raise Problem(400, INVALID_AFTER) from None
    found = digits(number) if kind == "id" else None
    if found is None:
        raise Problem(400, INVALID_AFTER)
    return found


def connection(
    found: Sequence[T], first: int, show: Callable[[T], Shown], number: Callable[[T], int]
) -> Shown:
    """A page of what was asked for with one more than the page holds."""
    page = found[:first]
    edges = [{"cursor": cursor(number(one)), "node": show(one)} for one in page]
    return {
        "nodes": [edge["node"] for edge in edges],
        "edges": edges,
        "pageInfo": {
            "hasNextPage": len(found) > first,
            "endCursor": edges[-1]["cursor"] if edges else None,
        },
    }


# ---- Query ----------------------------------------------------------------------------------


async def viewer(_: None, info: Info) -> Shown:
    caller = info.context.call.caller
    if caller is None:
        raise unauthorized()
    return {"fullName": caller.display_name, "email": caller.unique_name}


async def github_repository(_: None, info: Info, owner: str, name: str) -> Shown | None:
    """A repository that one of the caller's projects releases."""
    known = {one.repository for one in await views.definitions(info.context.call)}
    return {"owner": owner, "name": name} if f"{owner}/{name}" in known else None


async def release_project(_: None, info: Info, name: str) -> Shown | None:
    try:
        found = await repositories.looked_up(info.context.call, name)
    except NotFound:
        return None
    return project(info, found.definition)


async def release_projects(
    _: None, info: Info, first: int | None = None, after: str | None = None
) -> Shown:
    """By name; a cursor is the id of the last one seen."""
    size = first or PAGE
    known = await views.definitions(info.context.call)
    start = place(after)
    if start is not None:
        seen = [number for number, one in enumerate(known) if one.definition_id == start]
        if not seen:
            raise Problem(400, INVALID_AFTER)
        known = known[seen[0] + 1 :]
    return connection(
        known[: size + 1], size, lambda one: project(info, one), lambda one: one.definition_id
    )


# ---- ReleaseProject -------------------------------------------------------------------------


async def project_environments(of: Shown, info: Info) -> list[Shown]:
    known = await info.context.environments.get(of["of"]) or []
    return [environment(of["of"], one) for one in known]


async def project_environment(of: Shown, info: Info, name: str) -> Shown | None:
    known = await info.context.environments.get(of["of"]) or []
    return next((environment(of["of"], one) for one in known if one.name == name), None)


async def project_release(of: Shown, info: Info, version: str) -> Shown | None:
    known = await info.context.candidates_of.get((of["of"], version)) or []
    return release(of["of"], version, known[0].created_at) if known else None


async def project_releases(
    of: Shown, info: Info, first: int | None = None, after: str | None = None
) -> Shown:
    size = first or PAGE
    found = await info.context.versions(of["of"], (size + 1, place(after)))

    def show(line: VersionLine) -> Shown:
        return release(line.definition, line.version, line.created_at)

    return connection(found, size, show, lambda line: line.newest)


# ---- Release, ReleaseCandidate --------------------------------------------------------------


async def _candidates(of: Shown, info: Info) -> list[CandidateLine]:
    return await info.context.candidates_of.get((of["of"], of["version"])) or []


async def release_candidates(of: Shown, info: Info) -> list[Shown]:
    return [candidate(one) for one in await _candidates(of, info)]


async def latest_candidate(of: Shown, info: Info) -> Shown | None:
    known = await _candidates(of, info)
    return candidate(known[-1]) if known else None


async def head_commit(of: Shown, info: Info) -> str | None:
    known = await _candidates(of, info)
    return known[-1].commit if known else None


async def candidate_release(of: Shown, info: Info) -> Shown:
    line: CandidateLine = of["line"]
    known = await info.context.candidates_of.get((line.definition_id, line.version)) or [line]
    return release(line.definition_id, line.version, known[0].created_at)


async def candidate_deployments(
    of: Shown, info: Info, environment: str | None = None
) -> list[Shown]:
    found = await info.context.deployments_of.get(of["line"].id) or []
    if environment is not None:
        known = await info.context.environments.get(of["of"]) or []
        wanted = {one.id for one in known if one.name == environment}
        found = [one for one in found if one.environment_id in wanted]
    return [deployment(one) for one in found]


# ---- ReleaseEnvironment ---------------------------------------------------------------------


async def environment_parent(of: Shown, info: Info) -> Shown | None:
    at: RepositoryEnvironment = of["at"]
    if at.parent_id is None:
        return None
    found = await info.context.environment(of["of"], at.parent_id)
    return environment(of["of"], found) if found else None


async def environment_frozen(of: Shown, info: Info) -> bool:
    return bool(await info.context.standstills.get(of["at"].id))


async def freeze_reason(of: Shown, info: Info) -> str | None:
    found = await info.context.standstills.get(of["at"].id)
    return found[0].reason if found else None


async def hold_reason(of: Shown, info: Info) -> str | None:
    found = await info.context.holds.get(of["at"].id)
    return found.reason if found else None


async def environment_current(of: Shown, info: Info) -> Shown | None:
    return await _candidate(info, await info.context.running.get(of["at"].id))


async def environment_target(of: Shown, info: Info) -> Shown | None:
    return await _candidate(info, await info.context.rollback_targets.get(of["at"].id))


async def environment_deployments(
    of: Shown, info: Info, first: int | None = None, after: str | None = None
) -> Shown:
    size = first or PAGE_OF_DEPLOYMENTS
    found = await info.context.deployments(of["at"].id, (size + 1, place(after)))
    return connection(found, size, deployment, lambda one: one.id)


# ---- Deployment -----------------------------------------------------------------------------


async def deployment_environment(of: Shown, info: Info) -> Shown | None:
    entry: EnvironmentDeployment = of["entry"]
    found = await info.context.environment(entry.definition_id, entry.environment_id)
    return environment(entry.definition_id, found) if found else None


async def deployment_candidate(of: Shown, info: Info) -> Shown | None:
    return await _candidate(info, of["entry"].release_id)


async def deployment_from(of: Shown, info: Info) -> Shown | None:
    return await _candidate(info, of["entry"].from_release_id)


async def _candidate(info: Info, number: int | None) -> Shown | None:
    found = await info.context.candidates.get(number) if number is not None else None
    return candidate(found) if found else None


RESOLVERS: dict[str, dict[str, Callable[..., Any]]] = {
    "Query": {
        "viewer": viewer,
        "githubRepository": github_repository,
        "releaseProject": release_project,
        "releaseProjects": release_projects,
    },
    "ReleaseProject": {
        "environments": project_environments,
        "environment": project_environment,
        "release": project_release,
        "releases": project_releases,
    },
    "Release": {
        "candidates": release_candidates,
        "latestCandidate": latest_candidate,
        "headCommitSha": head_commit,
    },
    "ReleaseCandidate": {"release": candidate_release, "deployments": candidate_deployments},
    "ReleaseEnvironment": {
        "parent": environment_parent,
        "frozen": environment_frozen,
        "freezeReason": freeze_reason,
        "holdReason": hold_reason,
        "current": environment_current,
        "rollbackTarget": environment_target,
        "deployments": environment_deployments,
    },
    "Deployment": {
        "environment": deployment_environment,
        "candidate": deployment_candidate,
        "from": deployment_from,
    },
}

"""Queueing builds of what happened: pushes, pull requests, the end of other builds (issue 4.3)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

import structlog

from quaymaster.actions.builds import queueing
from quaymaster.actions.builds.definitions import build_sources
from quaymaster.actions.builds.definitions.build_sources import Sources
from quaymaster.actions.builds.queueing import BuildRequest
from quaymaster.actions.call import Call, Project
from quaymaster.domain.build_triggers import BuildTriggers, PushTrigger, admits_branch, admits_paths
from quaymaster.domain.errors import DomainError, Invalid, NotFound, Refused
from quaymaster.domain.pushes import Push, PushKind, repository_key
from quaymaster.domain.triggers import GOOD_RESULTS
from quaymaster.plans.yaml_triggers import file_triggers
from quaymaster.store.builds import builds, views
from quaymaster.store.builds.views import BuildView
from quaymaster.store.definitions import build_definitions
from quaymaster.store.definitions.build_definitions import BuildDefinition
from quaymaster.store.people import people
from quaymaster.store.postgres.database import DatabaseUnavailable
from quaymaster.store.triggers import build_triggers, firings
from quaymaster.store.triggers.build_triggers import Triggered

SKIPPED = ("***NO_CI***", "[skip ci]", "[ci skip]", "skip-checks: true")

_log = structlog.get_logger(__name__)


class Later(Exception):
    """A batch waits for the build before it to end."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A definition whose trigger fires, with all that is needed to queue its build."""

    call: Call
    definition: BuildDefinition
    triggers: BuildTriggers


async def pushed(call: Call, push: Push) -> int:
    """Queue the builds that a push or a pull request asks for, each once; how many.

    What goes wrong with one definition holds up no other, and is raised at the end: Later for a
    batch that has to wait, which goes before all else, Invalid when a repository cannot be asked.
    """
    async with call.database.read() as connection:
        found = await build_triggers.of_repository(connection, call.project_id, push.repositories)
        found_by = await people.find(connection, push.by)
        requester = found_by.id if found_by else None

    async def queued(one: Triggered) -> bool:
        wanted = await opened(call, one)
        if wanted is not None and wanted.triggers.in_file:
            wanted = await _of_file(wanted, push)
        if wanted is None or not await _is_wanted(wanted, push):
            return False
        return await _queue(wanted, await _request(wanted, push, requester))

    return await _each(found, queued)


async def completed(call: Call, build_id: int) -> int:
    """Queue the builds that follow this one (23.9); how many. Raises as `pushed` does."""
    async with call.database.read() as connection:
        view = await views.get(connection, None, build_id)
        found = await build_triggers.after(connection, view.definition_id) if view else []
        before = await builds.load(connection, build_id) if found else None

    async def queued(one: Triggered) -> bool:
        wanted = await opened(call, one)
        if wanted is None or view is None or not _follows(wanted, view):
            return False
        is_strange = before is not None and before.plan.without_secrets
        return await _queue(wanted, _following(wanted, view, is_strange=is_strange))

    return await _each(found, queued)


async def _each(found: Iterable[Triggered], queued: Callable[[Triggered], Awaitable[bool]]) -> int:
    """Let every definition answer; how many builds came of it. Raises what went wrong then: that a
    batch waits counts as no failure, and what we have not foreseen is worth more than what we have.
    """
    made, problems = 0, list[Exception]()
    for one in found:
        try:
            made += await queued(one)
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - raised below, after the others
            about = {"definition": one.definition_id, "reason": f"{type(error).__name__}: {error}"}
            _log.info("a definition could not answer", **about)
            problems.append(error)
    if problems:
        raise min(problems, key=_weight)
    return made


def _weight(problem: Exception) -> int:
    if isinstance(problem, Later):
        return 0
    return 2 if isinstance(problem, DomainError) else 1


async def opened(call: Call, one: Triggered) -> Wanted | None:
    async with call.database.read() as connection:
        definition = await build_definitions.get(connection, None, None, one.definition_id)
    if definition is None or definition.is_deleted:
        return None
    return Wanted(_own(call, definition), definition, one.triggers)


def _own(call: Call, definition: BuildDefinition) -> Call:
    """The product itself, in the definition's project."""
    project = Project(str(definition.project_id), definition.project_name, "")
    return Call(call.installation, None, project, call.now)


# ---- what is wanted -------------------------------------------------------------------------


async def _of_file(wanted: Wanted, push: Push) -> Wanted:
    """With the triggers that the YAML file has at the commit that was pushed; one that is not there
    or cannot be read triggers nothing, and is said in the log. Raises Invalid when the repository
    cannot be asked."""
    path = wanted.definition.plan.yaml_path.lstrip("/")
    sources = await _sources(wanted)
    version = push.commit if push.kind is PushKind.PUSH else ""
    commit = await build_sources.commit(wanted.call, sources, push.ref, version)
    try:
        text = await build_sources.file(wanted.call, sources, commit.id, path)
        said = await asyncio.to_thread(
            file_triggers,
            text,
            path,
            silent_pushes=wanted.triggers.silent_builds_pushes,
            silent_pull_requests=wanted.triggers.silent_builds_pull_requests,
        )
        return replace(wanted, triggers=_under(wanted.triggers, said))
    except Invalid as error:
        await _say_unread(wanted, commit.id, " ".join([error.message, *error.problems]))
        return replace(wanted, triggers=BuildTriggers())


async def _say_unread(wanted: Wanted, commit: str, reason: str) -> None:
    """Once for a commit, however often its pushes are told of and looked at."""
    number, path = wanted.definition.id, wanted.definition.plan.yaml_path
    async with wanted.call.database.transaction() as connection:
        key = f"unread:{commit}:{path}"
        is_new = await firings.BUILDS.fire(connection, number, key, wanted.call.now)
    if is_new:
        _log.warning("a YAML file triggers nothing", definition=number, reason=reason)


def _under(definition: BuildTriggers, file: BuildTriggers) -> BuildTriggers:
    """The file's triggers; whether strangers' copies are built is for the definition to say."""
    known, said = definition.pull_request, file.pull_request
    if known is None or said is None:
        return file
    allowed = replace(said, forks=known.forks, fork_secrets=known.fork_secrets)
    return replace(file, pull_request=allowed)


async def _is_wanted(wanted: Wanted, push: Push) -> bool:
    if push.kind is PushKind.PULL_REQUEST:
        asked = wanted.triggers.pull_request
        if asked is None or not admits_branch(asked.branches, push.target):
            return False
        return (asked.forks or not push.is_fork) and admits_paths(asked.paths, push.paths)
    trigger = wanted.triggers.push
    if trigger is None or not admits_branch(trigger.branches, push.ref):
        return False
    if any(word in push.message for word in SKIPPED):
        return False
    if not trigger.paths:
        return True
    paths = push.paths if push.paths is not None else await _changed_paths(wanted, push)
    return admits_paths(trigger.paths, paths)


async def _changed_paths(wanted: Wanted, push: Push) -> Iterable[str]:
    """What a push changed where the delivery does not say."""
    sources = await _sources(wanted)
    before = push.before if push.before.strip("0") else ""
    return await build_sources.paths(wanted.call, sources, before, push.commit)


async def _sources(wanted: Wanted) -> Sources:
    definition = wanted.definition
    return await build_sources.opened(
        wanted.call, definition.project_id, definition.plan.repository
    )


async def _request(wanted: Wanted, push: Push, requester: str | None) -> BuildRequest:
    if push.kind is PushKind.PULL_REQUEST:
        return _of_pull_request(wanted, push, requester)
    trigger = wanted.triggers.push
    is_batch = trigger is not None and trigger.batch
    commit = push.commit
    if trigger is not None and is_batch:
        await _check_batch(wanted, trigger, push.ref)
        newest = await build_sources.commit(wanted.call, await _sources(wanted), push.ref)
        commit = newest.id
    return BuildRequest(
        definition_id=wanted.definition.id,
        source_branch=push.ref,
        source_version=commit,
        reason="batchedCI" if is_batch else "individualCI",
        requested_for=requester,
        trigger_info={
            "ci.sourceBranch": push.ref,
            "ci.sourceSha": commit,
            "ci.message": push.message.partition("\n")[0][:200],
        },
        lets_pass=True,
        once=f"push:{push.ref}:{commit}",
    )


async def _check_batch(wanted: Wanted, trigger: PushTrigger, ref: str) -> None:
    async with wanted.call.database.read() as connection:
        found = await build_triggers.building(connection, wanted.definition.id, ref)
        if found >= trigger.most_at_once:
            raise Later


def _of_pull_request(wanted: Wanted, push: Push, requester: str | None) -> BuildRequest:
    asked = wanted.triggers.pull_request
    return BuildRequest(
        supersedes=asked is not None and asked.auto_cancel,
        has_secrets=not push.is_fork or (asked is not None and asked.fork_secrets),
        definition_id=wanted.definition.id,
        source_branch=push.ref,
        source_version=push.commit,
        reason="pullRequest",
        requested_for=requester,
        trigger_info={
            "pr.number": str(push.number),
            "pr.sourceBranch": push.ref,
            "pr.targetBranch": push.target,
            "pr.sourceSha": push.head or push.commit,
            "pr.title": push.message.partition("\n")[0][:200],
            "pr.isFork": str(push.is_fork),
        },
        lets_pass=True,
        once=f"pullRequest:{push.ref}:{push.commit}",
    )


def _follows(wanted: Wanted, view: BuildView) -> bool:
    good = view.result in GOOD_RESULTS
    return any(
        one.definition_id == view.definition_id
        and (good or not one.needs_success)
        and admits_branch(one.branches, view.source_branch or "refs/heads/")
        for one in wanted.triggers.completions
    )


def _following(wanted: Wanted, view: BuildView, *, is_strange: bool) -> BuildRequest:
    """A build of the same branch and commit where the repository is the same, and then without
    secrets after one that was so, too."""
    plan = wanted.definition.plan.repository
    same = bool(plan.url) and repository_key(plan.url) == repository_key(
        str(view.repository.get("url") or "")
    )
    return BuildRequest(
        definition_id=wanted.definition.id,
        source_branch=view.source_branch if same else "",
        source_version=view.source_version if same else "",
        has_secrets=not (same and is_strange),
        reason="buildCompletion",
        requested_for=view.requested_for,
        triggered_by_build=view.id,
        lets_pass=True,
        once=f"after:{view.id}",
    )


async def _queue(wanted: Wanted, request: BuildRequest) -> bool:
    """Queue a build once; one that never can be is said in the log and kept with its firing."""
    try:
        return await queueing.queue_once(wanted.call, request) is not None
    except (Refused, NotFound) as error:
        reason = error.message
    definition_id = request.definition_id
    _log.warning("a triggered build is not queued", definition=definition_id, reason=reason)
    async with wanted.call.database.transaction() as connection:
        if await firings.BUILDS.fire(connection, definition_id, request.once, wanted.call.now):
            await build_triggers.fired(connection, definition_id, request.once, None, reason)
    return False

"""Telling repositories how their commits stand: queued with the build, posted by a worker.

At least once and in order; a server that does not answer is asked again for about a day, and no
build waits for it (SEMANTICS 8.9, 12.12).
"""

from dataclasses import replace
from datetime import UTC, datetime

import structlog

from quaymaster.actions.call import Call, Installation
from quaymaster.actions.decisions.follow_up import STATUSES
from quaymaster.actions.ports.outboxes import KEPT, LEASE, LONGEST_PROBLEM, PAUSES
from quaymaster.actions.ports.outside import Unreachable, WebClient
from quaymaster.actions.resources import connections
from quaymaster.domain.build import Build
from quaymaster.domain.commit_statuses import CommitStatus, described, state_of, takes_statuses
from quaymaster.plans.endpoints import endpoint
from quaymaster.protocol.job import Endpoint
from quaymaster.sources import commit_statuses
from quaymaster.sources.asking import SourceProblem
from quaymaster.store.announcements import status_posts
from quaymaster.store.announcements.outboxes import Failure
from quaymaster.store.announcements.status_posts import StatusPost
from quaymaster.store.builds.views import BuildView
from quaymaster.store.people import projects
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.queue import Wakeup, enqueue
from quaymaster.store.storage.vault import VaultError

HEAD_OF_PULL_REQUEST = "pr.sourceSha"

_log = structlog.get_logger(__name__)


async def tell_of_build(
    connection: Connection, call: Call, view: BuildView, before: Build, after: Build
) -> None:
    """Queue what the repository of a build is to be told of this change, if anything.

    Of a pull request the commit that was pushed is meant, not the merge that is built.
    """
    repository = after.plan.repository
    commit = view.trigger_info.get(HEAD_OF_PULL_REQUEST) or view.source_version
    if not takes_statuses(repository, commit):
        return
    state = state_of(after)
    if before.jobs and state is state_of(before):
        return
    project = await projects.get(connection, view.project_id)
    organization = project.organization if project else ""
    page = f"/{organization}/{view.project_id}/_build/results"
    told = CommitStatus(
        type=repository.type,
        repository=repository.name or repository.id,
        url=repository.url,
        connection=repository.connection.strip(),
        commit=commit,
        context=view.definition_name,
        state=state,
        description=described(view.number, state, after),
        target_url=f"{page}?buildId={view.id}",
    )
    await status_posts.queue(connection, view.project_id, (view.id, None), told, call.now)
    await enqueue(connection, [Wakeup(STATUSES, {"id": 0})])


async def due(installation: Installation, busy: list[str], most: int) -> list[StatusPost]:
    """Take at most so many statuses that may be posted now, none for a busy receiver."""
    async with installation.database.transaction() as connection:
        return await status_posts.claimed(connection, datetime.now(UTC), LEASE, busy, most)


async def send(installation: Installation, web: WebClient, post: StatusPost) -> None:
    """Post one status that this process has taken, and keep what came of it."""
    try:
        signing_in = await _connection(installation, post)
        request = commit_statuses.request(_addressed(installation, post.told), signing_in)
    except (SourceProblem, VaultError) as error:
        await _failed(installation, post, str(error), None)
        return
    try:
        answer = await web.ask(request)
    except Unreachable as error:
        await _failed(installation, post, str(error), None)
        return
    if not commit_statuses.is_taken(answer, signing_in):
        problem = f"The server of {post.told.repository} answered {answer.status}."
        await _failed(installation, post, problem, answer.status)
        return
    async with installation.database.transaction() as connection:
        await status_posts.posted(connection, post.number, answer.status, datetime.now(UTC))


async def forget_old(installation: Installation) -> int:
    """Remove statuses that were posted or parked long ago; how many."""
    async with installation.database.transaction() as connection:
        return await status_posts.forget(connection, datetime.now(UTC) - KEPT)


def _addressed(installation: Installation, told: CommitStatus) -> CommitStatus:
    """With the whole address of the page that tells more."""
    if not told.target_url.startswith("/"):
        return told
    return replace(told, target_url=f"{installation.url}{told.target_url}")


async def _connection(installation: Installation, post: StatusPost) -> Endpoint:
    word = post.told.connection
    async with installation.database.read() as connection:
        found = await connections.resolve(connection, installation.vault, post.project_id, [word])
    if word.casefold() not in found:
        raise SourceProblem(f"The project has no service connection {word!r} any more.")
    return endpoint(found[word.casefold()])


async def _failed(
    installation: Installation, post: StatusPost, problem: str, answer: int | None
) -> None:
    now = datetime.now(UTC)
    again = None if post.attempts > len(PAUSES) else now + PAUSES[post.attempts - 1]
    about = {"commit": post.told.commit, "context": post.told.context, "reason": problem}
    if again is None:
        _log.warning("a status is not posted any more", **about)
    failure = Failure(problem[:LONGEST_PROBLEM], answer, again, now)
    async with installation.database.transaction() as connection:
        await status_posts.failed(connection, post, failure)

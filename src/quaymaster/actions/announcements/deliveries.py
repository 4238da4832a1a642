"""Sending what subscriptions want to hear: at least once, in order, under one id (R-39)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from quaymaster.actions.builds import reading as build_reading
from quaymaster.actions.builds.reading import BuildsFound
from quaymaster.actions.call import Call, Installation
from quaymaster.actions.ports.outboxes import KEPT, LEASE, LONGEST_PROBLEM, PAUSES
from quaymaster.actions.ports.outside import Unreachable, WebClient, WebRequest
from quaymaster.actions.releases import reading
from quaymaster.actions.releases.reading import ReleaseFound
from quaymaster.actions.storage.turns import OURS
from quaymaster.domain.errors import NotFound
from quaymaster.store.announcements import deliveries, subscriptions
from quaymaster.store.announcements.deliveries import Letter
from quaymaster.store.announcements.outboxes import Failure
from quaymaster.store.announcements.subscriptions import Subscription
from quaymaster.store.candidates import repositories
from quaymaster.store.candidates.repositories import (
    RepositoryDefinition,
    RepositoryEnvironment,
)
from quaymaster.store.deployments import environment_deployments
from quaymaster.store.deployments.environment_deployments import EnvironmentDeployment
from quaymaster.store.people import people, projects
from quaymaster.store.people.people import Identity
from quaymaster.store.postgres.database import Connection, DatabaseUnavailable
from quaymaster.store.storage.vault import VaultError

GONE = "The release or the build that this is about has been deleted."


@dataclass(frozen=True, slots=True)
class Told:
    """Everything an announcement is written from; `release` and `build` are None where it is not
    about one.

    `definition`, `environment`, `deployment` and `by` (who did it, or made the release) are what
    dialects of names show of the same.
    """

    letter: Letter
    subscription: Subscription
    organization: str
    url: str
    release: ReleaseFound | None = None
    build: BuildsFound | None = None
    definition: RepositoryDefinition | None = None
    environment: RepositoryEnvironment | None = None
    deployment: EnvironmentDeployment | None = None
    by: Identity | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """What goes over the wire besides the body."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Announcer(Protocol):
    """How one dialect writes an announcement."""

    def body(self, told: Told) -> bytes:
        """The body, the same at every attempt."""

    def post(self, subscription: Subscription, letter: Letter, body: bytes) -> Post:
        """The headers: credentials, signature, and the id of the delivery."""


async def due(installation: Installation, busy: list[UUID], most: int) -> list[Letter]:
    """Take at most so many letters that may be sent now, none for a busy subscription."""
    async with installation.database.transaction() as connection:
        return await deliveries.claimed(connection, datetime.now(UTC), LEASE, busy, most)


async def send(
    installation: Installation, web: WebClient, announcers: Mapping[str, Announcer], letter: Letter
) -> None:
    """Send one letter that this process has taken, and keep what came of it.

    A process that dies in between leaves it to be taken again after its lease: the receiver may
    get it twice, under the same id. What cannot be written counts as an attempt, too.
    """
    try:
        request = await _request(installation, announcers, letter)
    except NotFound:
        await _failed(installation, letter, GONE, None, None)
        return
    except VaultError as error:
        await _failed(installation, letter, str(error), None, _again(letter))
        return
    except DatabaseUnavailable:
        raise
    except Exception:
        await _failed(installation, letter, OURS, None, _again(letter))
        raise
    if request is None:
        return
    try:
        answer = await web.ask(request)
    except Unreachable as error:
        await _failed(installation, letter, str(error), None, _again(letter))
        return
    if not 200 <= answer.status < 300:
        problem = f"The receiver answered {answer.status}."
        await _failed(installation, letter, problem, answer.status, _again(letter))
        return
    async with installation.database.transaction() as connection:
        await deliveries.delivered(connection, letter.id, answer.status, datetime.now(UTC))


async def _request(
    installation: Installation, announcers: Mapping[str, Announcer], letter: Letter
) -> WebRequest | None:
    """What is sent; None when the subscription was removed in the meantime, and its deliveries
    with it. Raises NotFound when what it is about is gone, VaultError."""
    async with installation.database.read() as connection:
        subscription = await subscriptions.opened(
            connection, installation.vault, letter.subscription
        )
    if subscription is None:
        return None
    announcer = announcers[subscription.dialect]
    body = letter.body or await _written(installation, announcer, subscription, letter)
    post = announcer.post(subscription, letter, body)
    headers = {"Content-Type": "application/json; charset=utf-8", **post.headers}
    return WebRequest("POST", subscription.url, headers, body)


async def forget_old(installation: Installation) -> int:
    """Remove deliveries that ended long ago; how many."""
    async with installation.database.transaction() as connection:
        return await deliveries.forget(connection, datetime.now(UTC) - KEPT)


def _again(letter: Letter) -> datetime | None:
    if letter.attempts > len(PAUSES):
        return None
    return datetime.now(UTC) + PAUSES[letter.attempts - 1]


async def _failed(
    installation: Installation,
    letter: Letter,
    problem: str,
    answer: int | None,
    again: datetime | None,
) -> None:
    failure = Failure(problem[:LONGEST_PROBLEM], answer, again, datetime.now(UTC))
    async with installation.database.transaction() as connection:
        await deliveries.failed(connection, letter, failure)


async def _with_names(connection: Connection, told: Told) -> Told:
    """With the definition, the environment and the deployment that it is about, and whose it is."""
    fact = told.letter.fact
    if fact.definition_stage:
        named = await repositories.of_environment(connection, fact.definition_stage)
        if named:
            told = replace(told, definition=named.definition, environment=named.environment)
    elif told.release:
        number = told.release.view.head.definition_id
        told = replace(told, definition=await repositories.of_definition(connection, number))
    if fact.stage and fact.attempt:
        made = await environment_deployments.attempt(connection, fact.stage, fact.attempt)
        told = replace(told, deployment=made)
    if fact.by:
        told = replace(told, by=await people.get(connection, fact.by))
    elif told.release and (maker := told.release.view.head.created_by):
        told = replace(told, by=told.release.people.get(maker))
    return told


async def _written(
    installation: Installation, announcer: Announcer, subscription: Subscription, letter: Letter
) -> bytes:
    """The body, written once and kept before it is sent for the first time."""
    call = Call(installation)
    found = None
    if letter.fact.release:
        found = await reading.release(call, letter.fact.release, deleted=True)
    number = letter.fact.build
    built = await build_reading.build(call, number, deleted=True) if number else None
    async with installation.database.read() as connection:
        organization = await projects.organization_name(connection, subscription.organization)
        told = Told(letter, subscription, organization or "", installation.url, found, built)
        told = await _with_names(connection, told)
    body = announcer.body(told)
    async with installation.database.transaction() as connection:
        await deliveries.keep_body(connection, letter.id, body)
    return body

"""Repositories hear how their commits stand: in order, at least once, in their own words."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from quaymaster.actions.builds import status_posting
from quaymaster.actions.ports.outboxes import PAUSES
from quaymaster.actions.resources import connections
from quaymaster.domain.commit_statuses import CommitState, CommitStatus
from quaymaster.domain.connection_saving import ConnectionContent
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.outgoing.http import GuardedClient
from quaymaster.store.announcements import status_posts
from tests.actions.office import Office
from tests.connectors.far_side import FarSide, answering, far_side

COMMIT = "a" * 40


async def connected(office: Office, kind: str, url: str) -> None:
    content = ConnectionContent(
        name="hub",
        type=kind,
        url=url,
        scheme="Token",
        parameters={"username": "", "apitoken": "s3cret"},
    )
    await connections.create(await office.call("ann"), content)


async def queued(office: Office, *states: CommitState, repository: str = "octo/web") -> None:
    call = await office.call("ann")
    async with office.installation.database.transaction() as connection:
        for state in states:
            told = CommitStatus(
                "Git", repository, "", "hub", COMMIT, "CI", state, f"It is {state}.", "http://x/1"
            )
            project = UUID(call.project.id) if call.project else UUID(int=0)
            await status_posts.queue(connection, project, (None, 1), told, datetime.now(UTC))


async def send_due(office: Office) -> int:
    client = GuardedClient(AllowedAddresses.of(("127.0.0.1",)), seconds=5)
    due = await status_posting.due(office.installation, [], 10)
    for post in due:
        await status_posting.send(office.installation, client, post)
    return len(due)


async def standing(office: Office) -> list[tuple[str, int, str]]:
    async with office.installation.database.read() as connection:
        rows = await connection.fetch(
            "SELECT status, attempts, problem FROM status_posts ORDER BY number"
        )
    return [(row["status"], row["attempts"], row["problem"]) for row in rows]


def line_of(receiver: FarSide, place: int = 0) -> str:
    return receiver.asked[place].partition("\r\n")[0]


@pytest.mark.parametrize(
    ("kind", "repository", "line", "said"),
    [
        ("github", "octo/web", f"POST /api/v3/repos/octo/web/statuses/{COMMIT} ", "bearer s3cret"),
        ("gitea", "octo/web", f"POST /api/v1/repos/octo/web/statuses/{COMMIT} ", "token s3cret"),
        (
            "gitlab",
            "group/part/web",
            f"POST /api/v4/projects/group%2Fpart%2Fweb/statuses/{COMMIT}?state=failed&name=CI&",
            "private-token: s3cret",
        ),
    ],
)
async def test_each_server_is_told_in_its_own_words(
    office: Office, kind: str, repository: str, line: str, said: str
) -> None:
    async with far_side(answering("{}", "201 Created")) as receiver:
        await connected(office, kind, receiver.url)
        await queued(office, CommitState.FAILED, repository=repository)
        assert await send_due(office) == 1
        assert line_of(receiver).startswith(line)
        assert said in receiver.asked[0].lower()
    assert await standing(office) == [("posted", 1, "")]


async def test_the_end_is_told_after_the_beginning_however_long_that_takes(office: Office) -> None:
    async with far_side(answering("", "503 Busy")) as receiver:
        await connected(office, "github", receiver.url)
        await queued(office, CommitState.PENDING, CommitState.SUCCEEDED)
        assert await send_due(office) == 1
        assert await send_due(office) == 0
    first, second = await standing(office)
    assert first == ("queued", 1, "The server of octo/web answered 503.")
    assert second == ("queued", 0, "")
    async with office.installation.database.transaction() as connection:
        await connection.execute(
            "UPDATE status_posts SET due_at = now(), attempts = $1", len(PAUSES)
        )
    assert await send_due(office) == 1
    assert (await standing(office))[0][0] == "parked"
    assert await send_due(office) == 1  # nothing stands before it any more


async def test_a_connection_that_cannot_post_says_so(office: Office) -> None:
    await connected(office, "generic", "http://127.0.0.1:9")
    await queued(office, CommitState.PENDING)
    await send_due(office)
    [(status, _, problem)] = await standing(office)
    assert status == "queued"
    assert "statuses are posted through connections of the types GitHub" in problem


async def test_gitlab_refuses_to_hear_the_same_twice_and_that_is_well(office: Office) -> None:
    refusal = answering('{"message":"Cannot transition status via :run"}', "400 Bad Request")
    async with far_side(refusal) as receiver:
        await connected(office, "gitlab", receiver.url)
        await queued(office, CommitState.PENDING)
        await send_due(office)
    assert (await standing(office))[0][0] == "posted"


async def test_what_a_killed_worker_took_is_taken_again_after_its_lease(office: Office) -> None:
    await connected(office, "github", "http://127.0.0.1:9")
    await queued(office, CommitState.PENDING)
    taken = await status_posting.due(office.installation, [], 10)
    assert len(taken) == 1
    assert await status_posting.due(office.installation, [], 10) == []
    async with office.installation.database.transaction() as connection:
        await connection.execute("UPDATE status_posts SET due_at = now()")
    [again] = await status_posting.due(office.installation, [], 10)
    assert (again.number, again.attempts) == (taken[0].number, 2)

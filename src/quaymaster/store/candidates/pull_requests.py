"""Pull requests that were told of, those of each candidate, and who vouches for them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from quaymaster.domain.pull_requests import PullRequest
from quaymaster.domain.release import PersonId, ReleaseId
from quaymaster.store.people.people import EMAIL
from quaymaster.store.postgres.database import Connection

TELL = """
INSERT INTO pull_requests (project_id, repository, number, title, author, url, labels, is_merged,
  merge_commit, told_by, told_at)
SELECT $1, name, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM unnest($2::text[]) AS name
ON CONFLICT (project_id, repository, number) DO UPDATE SET title = $4, author = $5, url = $6,
  labels = $7, is_merged = $8, merge_commit = $9, told_by = $10, told_at = $11
"""
KNOWN = """
SELECT DISTINCT ON (number) number, title, author, url, labels, is_merged, merge_commit, told_by
FROM pull_requests WHERE project_id = $1 AND repository = ANY ($2::text[])
  AND (number = ANY ($3::bigint[]) OR merge_commit = ANY ($4::text[]))
ORDER BY number, told_at DESC
"""
BROUGHT = f"""
SELECT p.release_id, p.number, p.title, p.commit, p.author, p.url, p.labels, r.definition_id,
  {EMAIL} AS verified_by, v.verified_at
FROM release_pull_requests p JOIN releases r ON r.id = p.release_id
LEFT JOIN verifications v ON v.definition_id = r.definition_id AND v.number = p.number
LEFT JOIN identities i ON i.id = v.verified_by
"""


@dataclass(frozen=True, slots=True)
class CandidatePullRequest:
    """A pull request whose commit a candidate brought; `verified_at` None: nobody vouches."""

    release_id: int
    number: int
    title: str
    commit: str
    author: str
    url: str
    labels: tuple[str, ...]
    definition_id: int
    verified_by: str | None
    verified_at: datetime | None

    @property
    def about(self) -> PullRequest:
        """It as its server would tell of it."""
        return PullRequest(
            (),
            self.number,
            self.title,
            self.author,
            self.url,
            self.labels,
            is_merged=True,
            merge_commit=self.commit,
        )


async def tell(connection: Connection, project: UUID, told: PullRequest, at: datetime) -> None:
    """Keep what its server told of a pull request, under each name of its repository."""
    await connection.execute(
        TELL,
        project,
        [name for name in told.repositories if name],
        told.number,
        told.title,
        told.author,
        told.url,
        list(told.labels),
        told.is_merged,
        told.merge_commit,
        told.by,
        at,
    )


async def known(
    connection: Connection,
    project: UUID,
    repositories: Sequence[str],
    numbers: Sequence[int] = (),
    commits: Sequence[str] = (),
) -> list[PullRequest]:
    """Those with one of these numbers or merged as one of these commits, by number."""
    rows = await connection.fetch(KNOWN, project, list(repositories), list(numbers), list(commits))
    return [
        PullRequest(
            tuple(repositories),
            row["number"],
            row["title"],
            row["author"],
            row["url"],
            tuple(row["labels"]),
            row["is_merged"],
            row["merge_commit"],
            row["told_by"],
        )
        for row in rows
    ]


async def keep(connection: Connection, release: ReleaseId, found: Sequence[PullRequest]) -> None:
    """The pull requests of a new candidate."""
    await connection.executemany(
        "INSERT INTO release_pull_requests (release_id, number, title, commit, author, url, labels)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        [
            (
                release,
                one.number,
                one.title,
                one.merge_commit,
                one.author,
                one.url,
                list(one.labels),
            )
            for one in found
        ],
    )


async def of_releases(
    connection: Connection, releases: Sequence[int]
) -> dict[int, list[CandidatePullRequest]]:
    """The pull requests of each candidate, by number."""
    found: dict[int, list[CandidatePullRequest]] = defaultdict(list)
    for row in await connection.fetch(
        f"{BROUGHT} WHERE p.release_id = ANY ($1::bigint[]) ORDER BY p.release_id, p.number",
        list(releases),
    ):
        found[row["release_id"]].append(_brought(row))
    return found


async def brought(
    connection: Connection, definition: int, numbers: Sequence[int]
) -> list[CandidatePullRequest]:
    """Those of these pull requests that candidates of the definition brought: each as the newest
    one has it."""
    rows = await connection.fetch(
        f"{BROUGHT} WHERE r.definition_id = $1 AND p.number = ANY ($2::bigint[])"
        " ORDER BY p.release_id",
        definition,
        list(numbers),
    )
    return list({row["number"]: _brought(row) for row in rows}.values())


def _brought(row: "asyncpg.Record") -> CandidatePullRequest:
    values = dict(row)
    return CandidatePullRequest(**{**values, "labels": tuple(values["labels"])})


async def is_of_definition(connection: Connection, definition: int, number: int) -> bool:
    """Whether some candidate of the definition brought this pull request."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM release_pull_requests p JOIN releases r ON r.id = p.release_id"
        " WHERE r.definition_id = $1 AND p.number = $2)",
        definition,
        number,
    )
    return found


async def verify(
    connection: Connection,
    definition: int,
    number: int,
    release: ReleaseId,
    by: PersonId | None,
    at: datetime,
) -> bool:
    """Somebody vouches for a pull request, whatever candidate brings it; False when somebody does
    already."""
    found: bool | None = await connection.fetchval(
        "INSERT INTO verifications (definition_id, number, release_id, verified_by, verified_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (definition_id, number) DO NOTHING"
        " RETURNING true",
        definition,
        number,
        release,
        by,
        at,
    )
    return bool(found)


async def withdraw(connection: Connection, definition: int, number: int) -> bool:
    """Nobody vouches for it any more; False when nobody did."""
    found: bool | None = await connection.fetchval(
        "DELETE FROM verifications WHERE definition_id = $1 AND number = $2 RETURNING true",
        definition,
        number,
    )
    return bool(found)


async def verified(connection: Connection, definition: int, numbers: Sequence[int]) -> set[int]:
    """Those of these pull requests that somebody vouches for."""
    rows = await connection.fetch(
        "SELECT number FROM verifications WHERE definition_id = $1 AND number = ANY ($2::bigint[])",
        definition,
        list(numbers),
    )
    return {row["number"] for row in rows}

"""Repositories, their versions and deployments, read for many parents at once.

Each function takes all the keys that somebody wants to know of and asks once.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from quaymaster.domain.freezes import Hold
from quaymaster.domain.release import Outcome, ReleaseId
from quaymaster.domain.rollbacks import Past
from quaymaster.store.candidates.repositories import RepositoryEnvironment
from quaymaster.store.deployments.environment_deployments import DEPLOYMENTS, EnvironmentDeployment
from quaymaster.store.deployments.freezes import IS_FIT
from quaymaster.store.people.people import EMAIL
from quaymaster.store.postgres.database import Connection

VERSION = "regexp_replace(r.name, '-rc[1-9][0-9]*$', '')"
# Of a repository the version is the commit; a build says which one it was made from.
COMMIT = """(SELECT coalesce(nullif(a -> 'reference' ->> 'sourceVersion', ''),
  CASE WHEN lower(a ->> 'type') <> 'build' THEN a ->> 'version_id' END)
FROM json_array_elements(r.artifacts) a WHERE (a ->> 'is_primary')::boolean LIMIT 1)"""
ENVIRONMENTS = """
SELECT e.definition_id, e.id, e.name, e.rank, coalesce(y.tier, 'development') AS tier, y.parent_id,
  coalesce(y.settings, '{}') AS settings
FROM environments e LEFT JOIN repository_environments y ON y.environment_id = e.id
WHERE e.definition_id = ANY ($1::bigint[]) AND NOT e.is_deleted ORDER BY e.rank, e.id
"""
VERSIONS = f"""
SELECT d.id AS definition, v.version, v.newest, v.created_at FROM unnest($1::bigint[]) AS d (id)
CROSS JOIN LATERAL (
  SELECT {VERSION} AS version, max(r.id) AS newest, min(r.created_at) AS created_at
  FROM releases r WHERE r.definition_id = d.id AND NOT r.is_deleted
  GROUP BY 1 HAVING $3::bigint IS NULL OR max(r.id) < $3 ORDER BY 2 DESC LIMIT $2 OFFSET $4) v
ORDER BY d.id, v.newest DESC
"""
CANDIDATES = f"""
SELECT r.id, r.definition_id, r.name, {VERSION} AS version, r.created_at,
  coalesce({COMMIT}, '') AS commit, b.status AS build, coalesce(b.url, '') AS build_url,
  coalesce(b.problem, '') AS build_problem,
  coalesce(r.quarantine ->> 'reason', '') AS quarantine,
  {EMAIL} AS actor
FROM releases r LEFT JOIN release_builds b ON b.release_id = r.id
LEFT JOIN identities i ON i.id = r.created_by
"""
OF_VERSIONS = f"""
{CANDIDATES} JOIN unnest($1::bigint[], $2::text[]) AS k (definition, version)
  ON r.definition_id = k.definition AND {VERSION} = k.version
WHERE NOT r.is_deleted ORDER BY r.id
"""
PAGES = f"""
{DEPLOYMENTS} WHERE d.id IN (SELECT n.id FROM unnest($1::bigint[]) AS e (id)
  CROSS JOIN LATERAL (SELECT o.id FROM deployments o WHERE o.definition_stage_id = e.id
    AND ($3::bigint IS NULL OR o.id + 0 < $3) ORDER BY o.id + 0 DESC LIMIT $2) n)
ORDER BY d.id DESC
"""
CURRENT = """
SELECT e.id AS environment, n.release_id FROM unnest($1::bigint[]) AS e (id)
CROSS JOIN LATERAL (SELECT d.release_id FROM deployments d WHERE d.definition_stage_id = e.id
  AND d.status IN ('succeeded', 'partiallySucceeded') ORDER BY d.id + 0 DESC LIMIT 1) n
"""
# As in `freezes.past`, for many environments.
PAST = f"""
WITH newest AS (
  SELECT e.id AS environment, n.release_id FROM unnest($1::bigint[]) AS e (id)
  CROSS JOIN LATERAL (SELECT d.release_id FROM deployments d WHERE d.definition_stage_id = e.id
    ORDER BY d.id + 0 DESC LIMIT 1) n)
SELECT n.environment, d.id, d.release_id, d.stage_id, d.outcome FROM newest n
CROSS JOIN LATERAL (
  (SELECT * FROM deployments d WHERE d.definition_stage_id = n.environment
    ORDER BY d.id + 0 DESC LIMIT 1)
  UNION ALL (SELECT d.* FROM deployments d JOIN releases r ON r.id = d.release_id
    WHERE d.definition_stage_id = n.environment
      AND {IS_FIT}
    ORDER BY d.id + 0 DESC LIMIT 1)
  UNION ALL (SELECT d.* FROM deployments d JOIN releases r ON r.id = d.release_id
    WHERE d.definition_stage_id = n.environment AND d.release_id <> n.release_id
      AND {IS_FIT}
    ORDER BY d.id + 0 DESC LIMIT 1)) d
"""
HELD = f"""
SELECT h.environment_id, h.reason, h.held_at, {EMAIL} AS held_by
FROM holds h LEFT JOIN identities i ON i.id = h.held_by WHERE h.environment_id = ANY ($1::bigint[])
"""


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version of a definition; `newest` is the release of its newest candidate."""

    definition: int
    version: str
    newest: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CandidateLine:
    """A candidate: a release by its version. `build` None: nobody builds it; `build_problem` says
    why its build failed, `quarantine` why it must be deployed nowhere."""

    id: int
    definition_id: int
    name: str
    version: str
    created_at: datetime
    commit: str
    build: str | None
    build_url: str
    build_problem: str
    quarantine: str
    actor: str | None


async def environments(
    connection: Connection, definitions: Sequence[int]
) -> dict[int, list[RepositoryEnvironment]]:
    """The environments of each definition in their order."""
    found: dict[int, list[RepositoryEnvironment]] = defaultdict(list)
    for row in await connection.fetch(ENVIRONMENTS, list(definitions)):
        values: dict[str, Any] = dict(row)
        definition = values.pop("definition_id")
        values["settings"] = msgspec.json.decode(values["settings"])
        found[definition].append(RepositoryEnvironment(**values))
    return found


async def versions(
    connection: Connection,
    definitions: Sequence[int],
    most: int,
    before: int | None = None,
    skipped: int = 0,
) -> dict[int, list[VersionLine]]:
    """So many versions of each, the one with the newest candidate first."""
    found: dict[int, list[VersionLine]] = defaultdict(list)
    for row in await connection.fetch(VERSIONS, list(definitions), most, before, skipped):
        found[row["definition"]].append(VersionLine(**dict(row)))
    return found


async def candidates_of(
    connection: Connection, wanted: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], list[CandidateLine]]:
    """The candidates of each (definition, version), oldest first."""
    definitions, names = [one[0] for one in wanted], [one[1] for one in wanted]
    found: dict[tuple[int, str], list[CandidateLine]] = defaultdict(list)
    for row in await connection.fetch(OF_VERSIONS, definitions, names):
        line = CandidateLine(**dict(row))
        found[line.definition_id, line.version].append(line)
    return found


async def candidates(connection: Connection, releases: Sequence[int]) -> dict[int, CandidateLine]:
    """Candidates by the ids of their releases; deleted ones are still told of."""
    rows = await connection.fetch(f"{CANDIDATES} WHERE r.id = ANY ($1::bigint[])", list(releases))
    return {row["id"]: CandidateLine(**dict(row)) for row in rows}


async def deployments_of(
    connection: Connection, releases: Sequence[int]
) -> dict[int, list[EnvironmentDeployment]]:
    """The deployments of each release, the newest first."""
    rows = await connection.fetch(
        f"{DEPLOYMENTS} WHERE d.release_id = ANY ($1::bigint[]) ORDER BY d.id DESC", list(releases)
    )
    return _by(rows, "release_id")


async def deployment_pages(
    connection: Connection, environments: Sequence[int], most: int, before: int | None
) -> dict[int, list[EnvironmentDeployment]]:
    """So many deployments to each environment, the newest first."""
    return _by(await connection.fetch(PAGES, list(environments), most, before), "environment_id")


async def deployments(
    connection: Connection, numbers: Sequence[int]
) -> dict[int, EnvironmentDeployment]:
    """Deployments by their ids."""
    rows = await connection.fetch(f"{DEPLOYMENTS} WHERE d.id = ANY ($1::bigint[])", list(numbers))
    return {row["id"]: EnvironmentDeployment(**dict(row)) for row in rows}


async def running(connection: Connection, environments: Sequence[int]) -> dict[int, int]:
    """The release that last succeeded in each environment."""
    rows = await connection.fetch(CURRENT, list(environments))
    return {row["environment"]: row["release_id"] for row in rows}


async def past(connection: Connection, environments: Sequence[int]) -> dict[int, list[Past]]:
    """As few deployments of each environment as settle where it would be rolled back to."""
    found: dict[int, dict[int, Past]] = defaultdict(dict)
    for row in await connection.fetch(PAST, list(environments)):
        outcome = Outcome(row["outcome"]) if row["outcome"] else None
        one = Past(row["id"], ReleaseId(row["release_id"]), row["stage_id"], outcome)
        found[row["environment"]][one.id] = one
    return {environment: list(rows.values()) for environment, rows in found.items()}


async def holds(connection: Connection, environments: Sequence[int]) -> dict[int, Hold]:
    """The hold on each environment that is held; `held_by` is who people know the holder as."""
    rows = await connection.fetch(HELD, list(environments))
    return {row["environment_id"]: Hold(**dict(row)) for row in rows}


def _by(rows: list["asyncpg.Record"], column: str) -> dict[int, list[EnvironmentDeployment]]:
    found: dict[int, list[EnvironmentDeployment]] = defaultdict(list)
    for row in rows:
        found[row[column]].append(EnvironmentDeployment(**dict(row)))
    return found

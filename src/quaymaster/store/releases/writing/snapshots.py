"""The parts of a release that are its own copy of the definition: plans and artifact versions."""

from dataclasses import replace
from datetime import datetime

import msgspec

from quaymaster.domain.build_sources import is_own_build
from quaymaster.domain.plan import StagePlan
from quaymaster.domain.release import Release, Stage, StageId
from quaymaster.domain.statuses import StageStatus
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases.records import ReleaseArtifact
from quaymaster.store.releases.writing.rows import STAGE_BITS
from quaymaster.store.storage import bodies

# A build that a release takes cannot be deleted while it is being taken.
INDEX = """
WITH own AS (
  SELECT b.id, format('%s:%s:%s', b.project_id, b.definition_id, b.id) AS source FROM builds b
  WHERE b.id = ANY($10::bigint[]) FOR KEY SHARE
)
INSERT INTO release_artifacts (release_id, alias, type, source_id, version_id, branch, is_primary,
  retains_build, build_id)
SELECT $1, a.alias, a.type, a.source_id, a.version_id, a.branch, a.is_primary, a.retains, own.id
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[],
  $8::boolean[], $9::text[])
  AS a(alias, type, source_id, version_id, branch, is_primary, retains, source)
LEFT JOIN own ON own.source = a.source
"""
LARGEST_ID = 2**63 - 1

_artifacts_decoder = msgspec.json.Decoder(tuple[ReleaseArtifact, ...])


async def save_plans(connection: Connection, before: Release, after: Release) -> None:
    """Write the release's plan where it changed, and of stages that keep one of their own."""
    if after.plan is not before.plan and after.plan != before.plan:
        digest = await bodies.put_plan(connection, after.plan)
        await connection.execute(
            "UPDATE releases SET plan_digest = $2 WHERE id = $1", after.id, digest
        )
    for old, new in zip(before.stages, after.stages, strict=True):
        if new.plan is not old.plan or after.plan is not before.plan:
            await _save_stage_plan(connection, after, new)


async def _save_stage_plan(connection: Connection, release: Release, stage: Stage) -> None:
    common = _common_plan(release, stage)
    digest = None if stage.plan == common else await bodies.put_plan(connection, stage.plan)
    await connection.execute(
        "UPDATE stages SET plan_digest = $2, name = $3, rank = $4 WHERE id = $1",
        stage.id,
        digest,
        stage.plan.name,
        stage.plan.rank,
    )


def _common_plan(release: Release, stage: Stage) -> StagePlan | None:
    wanted = stage.plan.definition_stage_id
    plans = (plan for plan in release.plan.stages if plan.definition_stage_id == wanted)
    return next(plans, None)


async def artifacts(connection: Connection, release_id: int) -> tuple[ReleaseArtifact, ...]:
    """The artifact versions of a release with everything that is known about them."""
    text = await connection.fetchval("SELECT artifacts FROM releases WHERE id = $1", release_id)
    return _artifacts_decoder.decode(text) if text else ()


async def set_artifacts(
    connection: Connection, release_id: int, chosen: tuple[ReleaseArtifact, ...]
) -> None:
    """Replace the artifact versions of a release (a draft's: SEMANTICS 2.5)."""
    await connection.execute(
        "UPDATE releases SET artifacts = $2 WHERE id = $1",
        release_id,
        msgspec.json.encode(chosen).decode(),
    )
    await connection.execute("DELETE FROM release_artifacts WHERE release_id = $1", release_id)
    await index_artifacts(connection, release_id, chosen)


async def index_artifacts(
    connection: Connection, release_id: int, chosen: tuple[ReleaseArtifact, ...]
) -> None:
    """The rows by which lists find releases of an artifact's version or branch."""
    await connection.execute(
        INDEX,
        release_id,
        [artifact.alias for artifact in chosen],
        [artifact.type for artifact in chosen],
        [artifact.source_id for artifact in chosen],
        [artifact.version_id for artifact in chosen],
        [artifact.branch for artifact in chosen],
        [artifact.is_primary for artifact in chosen],
        [artifact.is_retained for artifact in chosen],
        [own_build_of(artifact) for artifact in chosen],
        [int(one) for one in map(_version, chosen) if one.isdecimal() and int(one) <= LARGEST_ID],
    )


def _version(artifact: ReleaseArtifact) -> str:
    return artifact.version_id[:20] if own_build_of(artifact) else ""


def own_build_of(artifact: ReleaseArtifact) -> str:
    """`project:definition:build` of a build of ours; "" for a version of anything else."""
    if not is_own_build(artifact.type, artifact.reference):
        return ""
    project, definition = (artifact.reference.get(key, "") for key in ("project", "definition"))
    return f"{project.lower()}:{definition}:{artifact.version_id}"


async def save_versions(connection: Connection, release: Release) -> None:
    """Write what a rule changed about artifact versions, keeping all else that is known."""
    known = {artifact.alias: artifact for artifact in await artifacts(connection, release.id)}
    merged = tuple(
        replace(
            known.get(version.alias, ReleaseArtifact(version.alias)),
            branch=version.branch,
            tags=version.tags,
            default_branch=version.default_branch,
            is_chosen=version.is_chosen,
        )
        for version in release.artifacts
    )
    await set_artifacts(connection, release.id, merged)


async def document(connection: Connection, release_id: int) -> str:
    """The snapshot of the definition that the release runs, as JSON text."""
    text: str = await connection.fetchval(
        "SELECT b.body FROM releases r JOIN documents b ON b.digest = r.document_digest"
        " WHERE r.id = $1",
        release_id,
    )
    return text


async def add_stage(
    connection: Connection, release: Release, plan: StagePlan, document: str, at: datetime
) -> StageId:
    """Give a locked release one more stage, which has not started."""
    whole = await bodies.put_plan(
        connection, replace(release.plan, stages=(*release.plan.stages, plan))
    )
    await connection.execute(
        "UPDATE releases SET plan_digest = $2, document_digest = $3,"
        " stage_mask = stage_mask | $4 WHERE id = $1",
        release.id,
        whole,
        await bodies.put_document(connection, document),
        STAGE_BITS[StageStatus.NOT_STARTED],
    )
    number: int = await connection.fetchval(
        "INSERT INTO stages (release_id, definition_stage_id, rank, name, status, created_at,"
        " modified_at) VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING id",
        release.id,
        plan.definition_stage_id,
        plan.rank,
        plan.name,
        StageStatus.NOT_STARTED,
        at,
    )
    return StageId(number)

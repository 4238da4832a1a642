"""The artifacts of definitions as rows: by which source, repository or build they are found."""

import msgspec

from quaymaster.domain.build_sources import build_words, is_own_build
from quaymaster.domain.ordinal import upper
from quaymaster.domain.plan import Plan
from quaymaster.domain.pushes import artifact_repository
from quaymaster.domain.triggers import source_keys
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage import bodies

PUT_ARTIFACTS = """
INSERT INTO definition_artifacts (definition_id, alias, type, source_id, is_primary, source_key,
  has_trigger, repository_key, is_own_build, further_keys, build_words)
SELECT $1, a.alias, a.type, a.source_id, a.is_primary, a.source_key, a.has_trigger,
  a.repository_key, a.is_own_build,
  ARRAY(SELECT json_array_elements_text(a.further_keys)),
  ARRAY(SELECT json_array_elements_text(a.build_words))
FROM unnest($2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::boolean[],
  $8::text[], $9::boolean[], $10::json[], $11::json[])
  AS a(alias, type, source_id, is_primary, source_key, has_trigger, repository_key, is_own_build,
    further_keys, build_words)
"""


async def put(connection: Connection, definition_id: int, plan: Plan) -> None:
    """Store what the artifacts of a definition are, which has none stored."""
    if not plan.artifacts:
        return
    triggering = {upper(trigger.alias) for trigger in plan.triggers}
    keys = [source_keys(artifact) for artifact in plan.artifacts]
    await connection.execute(
        PUT_ARTIFACTS,
        definition_id,
        [artifact.alias for artifact in plan.artifacts],
        [artifact.type for artifact in plan.artifacts],
        [artifact.source_id for artifact in plan.artifacts],
        [artifact.is_primary for artifact in plan.artifacts],
        [first for first, *_ in keys],
        [upper(artifact.alias) in triggering for artifact in plan.artifacts],
        [artifact_repository(artifact) for artifact in plan.artifacts],
        [is_own_build(artifact.type, artifact.reference) for artifact in plan.artifacts],
        [_json(further) for _, *further in keys],
        [_json(build_words(artifact)) for artifact in plan.artifacts],
    )


async def remove(connection: Connection, definition_id: int) -> None:
    """Forget what the artifacts of a definition were."""
    await connection.execute(
        "DELETE FROM definition_artifacts WHERE definition_id = $1", definition_id
    )


def _json(words: list[str]) -> str:
    return msgspec.json.encode(words).decode()


async def mean(connection: Connection, definition_id: int, plan: Plan) -> None:
    """Store the same revision of a definition that was got `locked` with what its artifacts were
    found to mean."""
    await connection.execute(
        "UPDATE definitions SET plan_digest = $2 WHERE id = $1",
        definition_id,
        await bodies.put_plan(connection, plan),
    )
    await remove(connection, definition_id)
    await put(connection, definition_id, plan)

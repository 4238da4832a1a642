"""Puts a new release into the database: its name, its snapshot, its stages."""

from collections.abc import Iterable
from dataclasses import replace

import msgspec

from quaymaster.domain import release_names
from quaymaster.domain.errors import Conflict, NotFound, Refused
from quaymaster.domain.plan import StagePlan
from quaymaster.domain.statuses import StageStatus
from quaymaster.store.numbering import Numbering
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases.records import NewRelease, NewStage
from quaymaster.store.releases.release_secrets import release_owner, stage_owner
from quaymaster.store.releases.writing import snapshots
from quaymaster.store.releases.writing.rows import STAGE_BITS
from quaymaster.store.storage import bodies
from quaymaster.store.storage.vault import Vault

INSERT_RELEASE = """
INSERT INTO releases (id, project_id, definition_id, definition_revision, name, name_key, status,
  reason, description, created_by, created_for, created_at, modified_by, modified_at,
  keep_forever, tags, tag_keys, document_digest, plan_digest, artifacts, variables, secrets,
  properties, triggering_alias, stage_mask)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $10, $12, $13, $14, $15, $16, $17,
  $18, $19, $20, $21, $22, $23)
"""

INSERT_STAGES = """
INSERT INTO stages (id, release_id, definition_stage_id, rank, name, status, is_manual,
  trigger_reason, variables, secrets, created_at, modified_at)
SELECT stage.id, $1, stage.definition_stage_id, stage.rank, stage.name, $2, stage.is_manual,
  stage.trigger_reason, stage.variables, stage.secrets, $3, $3
FROM unnest($4::bigint[], $5::bigint[], $6::integer[], $7::text[], $8::boolean[], $9::text[],
  $10::json[], $11::bytea[])
  AS stage(id, definition_stage_id, rank, name, is_manual, trigger_reason, variables, secrets)
"""

NAMES = Numbering("releases", "name")


async def insert(connection: Connection, new: NewRelease, vault: Vault) -> int:
    """Store all of it; the id of the new release."""
    await _lock_definition(connection, new)
    release_id: int = await connection.fetchval("SELECT nextval('releases_id_seq')")
    name = await _free_name(connection, new, release_id)
    document = await bodies.put_document(connection, new.document)
    plan = await bodies.put_plan(connection, new.plan)
    await connection.execute(
        INSERT_RELEASE,
        release_id,
        new.project_id,
        new.definition_id,
        new.definition_revision,
        name,
        name.casefold(),
        new.status,
        new.reason,
        new.description,
        new.created_by,
        new.created_for,
        new.created_at,
        new.keep_forever,
        list(new.tags),
        [tag.casefold() for tag in new.tags],
        document,
        plan,
        _json(new.artifacts),
        _json(new.variables),
        vault.seal(release_owner(release_id), new.secrets),
        _json(new.properties),
        new.triggering_alias,
        STAGE_BITS[StageStatus.NOT_STARTED] if new.plan.stages else 0,
    )
    await _insert_stages(connection, new, release_id, vault)
    await snapshots.index_artifacts(connection, release_id, new.artifacts)
    return release_id


async def _lock_definition(connection: Connection, new: NewRelease) -> None:
    """Raise what the definition has become, while artifact sources were asked, unless it is still
    one to make releases of."""
    found = await connection.fetchrow(
        "SELECT name, is_disabled FROM definitions"
        " WHERE id = $1 AND project_id = $2 AND NOT is_deleted FOR NO KEY UPDATE",
        new.definition_id,
        new.project_id,
    )
    if found is None:
        raise NotFound("definition", new.definition_id)
    if found["is_disabled"]:
        raise Refused(f"Release pipeline {found['name']} is disabled. Enable it to make releases.")


async def _free_name(connection: Connection, new: NewRelease, release_id: int) -> str:
    """The name by the plan's format, new for this definition whatever the case of letters.

    Raises Conflict when a name was asked for and is taken.
    """
    if new.name:
        if await NAMES.has(connection, new.definition_id, new.name):
            raise Conflict(f"There is already a release {new.name} of this definition.")
        return new.name
    try:
        named = replace(new.named, release_id=release_id)
        planned = release_names.planned_name(new.plan.release_name_format, named)
        return await NAMES.next(connection, new.definition_id, planned)
    except release_names.UnusableName as error:
        raise Refused(str(error)) from error


async def _insert_stages(
    connection: Connection, new: NewRelease, release_id: int, vault: Vault
) -> None:
    plans = new.plan.stages
    told = [new.stages.get(plan.definition_stage_id, NewStage()) for plan in plans]
    ids: list[int] = await connection.fetchval(
        "SELECT array(SELECT nextval('stages_id_seq') FROM generate_series(1, $1))", len(plans)
    )
    await connection.execute(
        INSERT_STAGES,
        release_id,
        StageStatus.NOT_STARTED,
        new.created_at,
        ids,
        *_plan_arrays(plans),
        [stage.is_manual for stage in told],
        [stage.trigger_reason for stage in told],
        [_json(stage.variables) for stage in told],
        [
            vault.seal(stage_owner(stage_id), stage.secrets)
            for stage_id, stage in zip(ids, told, strict=True)
        ],
    )


def _plan_arrays(plans: Iterable[StagePlan]) -> tuple[list[int], list[int], list[str]]:
    listed = list(plans)
    return (
        [plan.definition_stage_id for plan in listed],
        [plan.rank for plan in listed],
        [plan.name for plan in listed],
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()

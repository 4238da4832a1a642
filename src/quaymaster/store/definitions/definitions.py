"""Definitions: their documents, revisions, environments and secrets.

`document` is the JSON text in the newest shape without what the server owns (ids of the
definition, revision, people, times); secrets are sealed beside it, never in it.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from quaymaster.domain.errors import Conflict, NotFound
from quaymaster.domain.plan import Plan
from quaymaster.domain.release import PersonId
from quaymaster.store.definitions import artifacts
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import name_key
from quaymaster.store.resources import deployment_groups
from quaymaster.store.storage import bodies
from quaymaster.store.storage.vault import Vault

GET = """
SELECT d.id, d.project_id, d.name, d.path, d.revision, d.document_digest, d.plan_digest,
  d.secrets, d.tags, d.is_disabled, d.is_deleted, d.comment, d.created_by, d.created_at,
  d.modified_by, d.modified_at, b.body AS document
FROM definitions d JOIN documents b ON b.digest = d.document_digest
WHERE d.id = $1 AND d.kind = 'release' AND ($2::uuid IS NULL OR d.project_id = $2)
"""

# By itself: a row that changed while its lock was waited for would fall out of the join above.
LOCK = "SELECT FROM definitions WHERE id = $1 FOR NO KEY UPDATE"

INSERT_FIRST = """
WITH made AS (
  INSERT INTO definitions (id, project_id, name, name_key, path, path_key, revision,
    document_digest, plan_digest, summary, secrets, tags, tag_keys, source, is_disabled, comment,
    has_schedules, created_by, created_at, modified_by, modified_at)
  VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $17,
    $18)
  RETURNING id, revision, document_digest, secrets, modified_by, modified_at, comment)
INSERT INTO definition_revisions (definition_id, revision, document_digest, secrets, changed_by,
  changed_at, change_type, comment, api_version)
SELECT m.id, m.revision, m.document_digest, m.secrets, m.modified_by, m.modified_at, 'add',
  m.comment, $19
FROM made m
"""

UPDATE = """
UPDATE definitions SET name = $2, name_key = $3, path = $4, path_key = $5, revision = revision + 1,
  document_digest = $6, plan_digest = $7, summary = $8, secrets = $9, tags = $10, tag_keys = $11,
  source = $12, is_disabled = $13, comment = $14, has_schedules = $15, modified_by = $16,
  modified_at = $17
WHERE id = $1
"""

INSERT_REVISION = """
INSERT INTO definition_revisions (definition_id, revision, document_digest, secrets, changed_by,
  changed_at, change_type, comment, api_version)
SELECT d.id, d.revision, d.document_digest, d.secrets, d.modified_by, d.modified_at, $2,
  d.comment, $3
FROM definitions d WHERE d.id = $1
"""

PUT_ENVIRONMENTS = """
INSERT INTO environments (id, definition_id, project_id, name, rank)
SELECT e.id, $1, $2, e.name, e.rank
FROM unnest($3::bigint[], $4::text[], $5::integer[]) AS e(id, name, rank)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, rank = excluded.rank, is_deleted = false
  WHERE environments.definition_id = $1
"""


@dataclass(frozen=True, slots=True)
class Content:
    """What a save of any kind of definition brings."""

    name: str
    path: str
    document: str
    _: KW_ONLY
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    tags: tuple[str, ...] = ()
    comment: str = ""
    summary: str = "{}"
    api_version: str = ""


@dataclass(frozen=True, slots=True)
class DefinitionContent(Content):
    """Everything about a release definition that its author decides."""

    plan: Plan
    source: str = ""
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition as it is stored now; `secrets` is keyed as `plans` names them."""

    id: int
    project_id: UUID
    name: str
    path: str
    revision: int
    document: str
    plan: Plan
    secrets: Mapping[str, str] = field(repr=False)
    tags: tuple[str, ...]
    is_disabled: bool
    is_deleted: bool
    comment: str
    created_by: PersonId | None
    created_at: datetime
    modified_by: PersonId | None
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Revision:
    """One save of a definition."""

    revision: int
    changed_by: PersonId | None
    changed_at: datetime
    change_type: str
    comment: str
    api_version: str


def owner(definition_id: int) -> str:
    """The owner to which the vault binds a definition's secrets."""
    return f"definition/{definition_id}"


async def draw_id(connection: Connection) -> int:
    """The id that the next new definition will have."""
    drawn: int = await connection.fetchval("SELECT nextval('definitions_id_seq')")
    return drawn


async def draw_ids(connection: Connection, environments: int) -> tuple[int, list[int]]:
    """Both at once: the id of a new definition, and as many for its environments and steps."""
    row = await connection.fetchrow(
        "SELECT nextval('definitions_id_seq') AS id,"
        " array(SELECT nextval('environments_id_seq') FROM generate_series(1, $1)) AS environments",
        environments,
    )
    if row is None:
        raise RuntimeError("a statement without a table gave no row")
    return row["id"], row["environments"]


async def draw_environment_ids(connection: Connection, count: int) -> list[int]:
    """Ids for new environments and their steps; those not used are never given again."""
    drawn: list[int] = await connection.fetchval(
        "SELECT array(SELECT nextval('environments_id_seq') FROM generate_series(1, $1))", count
    )
    return drawn


async def environment_ids(connection: Connection, definition_id: int) -> set[int]:
    """The ids of all environments that a definition has or ever had."""
    rows = await connection.fetch(
        "SELECT id FROM environments WHERE definition_id = $1", definition_id
    )
    return {row["id"] for row in rows}


async def get(
    connection: Connection,
    vault: Vault | None,
    project: UUID | None,
    definition_id: int,
    *,
    locked: bool = False,
) -> Definition | None:
    """A release definition, deleted or not, of this project (None: of any).

    `locked` keeps others from changing it until the transaction ends. Without a vault its secrets
    stay closed and are left out: whoever needs none is not stopped by what cannot be opened.
    """
    if locked:
        await connection.execute(LOCK, definition_id)
    row = await connection.fetchrow(GET, definition_id, project)
    return await _definition(connection, vault, row) if row else None


async def _definition(
    connection: Connection, vault: Vault | None, row: "asyncpg.Record"
) -> Definition:
    return Definition(
        id=row["id"],
        project_id=row["project_id"],
        name=row["name"],
        path=row["path"],
        revision=row["revision"],
        document=row["document"],
        plan=await bodies.plan(connection, row["plan_digest"]),
        secrets=vault.unseal(owner(row["id"]), row["secrets"]) if vault else {},
        tags=tuple(row["tags"]),
        is_disabled=row["is_disabled"],
        is_deleted=row["is_deleted"],
        comment=row["comment"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        modified_by=row["modified_by"],
        modified_at=row["modified_at"],
    )


async def create(
    connection: Connection,
    vault: Vault,
    definition_id: int,
    project: UUID,
    content: DefinitionContent,
    by: PersonId | None,
    at: datetime,
) -> Definition:
    """Store a new definition under a drawn id, as revision 1; as `get` finds it from now on.

    Raises Conflict when a definition of that name exists in the folder.
    """
    columns = await _columns(connection, vault, definition_id, content)
    try:
        await connection.execute(
            INSERT_FIRST, definition_id, project, *columns, by, at, content.api_version
        )
    except asyncpg.UniqueViolationError as error:
        raise _name_taken(content) from error
    await _put_parts(connection, definition_id, project, content.plan)
    await deployment_groups.add_triggers(connection, definition_id, content.plan)
    return Definition(
        id=definition_id,
        project_id=project,
        name=content.name,
        path=content.path,
        revision=1,
        document=content.document,
        plan=content.plan,
        secrets=content.secrets,
        tags=content.tags,
        is_disabled=content.is_disabled,
        is_deleted=False,
        comment=content.comment,
        created_by=by,
        created_at=at,
        modified_by=by,
        modified_at=at,
    )


async def update(
    connection: Connection,
    vault: Vault,
    before: Definition,
    content: DefinitionContent,
    by: PersonId | None,
    at: datetime,
) -> None:
    """Store the next revision of a definition that was got `locked`."""
    columns = await _columns(connection, vault, before.id, content)
    try:
        await connection.execute(UPDATE, before.id, *columns, by, at)
    except asyncpg.UniqueViolationError as error:
        raise _name_taken(content) from error
    await artifacts.remove(connection, before.id)
    await connection.execute(
        "UPDATE environments SET is_deleted = true WHERE definition_id = $1", before.id
    )
    await _put_parts(connection, before.id, before.project_id, content.plan)
    await deployment_groups.put_triggers(connection, before.id, content.plan)
    await connection.execute(INSERT_REVISION, before.id, "update", content.api_version)


def columns_of(
    vault: Vault, definition_id: int, content: Content, document_digest: bytes, plan_digest: bytes
) -> list[object]:
    """What a definition of any kind has in its row, from `name` to `tag_keys`."""
    return [
        content.name,
        name_key(content.name),
        content.path,
        content.path.casefold(),
        document_digest,
        plan_digest,
        content.summary,
        vault.seal(owner(definition_id), content.secrets),
        list(content.tags),
        [tag.casefold() for tag in content.tags],
    ]


async def _columns(
    connection: Connection, vault: Vault, definition_id: int, content: DefinitionContent
) -> list[object]:
    """The columns that INSERT and UPDATE share, in their order."""
    digests = await bodies.put_both(connection, content.document, content.plan)
    return [
        *columns_of(vault, definition_id, content, *digests),
        content.source,
        content.is_disabled,
        content.comment,
        bool(content.plan.schedules),
    ]


def _name_taken(content: DefinitionContent) -> Conflict:
    return Conflict(
        f"A release pipeline with the name '{content.name}' already exists in {content.path}. "
        "Specify a different name and try again."
    )


async def _put_parts(connection: Connection, definition_id: int, project: UUID, plan: Plan) -> None:
    await connection.execute(
        PUT_ENVIRONMENTS,
        definition_id,
        project,
        [stage.definition_stage_id for stage in plan.stages],
        [stage.name for stage in plan.stages],
        [stage.rank for stage in plan.stages],
    )
    await artifacts.put(connection, definition_id, plan)


async def set_deleted(
    connection: Connection,
    definition_id: int,
    *,
    deleted: bool,
    comment: str,
    by: PersonId | None,
    at: datetime,
) -> None:
    """Delete softly, or restore; either is a revision of its own (SEMANTICS 22.2)."""
    try:
        await connection.execute(
            "UPDATE definitions SET is_deleted = $2, revision = revision + 1, comment = $3,"
            " modified_by = $4, modified_at = $5 WHERE id = $1",
            definition_id,
            deleted,
            comment,
            by,
            at,
        )
    except asyncpg.UniqueViolationError as error:
        raise Conflict(
            "A release pipeline of the same name has taken its place. Rename that one first."
        ) from error
    change = "delete" if deleted else "undelete"
    await connection.execute(INSERT_REVISION, definition_id, change, "")


async def revisions(connection: Connection, definition_id: int) -> list[Revision]:
    """All saves, oldest first."""
    rows = await connection.fetch(
        "SELECT revision, changed_by, changed_at, change_type, comment, api_version"
        " FROM definition_revisions WHERE definition_id = $1 ORDER BY revision",
        definition_id,
    )
    return [Revision(**dict(row)) for row in rows]


async def document_at(connection: Connection, definition_id: int, revision: int) -> str:
    """The document as it was saved in that revision. Raises NotFound."""
    body: str | None = await connection.fetchval(
        "SELECT b.body FROM definition_revisions r JOIN documents b ON b.digest = r.document_digest"
        " WHERE r.definition_id = $1 AND r.revision = $2",
        definition_id,
        revision,
    )
    if body is None:
        raise NotFound("revision", revision)
    return body


async def stages_under_way(
    connection: Connection, definition_id: int, *, with_canceled: bool
) -> list[tuple[int, int]]:
    """(release id, stage id) of what is being deployed or waits to be (SEMANTICS 6.5).

    `with_canceled`: also of what is asked to stop, whose jobs may run on until they do.
    """
    rows = await connection.fetch(
        "SELECT d.release_id, d.stage_id FROM deployments d"
        " WHERE d.definition_id = $1 AND d.outcome IS NULL"
        " AND ($2 OR d.cancel_requested_at IS NULL) ORDER BY d.release_id, d.stage_id",
        definition_id,
        with_canceled,
    )
    return [(row["release_id"], row["stage_id"]) for row in rows]

"""Documents and compiled plans, stored once under the SHA-256 of their bytes."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import MISSING, fields, is_dataclass
from hashlib import sha256
from types import GenericAlias
from typing import Any, get_type_hints

import msgspec

from quaymaster.domain.plan import (
    ArtifactFilter,
    ArtifactMatches,
    Plan,
    ReleaseStarts,
    StagePlan,
    StageReached,
    StartCondition,
)
from quaymaster.domain.statuses import StageStatus
from quaymaster.store.postgres.database import Connection

REMEMBERED_PLANS = 256


class _Condition(msgspec.Struct, omit_defaults=True):
    """Any start condition: which one it is can be seen from the fields that are set."""

    stage: str | None = None
    statuses: tuple[StageStatus, ...] = ()
    alias: str | None = None
    filter: ArtifactFilter | None = None

    @classmethod
    def of(cls, condition: StartCondition) -> "_Condition":
        match condition:
            case StageReached(stage, statuses):
                return cls(stage=stage, statuses=tuple(sorted(statuses)))
            case ArtifactMatches(alias, passing):
                return cls(alias=alias, filter=passing)
            case ReleaseStarts():
                return cls()

    def read(self) -> StartCondition:
        if self.stage is not None:
            return StageReached(self.stage, frozenset(self.statuses))
        if self.alias is not None:
            return ArtifactMatches(self.alias, self.filter or ArtifactFilter())
        return ReleaseStarts()


def _stored_form(record: type, name: str, **replaced: Any) -> Any:
    """A struct with the fields of this dataclass, some of them in another type.

    msgspec cannot tell the dataclasses of a union apart, so the one field that holds a union is
    read in a form of its own.
    """
    hints = get_type_hints(record)
    described: list[Any] = []
    for field in fields(record):
        hint = replaced.get(field.name, hints[field.name])
        if field.default is not MISSING:
            described.append((field.name, hint, field.default))
        elif field.default_factory is not MISSING:
            factory = msgspec.field(default_factory=field.default_factory)
            described.append((field.name, hint, factory))
        else:
            described.append((field.name, hint))
    return msgspec.defstruct(name, described, kw_only=True)


_StoredStage = _stored_form(StagePlan, "StoredStagePlan", conditions=tuple[_Condition, ...])
_StoredPlan = _stored_form(Plan, "StoredPlan", stages=GenericAlias(tuple, (_StoredStage, ...)))
_plan_decoder = msgspec.json.Decoder(_StoredPlan)
_stage_decoder = msgspec.json.Decoder(_StoredStage)

PUT_BOTH = """
WITH kept AS (INSERT INTO plans (digest, body) VALUES ($2, $4) ON CONFLICT DO NOTHING)
INSERT INTO documents (digest, body) VALUES ($1, $3) ON CONFLICT DO NOTHING
"""

# What a digest stands for never changes, so it need not be read and decoded twice.
_plans: OrderedDict[bytes, Plan] = OrderedDict()
_stage_plans: OrderedDict[bytes, StagePlan] = OrderedDict()


def digest_of(body: bytes) -> bytes:
    return sha256(body).digest()


def encode_plan(plan: Plan | StagePlan) -> bytes:
    """The one JSON form of a plan: equal plans have equal bytes."""
    if isinstance(plan, StagePlan):
        return msgspec.json.encode(_stored_stage(plan))
    stages = tuple(map(_stored_stage, plan.stages))
    return msgspec.json.encode(_record(_StoredPlan, plan, stages=stages))


def _stored_stage(plan: StagePlan) -> Any:
    return _record(_StoredStage, plan, conditions=tuple(map(_Condition.of, plan.conditions)))


def decode_plan(body: str | bytes) -> Plan:
    stored = _plan_decoder.decode(body)
    plan: Plan = _record(Plan, stored, stages=tuple(map(_stage_plan, stored.stages)))
    return plan


def decode_stage_plan(body: str | bytes) -> StagePlan:
    return _stage_plan(_stage_decoder.decode(body))


def _stage_plan(stored: Any) -> StagePlan:
    conditions = tuple(condition.read() for condition in stored.conditions)
    plan: StagePlan = _record(StagePlan, stored, conditions=conditions)
    return plan


def _record(made: Any, source: Any, **replaced: Any) -> Any:
    """The same fields in the other form; the names are those of the domain's dataclass."""
    described = source if is_dataclass(source) else made
    values = {field.name: getattr(source, field.name) for field in fields(described)}
    return made(**(values | replaced))


async def put_document(connection: Connection, body: str) -> bytes:
    """Store this text unless it is there already; its digest."""
    digest = digest_of(body.encode())
    await connection.execute(
        "INSERT INTO documents (digest, body) VALUES ($1, $2) ON CONFLICT DO NOTHING", digest, body
    )
    return digest


async def document(connection: Connection, digest: bytes) -> str:
    """The text of this digest; KeyError when there is none."""
    body: str | None = await connection.fetchval(
        "SELECT body FROM documents WHERE digest = $1", digest
    )
    if body is None:
        raise KeyError(digest.hex())
    return body


async def documents(connection: Connection, digests: Iterable[bytes]) -> dict[bytes, str]:
    """The texts of these digests; nothing of one that is not there."""
    wanted = list(digests)
    if not wanted:
        return {}
    rows = await connection.fetch(
        "SELECT digest, body FROM documents WHERE digest = ANY($1::bytea[])", wanted
    )
    return {row["digest"]: row["body"] for row in rows}


async def put_plan(connection: Connection, plan: Plan | StagePlan) -> bytes:
    """Store this plan unless it is there already; its digest."""
    body = encode_plan(plan)
    digest = digest_of(body)
    await connection.execute(
        "INSERT INTO plans (digest, body) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        digest,
        body.decode(),
    )
    return digest


async def put_both(connection: Connection, document: str, plan: Plan) -> tuple[bytes, bytes]:
    """Store a document and its plan in one statement; their digests."""
    body = encode_plan(plan)
    digests = digest_of(document.encode()), digest_of(body)
    await connection.execute(PUT_BOTH, *digests, document, body.decode())
    return digests


async def plan(connection: Connection, digest: bytes) -> Plan:
    """The plan of this digest, always the same object while it is remembered."""
    found: Plan | None = _recalled(_plans, digest)
    if found is None:
        [body] = (await _bodies(connection, [digest])).values()
        found = decode_plan(body)
        _remember(_plans, digest, found)
    return found


async def stage_plans(connection: Connection, digests: Iterable[bytes]) -> dict[bytes, StagePlan]:
    """The plans of single stages that differ from their release's plan."""
    wanted = set(digests)
    remembered = {digest: _recalled(_stage_plans, digest) for digest in wanted}
    found = {digest: plan for digest, plan in remembered.items() if plan is not None}
    if missing := wanted - found.keys():
        for digest, body in (await _bodies(connection, list(missing))).items():
            found[digest] = decode_stage_plan(body)
            _remember(_stage_plans, digest, found[digest])
    return found


def _recalled(memory: OrderedDict[bytes, Any], digest: bytes) -> Any:
    """What is remembered under this digest, which is now the last to be forgotten."""
    if digest in memory:
        memory.move_to_end(digest)
    return memory.get(digest)


def _remember(memory: OrderedDict[bytes, Any], digest: bytes, value: object) -> None:
    memory[digest] = value
    while len(memory) > REMEMBERED_PLANS:
        memory.popitem(last=False)


async def _bodies(connection: Connection, digests: list[bytes]) -> dict[bytes, str]:
    rows = await connection.fetch(
        "SELECT digest, body FROM plans WHERE digest = ANY($1::bytea[])", digests
    )
    return {row["digest"]: row["body"] for row in rows}

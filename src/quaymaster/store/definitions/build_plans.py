"""Compiled build definitions, stored once under the SHA-256 of their bytes."""

from functools import lru_cache

import msgspec

from quaymaster.domain.build_plan import BuildPlan
from quaymaster.store.postgres.database import Connection
from quaymaster.store.storage.bodies import digest_of

REMEMBERED = 256
_decoder = msgspec.json.Decoder(BuildPlan)


async def put(connection: Connection, plan: BuildPlan) -> bytes:
    """Store this plan unless it is there already; its digest."""
    body = msgspec.json.encode(plan)
    digest = digest_of(body)
    await connection.execute(
        "INSERT INTO plans (digest, body) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        digest,
        body.decode(),
    )
    return digest


async def of_definition(connection: Connection, definition_id: int) -> BuildPlan:
    """What a definition that there is says as it was saved last, without its YAML file."""
    body: str = await connection.fetchval(
        "SELECT p.body FROM definitions d JOIN plans p ON p.digest = d.plan_digest WHERE d.id = $1",
        definition_id,
    )
    return decode(body)


@lru_cache(maxsize=REMEMBERED)
def decode(body: str) -> BuildPlan:
    """The plan of a stored body."""
    return _decoder.decode(body)

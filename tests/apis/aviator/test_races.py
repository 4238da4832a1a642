"""Rollbacks and deployments at the same moment come one after the other."""

import asyncio

import asyncpg
import pytest

from tests.apis.aviator.server import Aviator

ROUNDS = 200
ACTIVE = ("pending", "in_progress", "canceling")


async def test_concurrent_rollbacks_and_deployments_give_one_legal_outcome(aviator: Aviator):
    await aviator.history([("1.0-rc1", "success"), ("1.1-rc1", "success"), ("1.2-rc1", "success")])
    for round_number in range(ROUNDS):
        barrier = asyncio.Barrier(4)
        asked = [
            at_once(barrier, aviator.roll_back()),
            at_once(barrier, aviator.roll_back()),
            at_once(barrier, aviator.deploy("1.2-rc1")),
            at_once(barrier, aviator.report("1.1-rc1", "success")),
        ]
        answers = await asyncio.gather(*asked)
        assert {answer.status_code for answer in answers} <= {200, 201, 409}, round_number
        await settled(aviator, [answer.json() for answer in answers if answer.status_code == 201])


async def test_a_report_takes_few_statements(aviator: Aviator, monkeypatch: pytest.MonkeyPatch):
    await aviator.history([("1.0-rc1", "in_progress")])
    sent: list[str] = []

    def counted(name: str) -> None:
        asked = getattr(asyncpg.Connection, name)

        async def ask(self: object, query: str, *values: object, **more: object) -> object:
            sent.append(query)
            return await asked(self, query, *values, **more)

        monkeypatch.setattr(asyncpg.Connection, name, ask)

    for name in ("execute", "fetch", "fetchrow", "fetchval"):
        counted(name)
    await aviator.report("1.0-rc1", "success")
    own = [query for query in sent if "pg_notify" not in query]  # which comes after the answer
    assert len(own) == len(["find", "BEGIN", "lock", "load", "write", "COMMIT"]), own


async def at_once(barrier, asking):  # type: ignore[no-untyped-def]
    await barrier.wait()
    return await asking


async def settled(aviator: Aviator, made) -> None:  # type: ignore[no-untyped-def]
    """One attempt under way per candidate at most, and every rollback had a target that ran."""
    listed = await aviator.listed(per_page=100)
    under_way = [one["release_candidate_version"] for one in listed if one["status"] in ACTIVE]
    assert len(under_way) == len(set(under_way))
    known = {one["id"] for one in listed}
    assert {one["id"] for one in made} <= known
    ran = {one["release_candidate_version"] for one in listed if one["status"] == "success"}
    assert {one["release_candidate_version"] for one in made} <= ran | {"1.2-rc1"}
    async with aviator.database.read() as connection:
        twice = await connection.fetchval(
            "SELECT count(*) FROM (SELECT stage_id FROM deployments WHERE outcome IS NULL"
            " GROUP BY stage_id HAVING count(*) > 1) AS more"
        )
    assert twice == 0

"""Which objects of the storage no row knows: what a process left behind that died between storing
an object and writing its row."""

from collections.abc import Sequence
from enum import StrEnum

from quaymaster.store.postgres import settings
from quaymaster.store.postgres.database import Connection

MARKS = "storage marks"


class Place(StrEnum):
    """The folders of the storage that the rows below speak of; nothing else is ever touched."""

    BUILDS = "builds"
    LOGS = "logs"
    ATTACHMENTS = "attachments"
    GATES = "gates"


# Each finds its rows by the number that every key carries: place/group/number/rest.
KNOWN = {
    Place.BUILDS: """
SELECT p.object_key AS key FROM container_pieces p JOIN container_files f ON f.id = p.file_id
WHERE f.build_id = ANY($1::bigint[])
""",
    Place.LOGS: """
SELECT object_key AS key FROM log_chunks
WHERE task_run_id = ANY($1::bigint[]) AND object_key IS NOT NULL
""",
    Place.ATTACHMENTS: """
SELECT object_key AS key FROM attachments WHERE task_run_id = ANY($1::bigint[])
""",
    Place.GATES: """
SELECT result ->> 'log' AS key FROM gate_runs g, json_array_elements(g.samples) AS sample,
  json_array_elements(sample -> 'results') AS result
WHERE g.id = ANY($1::bigint[]) AND result ->> 'log' <> ''
UNION ALL SELECT format('gates/%s/%s/%s-%s', gate_run_id / 10000, gate_run_id,
  lpad(sample::text, 6, '0'), rank)
FROM call_backs WHERE gate_run_id = ANY($1::bigint[])
""",
}


async def unknown(connection: Connection, place: Place, keys: Sequence[str]) -> list[str]:
    """Those of these keys that no row names; keys of another form are left alone."""
    numbered = {key: _number(key) for key in keys}
    owners = sorted({number for number in numbered.values() if number is not None})
    rows = await connection.fetch(KNOWN[place], owners)
    known = {row["key"] for row in rows}
    return [key for key, number in numbered.items() if number is not None and key not in known]


async def marks(connection: Connection) -> list[str]:
    """The marks by which this installation knows a storage as its own: the last, and the one
    before it."""
    return await settings.get(connection, None, MARKS, list[str]) or []


async def keep_marks(connection: Connection, found: Sequence[str]) -> None:
    """Know a storage by these marks from now on."""
    await settings.put(connection, None, MARKS, list(found))


def _number(key: str) -> int | None:
    parts = key.split("/")
    has_number = len(parts) == 4 and parts[2].isdecimal() and len(parts[2]) < 19
    return int(parts[2]) if has_number else None

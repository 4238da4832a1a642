"""The one statement that writes changed releases, put together from a part for each table.

All rows travel as one JSON parameter ($1); each part takes those of its own table out of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from quaymaster.domain.announcements import Announcement
from quaymaster.domain.record import Entry

COLUMNS = {
    "releases": "id bigint, status text, reason text, name text, name_key text, description text,"
    " created_by text, created_for text, created_at timestamptz, modified_by text,"
    " modified_at timestamptz, keep_forever boolean, variables json, stage_mask integer,"
    " due_at timestamptz, quarantine json",
    "stages": "id bigint, status text, is_manual boolean, evaluated json, trigger_reason text,"
    " variables json, modified_at timestamptz, attempt integer, newest_deployment_id bigint",
    "deployments": "id bigint, stage_id bigint, attempt integer, reason text, requested_by text,"
    " requested_for text, queued_at timestamptz, modified_at timestamptz, modified_by text,"
    " after_stages text[], scheduled_for timestamptz, deferred_until timestamptz,"
    " entered_queue_at timestamptz, has_slot boolean, slot integer, priority smallint,"
    " cancel_requested_at timestamptz, outcome text, status text, operation_status text,"
    " started_at timestamptz, completed_at timestamptz, comment text, variables json,"
    " report json, problem text, rolls_back bigint, override text, only_targets bigint[]",
    "approvals": "id bigint, deployment_id bigint, stage_id bigint, side text, position integer,"
    " rank integer, approver text, status text, created_at timestamptz, modified_at timestamptz,"
    " due_at timestamptz, is_automated boolean, approved_by text, comment text, revision integer,"
    " earlier json",
    "gate_runs": "id bigint, deployment_id bigint, stage_id bigint, side text,"
    " started_at timestamptz, samples json, ignored json, succeeding_since timestamptz,"
    " ended_as text, ended_at timestamptz",
    "interventions": "id bigint, deployment_id bigint, stage_id bigint, phase_rank integer,"
    " position integer, name text, instructions text, status text, created_at timestamptz,"
    " modified_at timestamptz, due_at timestamptz, resumes_on_timeout boolean,"
    " answered_by text, comment text",
    "phases": "id bigint, deployment_id bigint, rank integer, started_at timestamptz,"
    " is_skipped boolean, problem text, is_tolerant boolean",
    "jobs": "id bigint, phase_id bigint, deployment_id bigint, position integer, name text,"
    " status text, queue_id bigint, created_at timestamptz, worker text, token text,"
    " started_at timestamptz, ended_at timestamptz, error text, kind text, due_at timestamptz,"
    " target bigint, variables json",
}
# Columns of a new row that are looked up rather than told.
LOOKED_UP = {
    "deployments": {
        "project_id": "(SELECT project_id FROM releases WHERE id = x.release_id)",
        "definition_id": "(SELECT definition_id FROM releases WHERE id = x.release_id)",
        "definition_stage_id": "(SELECT definition_stage_id FROM stages WHERE id = x.stage_id)",
        # What is replaced: what a rollback takes away, else what the environment runs.
        "from_release_id": "coalesce(x.rolls_back, (SELECT d.release_id FROM deployments d"
        " WHERE d.definition_stage_id ="
        " (SELECT s.definition_stage_id FROM stages s WHERE s.id = x.stage_id)"
        " AND d.status IN ('succeeded', 'partiallySucceeded')"
        " ORDER BY d.id + 0 DESC LIMIT 1))",
    },
    "approvals": {
        "project_id": "(SELECT project_id FROM releases WHERE id = x.release_id)",
    },
    "gate_runs": {},
    "interventions": {},
    "phases": {},
    "jobs": {
        # A queue that the project does not have leads to the pool that every installation has,
        # never to one that was set apart: only server jobs are for any worker. The queue of a
        # target's job is a deployment group.
        "pool_id": "CASE x.kind WHEN 'target' THEN"
        " (SELECT g.pool_id FROM deployment_groups g JOIN releases r USING (project_id)"
        " WHERE g.id = x.queue_id AND r.id = x.release_id) ELSE coalesce("
        "(SELECT q.pool_id FROM queues q JOIN releases r USING (project_id)"
        " WHERE q.id = x.queue_id AND r.id = x.release_id),"
        " CASE x.kind WHEN 'agent' THEN (SELECT min(o.id) FROM pools o"
        " JOIN projects USING (organization_id) JOIN releases r ON r.project_id = projects.id"
        " WHERE r.id = x.release_id) END) END",
    },
}
PARENTS_FIRST = (
    "releases",
    "stages",
    "deployments",
    "approvals",
    "gate_runs",
    "interventions",
    "phases",
    "jobs",
)


def _names(table: str) -> list[str]:
    return [column.split()[0] for column in COLUMNS[table].split(", ")]


def _set(table: str, column: str) -> str:
    if (table, column) == ("deployments", "slot"):
        return "slot = coalesce(x.slot, t.slot)"  # told only when it is taken
    return f"{column} = x.{column}"


def _release(table: str) -> str:
    """The column that leads to the few rows of these releases. Without it PostgreSQL, which takes
    the JSON for a hundred rows, would rather read a whole table of thousands."""
    return "id" if table == "releases" else "release_id"


def _update(table: str) -> str:
    sets = ", ".join(_set(table, name) for name in _names(table) if name != "id")
    return (
        f"UPDATE {table} t SET {sets}"
        f" FROM json_to_recordset($1::json->'changed'->'{table}') AS x({COLUMNS[table]})"
        f" WHERE t.{_release(table)} = ANY ($2) AND t.id = x.id RETURNING t.id"
    )


def _insert(table: str) -> str:
    looked_up = LOOKED_UP[table]
    told = ["release_id", *_names(table)]
    names = ", ".join([*told, *looked_up])
    values = ", ".join([*(f"x.{name}" for name in told), *looked_up.values()])
    columns = f"release_id bigint, {COLUMNS[table]}"
    return (
        f"INSERT INTO {table} ({names}) SELECT {values}"
        f" FROM json_to_recordset($1::json->'added'->'{table}') AS x({columns})"
        f" ORDER BY x.id RETURNING id"
    )


# What goes with a decision, in the same statement: a round trip costs more than the rows do.
HISTORY = """
INSERT INTO history (release_id, stage_id, attempt, at, by, kind, details, comment)
SELECT e.release_id, e.stage_id, e.attempt, e.at, e.by, e.kind, e.details, e.comment
FROM json_to_recordset($1::json->'history') AS e(place integer, release_id bigint, stage_id bigint,
  attempt integer, at timestamptz, by text, kind text, details json, comment text)
ORDER BY e.place RETURNING id
"""
# Whether anybody listens or not: it runs with most changes of a release.
DELIVERIES = """
INSERT INTO deliveries (subscription_id, release_id, fact, created_at, due_at)
SELECT s.id, r.id, f.fact, f.at, f.at
FROM releases r JOIN projects p ON p.id = r.project_id
  JOIN subscriptions s ON s.organization_id = p.organization_id
    AND (s.project_id IS NULL OR s.project_id = p.id)
    AND (s.definition_id IS NULL OR s.definition_id = r.definition_id) AND s.is_enabled
  JOIN json_to_recordset($1::json->'told') AS f(place integer, release_id bigint, happening text,
    status text, definition_stage bigint, side text, fact json, at timestamptz)
    ON f.release_id = r.id AND f.happening = ANY (s.happenings)
    AND (s.definition_stage_id IS NULL OR s.definition_stage_id = f.definition_stage)
    AND (s.side IS NULL OR s.side = f.side)
    AND (s.statuses = '{}' OR f.status = ANY (s.statuses))
WHERE r.id = ANY ($2) ORDER BY f.place, s.created_at RETURNING id
"""

UPDATES = {table: _update(table) for table in COLUMNS}
INSERTS = {table: _insert(table) for table in LOOKED_UP}


@dataclass(frozen=True, slots=True)
class Beside:
    """What a decision leaves besides the release: its history, and what it gives reason to tell."""

    at: datetime
    history: Sequence[Entry] = ()
    told: Sequence[Announcement] = ()


@dataclass(slots=True)
class Difference:
    """The rows to write of one release, by table, and what goes with them."""

    release: int
    name: str = ""
    changed: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    added: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    beside: Beside | None = None

    def note(self, table: str, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        """Take in one row: new when there was none before, changed when a column differs."""
        if before is None:
            self.added.setdefault(table, []).append({**after, "release_id": self.release})
        elif before != after:
            self.changed.setdefault(table, []).append(after)

    def history(self) -> list[dict[str, Any]]:
        """What the decision leaves in the history, as rows."""
        if self.beside is None:
            return []
        return [
            {
                "release_id": self.release,
                "stage_id": entry.stage,
                "attempt": entry.attempt,
                "at": self.beside.at,
                "by": entry.by,
                "kind": entry.kind,
                "details": entry.details,
                "comment": entry.comment,
            }
            for entry in self.beside.history
        ]

    def told(self) -> list[dict[str, Any]]:
        """What it gives reason to tell, as rows."""
        if self.beside is None:
            return []
        return [
            {
                "release_id": self.release,
                "happening": one.happening,
                "status": one.status,
                "definition_stage": one.definition_stage,
                "side": one.side,
                "fact": one,
                "at": self.beside.at,
            }
            for one in self.beside.told
        ]


def statement(found: Sequence[Difference]) -> str | None:
    """What writes all of it, and answers how many deliveries were queued; None when nothing is to
    be written. Its parameters: `body`, and the ids of the releases."""
    parts = [
        sqls[table]
        for table in PARENTS_FIRST
        for kind, sqls in (("changed", UPDATES), ("added", INSERTS))
        if any(table in getattr(one, kind) for one in found)
    ]
    besides = [one.beside for one in found if one.beside]
    if any(beside.history for beside in besides):
        parts.append(HISTORY)
    tells = any(beside.told for beside in besides)
    if tells:
        parts.append(DELIVERIES)
    if not parts:
        return None
    named = ", ".join(f"part_{number} AS ({sql})" for number, sql in enumerate(parts))
    # $2 is always used, so that every combination takes the same parameters.
    queued = f"(SELECT count(*) FROM part_{len(parts) - 1})" if tells else "0"
    return f"WITH {named} SELECT {queued} WHERE $2::bigint[] IS NOT NULL"


def body(found: Sequence[Difference]) -> str:
    """All rows, as the one parameter in which they travel."""
    rows = {
        "changed": _by_table([one.changed for one in found]),
        "added": _by_table([one.added for one in found]),
        "history": _in_order(row for one in found for row in one.history()),
        "told": _in_order(row for one in found for row in one.told()),
    }
    return msgspec.json.encode(rows).decode()


def _by_table(each: Sequence[dict[str, list[dict[str, Any]]]]) -> dict[str, list[dict[str, Any]]]:
    merged: dict[str, list[dict[str, Any]]] = {}
    for tables in each:
        for table, rows in tables.items():
            merged.setdefault(table, []).extend(rows)
    return merged


def _in_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"place": place, **row} for place, row in enumerate(rows)]
